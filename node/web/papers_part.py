"""Papers as the page shows them: texts alone, in the order in which a shopper asks."""

from dataclasses import dataclass

from node.web import words
from node.web.papers import Carbon, Declared, Leg, Paper, Papers


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A document: what it is, who stands behind it, and whether it holds (``mark``: good, plain or bad)."""

    title: str
    behind: str
    details: str
    mark: str


@dataclass(frozen=True, slots=True)
class CustomsRow:
    """A customs declaration."""

    number: str
    state: str
    way: str
    code: str
    origin: str
    behind: str
    mark: str


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg's part of the emissions."""

    what: str
    grams: str
    details: str


@dataclass(frozen=True, slots=True)
class CarbonPart:
    """The emissions with their sum."""

    total: str
    legs: tuple[LegRow, ...]
    omitted: int
    unknown: int


@dataclass(frozen=True, slots=True)
class PapersPart:
    """All that is shown of papers."""

    documents: tuple[PaperRow, ...]
    declarations: tuple[CustomsRow, ...]
    carbon: CarbonPart | None
    omitted: int


def papers_part(papers: Papers) -> PapersPart:
    """Return the texts of papers."""
    return PapersPart(
        documents=tuple(map(_paper, papers.documents)),
        declarations=tuple(map(_declared, papers.declarations)),
        carbon=None if papers.carbon is None else _carbon(papers.carbon),
        omitted=papers.omitted,
    )


def _paper(paper: Paper) -> PaperRow:
    who = "an unknown firm" if paper.said_by is None else paper.said_by.name
    behind = {
        "verified": f"Verified by {who}, which issued it",
        "evidenced": f"Evidenced by {who}" + (f", which says that {paper.issuer} issued it" if paper.issuer else ""),
        "revoked": f"Revoked by {who}: {paper.reason}",
        "expired": f"Expired; {who} stood behind it",
        "not_yet": f"Not valid yet; {who} stands behind it",
    }[paper.state]
    details = [] if paper.kind == paper.title else [paper.kind]
    if paper.reference is not None:
        details.append(f"number {paper.reference}")
    if paper.valid_until_ms is not None:
        details.append(f"valid until {words.date_text(paper.valid_until_ms)}")
    mark = {"verified": "good", "revoked": "bad", "expired": "bad"}.get(paper.state, "plain")
    return PaperRow(paper.title, behind, " · ".join(details), mark)


def _declared(made: Declared) -> CustomsRow:
    behind = "an unknown firm" if made.declared_by is None else made.declared_by.name
    state = words.CUSTOMS[made.status]
    if made.decided_by is not None:
        state += f" ({made.decided_by.name})"
    if made.comment is not None:
        state += f": {made.comment}"
    return CustomsRow(
        number=made.id,
        state=state,
        way=f"{made.leaves} \u2192 {made.enters}",
        code=f"{made.hs_code} ({made.hs_edition})",
        origin=made.origin,
        behind=behind,
        mark="bad" if made.status in ("held", "refused") else "good" if made.status == "released" else "plain",
    )


def _carbon(carbon: Carbon) -> CarbonPart:
    return CarbonPart(
        total=words.mass_text(carbon.grams),
        legs=tuple(map(_leg, carbon.legs)),
        omitted=carbon.number - len(carbon.legs),
        unknown=carbon.unknown,
    )


def _leg(leg: Leg) -> LegRow:
    who = "an unknown firm" if leg.said_by is None else leg.said_by.name
    what = words.MODES[leg.mode] + (f", {words.distance_text(leg.distance_metres)}" if leg.distance_metres else "")
    if leg.relation == "source":
        what += " (of what it was made from)"
    details = f"{who}, {words.DATA_QUALITIES[leg.data]}, factor: {leg.source}"
    return LegRow(what, words.mass_text(leg.grams), details)
