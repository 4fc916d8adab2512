"""The journey of a thing as a shopper reads it: chapters, each what one firm recorded, with the hand-overs between.

Made from the trace back: the thing's own records, those of what it was packed in while it was in it, and those of what
it was made from. Steps are in the order in which they happened. A hand-over has no time but that of its block, so it
stands behind the latest step that was on the ledger before it: an importer who writes a whole journey in an afternoon
gets the same story as firms that write as they go.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, cast

from contracts import heads
from contracts.provenance.events import ADD, AGGREGATION, ASSOCIATION, DELETE, OBJECT, TRANSFORMATION, Event
from node.links import Branch
from node.queries import get_head, product_name
from node.records import Record
from node.storage.store import Store
from node.trace import Node
from node.web import words
from node.web.places import Firm, Place, Places
from standards.epcis.operations import operation_to_event, plain_event
from standards.errors import OperationError

STEPS_MAX: Final = 60
"""Steps that a page shows; the newest ones, and it says how many there are besides."""
HAND_OVERS_MAX: Final = 30
_TITLE_LENGTH_MAX: Final = 140
_WARNINGS_MAX: Final = 3

OWN: Final = "own"
PACKED: Final = "packed"
SOURCE: Final = "source"


@dataclass(frozen=True, slots=True)
class Telling:
    """A record as it belongs to the thing: its own, of what it was packed in, or of what it was made from."""

    record: Record
    node: Node
    scope: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a firm recorded. Times are UTC milliseconds; ``date`` and ``time`` are local to where it was."""

    at_ms: int
    offset_minutes: int
    date: str
    time: str
    title: str
    scope: str
    about: str | None
    about_id: str
    place: Place | None
    recorded_by: Firm | None
    lowest_milli_celsius: int | None
    highest_milli_celsius: int | None
    warnings: tuple[str, ...]
    is_declared_wrong: bool
    still_to_come: str | None
    height: int
    transaction: str

    @property
    def temperature(self) -> str | None:
        """The temperatures that were measured, as text."""
        if self.lowest_milli_celsius is None:
            return None
        return words.celsius_text(self.lowest_milli_celsius, self.highest_milli_celsius)


@dataclass(frozen=True, slots=True)
class HandOver:
    """One firm offered and another accepted; both signatures are on the ledger."""

    at_ms: int
    date: str
    giver: Firm | None
    taker: Firm | None
    kind: str
    about: str | None
    condition: str | None
    discrepancies: int
    height: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """Steps in a row that one firm recorded, and the hand-overs after them."""

    recorded_by: Firm | None
    days: str
    steps: tuple[Step, ...]
    hand_overs: tuple[HandOver, ...]


Part: TypeAlias = Step | HandOver


@dataclass(frozen=True, slots=True)
class Journey:
    """All chapters; ``omitted`` steps and hand-overs are on the ledger and not here."""

    chapters: tuple[Chapter, ...]
    omitted: int


def written_event(record: Record) -> Mapping[str, object]:
    """Return an event as its captor wrote it, or by what the ledger acted on where the rest contradicts that.

    The ledger takes events that no EPCIS document can hold; of those nothing is left to show besides.
    """
    for read in (operation_to_event, plain_event):
        try:
            return read(record.arguments)
        except OperationError:
            continue
    return {}


def tellings(root: Node) -> list[Telling]:
    """Return every record of a trace once, nearest to the thing first, in the order in which they happened."""
    found: dict[tuple[int, int, int], Telling] = {}
    for node, scope in _walk(root, OWN):
        for record in node.records:
            found.setdefault(record.position, Telling(record, node, scope))
    return sorted(found.values(), key=lambda telling: (telling.record.at_ms, telling.record.position))


class JourneyWriter:
    """Writes the journey of one thing out of its tellings."""

    def __init__(self, store: Store, places: Places) -> None:
        self._store = store
        self._places = places
        self._names: dict[str, str] = {}

    def write(self, told: list[Telling]) -> Journey:
        """Return the chapters of the journey."""
        steps = [(telling.record, self._step(telling)) for telling in told if telling.record.event is not None]
        omitted = max(0, len(steps) - STEPS_MAX)
        hand_overs = self._hand_overs(told)
        omitted_hand_overs = max(0, len(hand_overs) - HAND_OVERS_MAX)
        chapters = tuple(_chapters(steps[omitted:], hand_overs[omitted_hand_overs:]))
        return Journey(chapters, omitted + omitted_hand_overs)

    def name(self, identifier: str) -> str:
        """Return what to call a thing: the name of its product, else what its number stands for."""
        if identifier not in self._names:
            head = get_head(self._store, heads.item(identifier)) or get_head(self._store, heads.lot(identifier)) or {}
            gtin = head.get("product")
            name = product_name(self._store, gtin) if isinstance(gtin, str) else None
            self._names[identifier] = name or words.thing_text(identifier)
        return self._names[identifier]

    def _step(self, telling: Telling) -> Step:
        record, event = telling.record, telling.record.event
        assert event is not None, "steps are events"
        offset = record.arguments.get("offset_minutes")
        offset_minutes = offset if type(offset) is int else 0
        # A declaration repeats its event, and with it readings that are said to be wrong.
        readings = list(record.readings()) if event.declaration is None else []
        written = written_event(record) if "residue" in record.arguments else {}
        rules = dict.fromkeys(record.violations(telling.node.identifier))
        return Step(
            at_ms=event.time_ms,
            offset_minutes=offset_minutes,
            date=words.date_text(event.time_ms, offset_minutes),
            time=words.time_text(event.time_ms, offset_minutes),
            title=words.shortened(self._title(event, record, telling.node.identifier), _TITLE_LENGTH_MAX),
            scope=telling.scope,
            about=None if telling.scope == OWN else self.name(telling.node.identifier),
            about_id=telling.node.identifier,
            place=self._places.of_event(record.arguments, written),
            recorded_by=self._places.firm(record.organisation),
            lowest_milli_celsius=min((reading.lowest for reading in readings), default=None),
            highest_milli_celsius=max((reading.highest for reading in readings), default=None),
            warnings=tuple(map(words.rule_text, rules))[:_WARNINGS_MAX],
            is_declared_wrong=record.is_declared_wrong,
            still_to_come=_still_to_come(record),
            height=record.height,
            transaction=record.transaction_id.hex(),
        )

    def _title(self, event: Event, record: Record, identifier: str) -> str:
        """Return what happened, from the point of view of one thing."""
        if event.declaration is not None:
            return "An earlier entry was declared wrong"
        term = record.arguments.get("biz_step")
        step = words.step_text(term if isinstance(term, str) else None)
        if event.type == TRANSFORMATION:
            return self._made(event, identifier) or step or "Made"
        if event.type == AGGREGATION and event.action in (ADD, DELETE) and event.parent is not None:
            return self._packed(event, event.parent, identifier)
        if event.type == ASSOCIATION and event.action in (ADD, DELETE) and event.parent is not None:
            return self._fitted(event, event.parent, identifier)
        if event.type == OBJECT and event.action == DELETE:
            return step or "Taken out of use"
        if event.type == OBJECT and event.action == ADD:
            return step or words.STEPS["commissioning"]
        return step or "Seen"

    def _made(self, event: Event, identifier: str) -> str | None:
        classes = [quantity.class_id for quantity in event.output_quantities]
        if identifier in (*event.outputs, *classes):
            sources = [*event.inputs, *(quantity.class_id for quantity in event.input_quantities)]
            return f"Made from {self._counted(sources)}" if sources else None
        made = [*event.outputs, *classes]
        return f"Made into {self._counted(made)}" if made else None

    def _packed(self, event: Event, parent: str, identifier: str) -> str:
        contents = [*event.children, *(quantity.class_id for quantity in event.child_quantities)]
        verb, into, out = ("Packed", "into", "with") if event.action == ADD else ("Unpacked", "from", "of")
        if identifier != parent:
            return f"{verb} {into} {_article(self.name(parent))}"
        return f"{verb} {out} {self._counted(contents)}" if contents else "Emptied"

    def _fitted(self, event: Event, parent: str, identifier: str) -> str:
        is_added = event.action == ADD
        if identifier != parent:
            return f"{'Fitted to' if is_added else 'Taken off'} {_article(self.name(parent))}"
        fitted = self._counted(list(event.children)) if event.children else "equipment"
        return f"{fitted[:1].upper()}{fitted[1:]} {'attached' if is_added else 'taken off'}"

    def _counted(self, identifiers: list[str]) -> str:
        """Return things by name and number: ``4 x Yellowfin tuna loin``."""
        numbers: dict[str, int] = {}
        for identifier in identifiers[:1_000]:
            name = self.name(identifier)
            numbers[name] = numbers.get(name, 0) + 1
        listed = [name if number == 1 else f"{number} \u00d7 {name}" for name, number in list(numbers.items())[:3]]
        rest = len(numbers) - 3
        return ", ".join(listed) + (f" and {rest} more" if rest > 0 else "")

    def _hand_overs(self, told: list[Telling]) -> list[tuple[Record, HandOver]]:
        """Return the acceptances, each with the offer that it answers, in the order of the chain."""
        accepted = [telling for telling in told if telling.record.method == "custody.accept"]
        rows = [(telling.record, self._hand_over(telling)) for telling in accepted]
        return sorted(rows, key=lambda row: row[0].position)

    def _hand_over(self, telling: Telling) -> HandOver:
        record, offer = telling.record, telling.record.offer or {}
        condition = record.arguments.get("condition")
        listed = record.arguments.get("discrepancies")
        return HandOver(
            at_ms=record.block_time_ms,
            date=words.date_text(record.block_time_ms),
            giver=self._places.firm(cast("str | None", offer.get("from"))),
            taker=self._places.firm(cast("str | None", offer.get("to"))),
            kind=cast(str, offer.get("kind", "custody")),
            about=None if telling.scope == OWN else self.name(telling.node.identifier),
            condition=words.shortened(condition, _TITLE_LENGTH_MAX) if isinstance(condition, str) else None,
            discrepancies=len(listed) if isinstance(listed, list) else 0,
            height=record.height,
            transaction=record.transaction_id.hex(),
        )


def _walk(node: Node, scope: str) -> Iterator[tuple[Node, str]]:
    """Yield the nodes of a trace, the thing first, then what it was packed in, then what it was made from."""
    yield node, scope
    for branch, below in ((Branch.CONTAINERS, PACKED if scope == OWN else scope), (Branch.MADE_FROM, SOURCE)):
        for child in node.branches.get(branch, []):
            yield from _walk(child, below)


def _chapters(steps: list[tuple[Record, Step]], hand_overs: list[tuple[Record, HandOver]]) -> Iterator[Chapter]:
    """Yield the steps, grouped by who recorded them, with each hand-over behind the latest step before it."""
    after: dict[int, list[HandOver]] = {}
    for accepted, hand_over in hand_overs:
        known = (index for index, (record, _) in enumerate(steps) if record.position < accepted.position)
        after.setdefault(max(known, default=-1), []).append(hand_over)
    open_chapter = Chapter(None, "", (), tuple(after.get(-1, ())))
    for index, (_, step) in enumerate(steps):
        if open_chapter.hand_overs or (open_chapter.steps and open_chapter.recorded_by != step.recorded_by):
            yield open_chapter
            open_chapter = Chapter(step.recorded_by, "", (), ())
        rows = (*open_chapter.steps, step)
        first = rows[0]
        days = words.span_text(first.at_ms, first.offset_minutes, step.at_ms, step.offset_minutes)
        open_chapter = replace(
            open_chapter, recorded_by=step.recorded_by, days=days, steps=rows, hand_overs=tuple(after.get(index, ()))
        )
    if open_chapter.steps or open_chapter.hand_overs:
        yield open_chapter


def _article(name: str) -> str:
    """Return a name in the middle of a sentence: with its article where it is one of our words."""
    return f"a {name}" if name.startswith(("shipping unit", "returnable container", "thing", "item")) else name


def _still_to_come(record: Record) -> str | None:
    """Return what is missing of the document that a record came in, None where nothing is."""
    document = record.document
    if document is None or document.is_whole:
        return None
    missing = document.parts - document.captured
    return (
        f"Part of a longer report: {missing} of its {document.parts} parts {'is' if missing == 1 else 'are'} missing."
    )
