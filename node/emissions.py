"""What greenhouse gas a thing stands for: the emissions along its trace, each counted once.

The rule: a leg counts for the thing that it names, whole. Of a leg of what it was packed in at the time it bears its
part by mass, and so of its lot. What was made of others bears what these bore up to then, by mass, or evenly where all
that was made is of one product. So what the parts bear never adds up to more than the whole. Where a mass is not known
nothing is guessed: the leg is named as not apportioned and left out. Parts are exact fractions, and the sum is rounded
once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, cast

from contracts import heads
from contracts.identifiers import lot_link, product_of
from contracts.provenance.emissions import STANDING
from contracts.provenance.recalls import ITEM, LOT
from contracts.provenance.subjects import Subject
from ledger.readable import Json
from ledger.state import Head
from node.links import Branch, Interval, Transformation
from node.queries import JsonObject, get_head
from node.storage.store import Store
from node.trace import Node

OWN: Final = "own"
CARRIED: Final = "carried"
SOURCE: Final = "source"


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg or a hub that a thing bears a part of: its own, carried in something, or of what it was made from."""

    id: str
    relation: str
    organisation: str
    mode: str
    distance_metres: int
    data: str
    source: str
    from_ms: int
    part: Fraction

    @property
    def grams(self) -> int:
        """The part in grams, rounded half up."""
        return _rounded(self.part)


@dataclass(slots=True)
class Emissions:
    """The legs by time, the ids of those whose part is not known, and whether the trace was followed to its end."""

    legs: list[Leg] = field(default_factory=list)
    not_apportioned: list[str] = field(default_factory=list)
    is_complete: bool = True

    @property
    def grams(self) -> int:
        """The sum, rounded once: that of the rounded legs may differ by some grams."""
        return _rounded(sum((leg.part for leg in self.legs), Fraction(0)))

    def to_json(self) -> JsonObject:
        """Return it in the shape of docs/api.md."""
        names = ("id", "relation", "organisation", "mode", "distance_metres", "data", "source", "from_ms", "grams")
        return {
            "grams": self.grams,
            "legs": [cast("Json", {name: getattr(leg, name) for name in names}) for leg in self.legs],
            "not_apportioned": list[Json](self.not_apportioned),
            "is_complete": self.is_complete,
        }


def emissions(store: Store, root: Node) -> Emissions:
    """Return the emissions of the root of a trace that looks back."""
    found = _Adder(store)
    found.life(root, Fraction(1), OWN)
    legs = sorted(found.legs, key=lambda leg: (leg.from_ms, leg.id))
    is_complete = not any(mark.reason in ("limit", "pruned") for node in root.walk() for mark in node.marks)
    return Emissions(legs, sorted(found.unknown - {leg.id for leg in legs}), is_complete)


class _Adder:
    """Goes through a trace; a life is that of the thing, and of each thing that it was made from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.legs: list[Leg] = []
        self.unknown: set[str] = set()

    def life(self, node: Node, share: Fraction, relation: str) -> None:
        """Add the legs of a thing's own life, with all that it was packed in and made from."""
        counted: set[str] = set()
        mass = self._mass(node.identifier)
        for leg, made, _ in self._named(node, node.window):
            counted.add(leg)
            self._add(leg, made, self._grams(made, node.identifier) * share, relation)
        for carrier, window in self._carriers(node):
            for leg, made, row_mass in self._named_by(carrier, window):
                if leg in counted:
                    continue
                counted.add(leg)
                if mass is None or mass > row_mass:
                    self.unknown.add(leg)
                    continue
                part = self._grams(made, carrier[1]) * Fraction(mass, row_mass) * share
                self._add(leg, made, part, CARRIED if relation == OWN else relation)
        for source in node.branches.get(Branch.MADE_FROM, []):
            part_of = self._part_of(node, source)
            if part_of is None:
                self.unknown.update(leg for leg, _, _ in self._named(source, source.window))
            else:
                self.life(source, share * part_of, SOURCE)

    def _add(self, leg: str, made: Head, part: Fraction, relation: str) -> None:
        self.legs.append(
            Leg(
                id=leg,
                relation=relation,
                organisation=cast(str, made["organisation"]),
                mode=cast(str, made["mode"]),
                distance_metres=cast(int, made["distance_metres"]),
                data=cast(str, made["data"]),
                source=cast(str, made["source"]),
                from_ms=cast(int, made["from_ms"]),
                part=part,
            )
        )

    def _carriers(self, node: Node) -> Iterator[tuple[Subject, Interval | None]]:
        """Yield what a thing was in, the closest first, with the time of that; at last its lot."""
        level = node.branches.get(Branch.CONTAINERS, [])
        while level:
            for one in level:
                yield self._subject(one), one.interval
            level = [outer for one in level for outer in one.branches.get(Branch.CONTAINERS, [])]
        head = {} if node.thing is None else node.thing.head
        gtin, lot = (cast("str | None", head.get(name)) for name in ("product", "lot"))
        if node.thing is not None and node.thing.kind == ITEM and gtin is not None and lot is not None:
            yield (LOT, lot_link(gtin, lot)), None

    def _named(self, node: Node, window: Interval | None) -> Iterator[tuple[str, Head, int]]:
        yield from self._named_by(self._subject(node), window)

    def _named_by(self, subject: Subject, window: Interval | None) -> Iterator[tuple[str, Head, int]]:
        """Yield the standing legs that name a subject and began in a time, with the mass that they name."""
        listed = get_head(self._store, heads.emitted(*subject)) or {"papers": []}
        for leg in cast("list[str]", listed["papers"]):
            made = get_head(self._store, heads.emission(leg))
            assert made is not None, "what is listed was recorded"
            if made["status"] == STANDING and (window is None or window.holds(cast(int, made["from_ms"]))):
                yield leg, made, cast(int, _row(made, subject[1])[2])

    def _grams(self, made: Head, identifier: str) -> int:
        return cast(int, _row(made, identifier)[3])

    def _subject(self, node: Node) -> Subject:
        return (ITEM if node.thing is None or node.thing.kind == ITEM else LOT), node.identifier

    def _mass(self, identifier: str) -> int | None:
        """Return the mass of one piece, as the product's owner registered it; a lot is no piece."""
        gtin = product_of(identifier)
        head = None if gtin is None or "/21/" not in identifier else get_head(self._store, heads.product(gtin))
        return None if head is None else cast("int | None", head.get("mass_grams"))

    def _part_of(self, node: Node, source: Node) -> Fraction | None:
        """Return which part of what a source bore falls to a thing that was made of it, or None."""
        if "/21/" not in source.identifier:
            return None
        for made in node.transformations:
            outputs = _outputs(made, source.identifier)
            if node.identifier in outputs:
                return self._by_mass(node.identifier, outputs)
        return None

    def _by_mass(self, identifier: str, outputs: tuple[str, ...]) -> Fraction | None:
        if len({product_of(one) for one in outputs}) == 1 and all("/21/" in one for one in outputs):
            return Fraction(1, len(outputs))
        masses = [self._mass(one) for one in outputs]
        own = self._mass(identifier)
        if own is None or None in masses:
            return None
        return Fraction(own, sum(cast("list[int]", masses)))


def _outputs(made: Transformation, source: str) -> tuple[str, ...]:
    """Return all that a transformation made, if a thing went into it: a class that is counted stands for itself."""
    inputs: set[str] = set()
    outputs: dict[str, None] = {}
    for record in made.parts:
        if record.event is not None:
            inputs.update(record.event.inputs)
            outputs.update(dict.fromkeys(record.event.outputs))
            outputs.update(dict.fromkeys(quantity.class_id for quantity in record.event.output_quantities))
    return tuple(outputs) if source in inputs else ()


def _row(made: Head, identifier: str) -> list[object]:
    return next(row for row in cast("list[list[object]]", made["goods"]) if row[1] == identifier)


def _rounded(part: Fraction) -> int:
    return (2 * part.numerator + part.denominator) // (2 * part.denominator)
