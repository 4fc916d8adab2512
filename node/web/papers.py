"""What the page tells of papers: documents and who stands behind them, customs declarations, and emissions.

A document that was evidenced is shown as the word of whoever holds the thing, one that was verified as the word of its
issuer. One that was revoked or has expired is shown as that, never left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from contracts.provenance.documents import REVOKED, VERIFIED
from ledger.state import Head
from node.emissions import emissions
from node.papers import declarations, documents
from node.storage.store import Store
from node.trace import Node
from node.web import words
from node.web.places import Firm, Places
from standards.countries import country_name

_DOCUMENTS_MAX: Final = 12
_DECLARATIONS_MAX: Final = 6
_LEGS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Paper:
    """What one organisation says of a document; ``state``: verified, evidenced, revoked, expired or not_yet."""

    hash: str
    kind: str
    title: str
    state: str
    said_by: Firm | None
    issuer: str | None
    reference: str | None
    valid_until_ms: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """A customs declaration; countries by their names."""

    id: str
    procedure: str
    hs_code: str
    hs_edition: str
    origin: str
    leaves: str
    enters: str
    status: str
    comment: str | None
    declared_by: Firm | None
    decided_by: Firm | None


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a leg's emissions, with who says so and how good the data is."""

    mode: str
    relation: str
    distance_metres: int
    data: str
    source: str
    grams: int
    said_by: Firm | None


@dataclass(frozen=True, slots=True)
class Carbon:
    """The emissions that a thing bears in grams of CO2 equivalents; ``unknown`` legs are not in them."""

    grams: int
    number: int
    legs: tuple[Leg, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class Papers:
    """All papers of a thing, and how many more there are than are shown."""

    documents: tuple[Paper, ...]
    omitted: int
    declarations: tuple[Declared, ...]
    carbon: Carbon | None


def papers_of(store: Store, root: Node, places: Places, now_ms: int) -> Papers:
    """Return the papers of the root of a trace."""
    said = sorted(_documents(store, root.identifier, places, now_ms), key=lambda one: _ORDER[one.state])
    declared = tuple(_declarations(store, root.identifier, places))
    return Papers(
        documents=tuple(said[:_DOCUMENTS_MAX]),
        omitted=max(0, len(said) - _DOCUMENTS_MAX) + max(0, len(declared) - _DECLARATIONS_MAX),
        declarations=declared[-_DECLARATIONS_MAX:],
        carbon=_carbon(store, root, places),
    )


_ORDER: Final = {"revoked": 0, "expired": 1, "verified": 2, "evidenced": 3, "not_yet": 4}


def _documents(store: Store, identifier: str, places: Places, now_ms: int) -> Iterator[Paper]:
    for document in documents(store, identifier):
        for organisation, said in cast("dict[str, Head]", document["statements"]).items():
            kind = words.document_text(cast(str, said["kind"]))
            yield Paper(
                hash=cast(str, document["hash"]),
                kind=kind,
                title=cast(str, said.get("title", kind)),
                state=_state(said, now_ms),
                said_by=places.firm(organisation),
                issuer=cast("str | None", said.get("issuer")),
                reference=cast("str | None", said.get("reference")),
                valid_until_ms=cast("int | None", said.get("valid_until_ms")),
                reason=cast("str | None", said.get("revocation_reason")),
            )


def _state(said: Head, now_ms: int) -> str:
    if said["status"] == REVOKED:
        return REVOKED
    if cast(int, said.get("valid_until_ms", now_ms + 1)) <= now_ms:
        return "expired"
    if cast(int, said.get("valid_from_ms", 0)) > now_ms:
        return "not_yet"
    return VERIFIED if said["level"] == VERIFIED else "evidenced"


def _declarations(store: Store, identifier: str, places: Places) -> Iterator[Declared]:
    for made in declarations(store, identifier):
        text = {name: value for name, value in made.items() if isinstance(value, str)}
        yield Declared(
            id=text["id"],
            procedure=text["procedure"],
            hs_code=text["hs_code"],
            hs_edition=text["hs_edition"],
            origin=country_name(text["origin"]),
            leaves=country_name(text["from"]),
            enters=country_name(text["to"]),
            status=text["status"],
            comment=text.get("comment"),
            declared_by=places.firm(text["organisation"]),
            decided_by=places.firm(text.get("decided_by")),
        )


def _carbon(store: Store, root: Node, places: Places) -> Carbon | None:
    found = emissions(store, root)
    if not found.legs and not found.not_apportioned:
        return None
    legs = tuple(
        Leg(
            mode=leg.mode,
            relation=leg.relation,
            distance_metres=leg.distance_metres,
            data=leg.data,
            source=leg.source,
            grams=leg.grams,
            said_by=places.firm(leg.organisation),
        )
        for leg in found.legs[-_LEGS_MAX:]
    )
    return Carbon(found.grams, len(found.legs), legs, len(found.not_apportioned))
