"""Firms and sites by name.

A site is named by what the event that mentions it says (an extension ``...name`` beside its id), else after the firm
in whose range of GS1 numbers its GLN lies, else by its number alone. A guess is never shown as a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from ledger.codec import decode_own
from ledger.state import Head, head_key, split_key
from node.queries import organisation_name
from node.spots import spot_of
from node.storage.store import Store
from standards.digital_link import CANONICAL_STEM, canonical_id

_FIRMS_MAX: Final = 2_000
# The shortest prefix that GS1 gives to a company in a GLN has 6 digits, most have 7 or more.
_PREFIX_LENGTH_MIN: Final = 7
_NAME_LENGTH_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Firm:
    """An organisation of the network; the name is its id where it is not registered (any more)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happened. ``name`` is what was recorded, ``firm`` whose range its number lies in."""

    id: str
    gln: str | None
    name: str | None
    firm: Firm | None

    @property
    def text(self) -> str:
        """The place for people."""
        if self.name is not None:
            return self.name
        if self.firm is not None:
            return f"Site of {self.firm.name}"
        if self.gln is not None:
            return "Site"
        spot = spot_of(self.id)
        return self.id if spot is None else spot.text


class Places:
    """Names firms and sites out of one store, each read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._firms: dict[str, Firm] = {}
        self._by_gln: dict[str, str] | None = None

    def firm(self, identifier: str | None) -> Firm | None:
        """Return an organisation, or None for None."""
        if identifier is None:
            return None
        if identifier not in self._firms:
            self._firms[identifier] = Firm(identifier, organisation_name(self._store, identifier) or identifier)
        return self._firms[identifier]

    def place(self, identifier: str, written: object = None) -> Place:
        """Return a site; ``written`` is the location object of the event that names it."""
        gln = _gln(identifier)
        return Place(identifier, gln, _recorded_name(written), None if gln is None else self._owner(gln))

    def of_event(self, arguments: Mapping[str, object], event: Mapping[str, object]) -> Place | None:
        """Return where an event left its things, or else where it was seen."""
        for argument, field in (("biz_location", "bizLocation"), ("read_point", "readPoint")):
            identifier = arguments.get(argument)
            if isinstance(identifier, str):
                return self.place(identifier, event.get(field))
        return None

    def _owner(self, gln: str) -> Firm | None:
        """Return the only organisation whose own GLN begins with as many equal digits as any does."""
        if self._by_gln is None:
            self._by_gln = self._read_glns()
        best = max((_shared(gln, other) for other in self._by_gln), default=0)
        if best < _PREFIX_LENGTH_MIN:
            return None
        found = {firm for other, firm in self._by_gln.items() if _shared(gln, other) == best}
        return self.firm(found.pop()) if len(found) == 1 else None

    def _read_glns(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for seen, (key, encoded) in enumerate(self._store.heads(head_key("organisation") + b"\0")):
            if seen == _FIRMS_MAX:
                break
            gln = cast(Head, decode_own(encoded)).get("gln")
            if isinstance(gln, str):
                found[gln] = split_key(key)[1]
        return found


def _gln(identifier: str) -> str | None:
    """Return the GLN of a site's or a party's Digital Link."""
    parts = canonical_id(identifier).removeprefix(CANONICAL_STEM + "/").split("/")
    return parts[1] if len(parts) >= 2 and parts[0] in {"414", "417"} else None


def _shared(one: str, other: str) -> int:
    """Return how many leading digits two GLNs share."""
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _recorded_name(written: object) -> str | None:
    if not isinstance(written, Mapping):
        return None
    for key, value in written.items():
        is_name = isinstance(key, str) and key.rsplit(":", 1)[-1].rsplit("/", 1)[-1].rsplit("#", 1)[-1] == "name"
        if is_name and isinstance(value, str) and value.strip():
            return value.strip()[:_NAME_LENGTH_MAX]
    return None
