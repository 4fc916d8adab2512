"""Records as people and programs read them: one operation of a committed transaction, decoded and explained.

A record belongs to the history of every head that its operation touched. What it says depends on who asks: the
violations shown are those of the thing in question.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, cast

from contracts import heads
from contracts.provenance.events import Event, Quantity, read_event
from ledger.block import Header
from ledger.codec import Value, decode_own
from ledger.readable import Json, to_json
from ledger.receipt import Receipt
from ledger.state import Head
from ledger.transaction import Transaction
from node.document_parts import DocumentPart, part_of
from node.storage.rows import Position
from node.storage.store import Store

CAPTURE: Final = "provenance.capture"
_CUSTODY: Final = "custody."
_CACHED_MAX: Final = 8
_CACHED_NAMES_MAX: Final = 200_000
"""Identifiers in the records that are kept: an event that made a thousand things is read once for all of them."""
_LISTED_MAX: Final = 100
"""Entries of a list inside an event that are shown; ``counts`` says how many there are."""
_PLAIN_FIELDS: Final = (
    "type",
    "action",
    "event_id",
    "parent",
    "transformation_id",
    "biz_step",
    "disposition",
    "read_point",
    "biz_location",
    "offset_minutes",
)
_LISTED_FIELDS: Final = ("business_transactions", "sources", "destinations")
# Unit -> (offset, factor): degrees Celsius = (value - offset) * factor. UN/ECE Recommendation 20.
_CELSIUS: Final = {
    "CEL": (Decimal(0), Decimal(1)),
    "FAH": (Decimal(32), Decimal(5) / Decimal(9)),
    "KEL": (Decimal("273.15"), Decimal(1)),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured temperature in milli-degrees Celsius: the lowest and the highest that the report gives."""

    time_ms: int
    lowest: int
    highest: int
    device: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """What an event names in which part, items and classes together; ``used_up`` are items that are inputs alone."""

    epcs: frozenset[str]
    children: frozenset[str]
    inputs: frozenset[str]
    outputs: frozenset[str]
    used_up: frozenset[str]

    @property
    def count(self) -> int:
        """How many identifiers these are."""
        return len(self.epcs) + len(self.children) + len(self.inputs) + len(self.outputs)


@dataclass(frozen=True, slots=True)
class Record:
    """One operation. ``event`` for a captured one; ``offer`` is the head of the offer that a custody method names.

    ``document`` where the event came in a part of a document: which, and how much of that is there.
    """

    height: int
    transaction_index: int
    operation_index: int
    block_time_ms: int
    transaction_id: bytes
    organisation: str | None
    method: str
    arguments: dict[str, Value] = field(repr=False)
    output: Value = field(repr=False)
    event: Event | None = field(repr=False)
    names: Names | None = field(repr=False)
    document: DocumentPart | None
    is_declared_wrong: bool
    offer: Head | None = field(repr=False)

    @property
    def position(self) -> tuple[int, int, int]:
        """Where it stands on the chain, which orders records by when they were committed."""
        return self.height, self.transaction_index, self.operation_index

    @property
    def at_ms(self) -> int:
        """When it happened: the event's own time, or that of the block."""
        return self.block_time_ms if self.event is None else self.event.time_ms

    @property
    def transformation_id(self) -> str | None:
        """What its sender calls the transformation that the event is part of."""
        return cast("str | None", self.arguments.get("transformation_id"))

    @property
    def unlisted_violations(self) -> int:
        """How many violations the receipt counts and does not list."""
        if not isinstance(self.output, dict):
            return 0
        rows = cast("list[Value]", self.output.get("violations", []))
        return cast(int, self.output.get("violations_count", 0)) - len(rows)

    def refused(self, rules: frozenset[str]) -> frozenset[str]:
        """Return the things on which the operation broke one of these rules, as far as the receipt lists them."""
        if not isinstance(self.output, dict):
            return frozenset()
        rows = cast("list[list[str]]", self.output.get("violations", []))
        return frozenset(name for name, rule in rows if rule in rules)

    def violations(self, identifier: str) -> list[str]:
        """Return the rules that the operation broke on a thing, as far as the receipt lists them."""
        if not isinstance(self.output, dict):
            return []
        rows = cast("list[list[str]]", self.output.get("violations", []))
        return [rule for name, rule in rows if name == identifier]

    def to_json(self, identifier: str) -> dict[str, Json]:
        """Return the record as the API shows it in the history of a thing."""
        answer: dict[str, Json] = {
            "height": self.height,
            "index": self.transaction_index,
            "operation": self.operation_index,
            "transaction": self.transaction_id.hex(),
            "time_ms": self.block_time_ms,
            "at_ms": self.at_ms,
            "organisation": self.organisation,
            "method": self.method,
            "violations": cast("list[Json]", self.violations(identifier)),
        }
        if self.event is not None:
            answer["event"] = _event_json(self)
        elif self.offer is not None:
            answer["custody"] = _custody_json(self, self.offer)
        return answer

    def readings(self) -> Iterator[Reading]:
        """Yield the temperatures that the event reports and that have a unit which we know."""
        for sensor in cast("list[dict[str, Value]]", self.arguments.get("sensors", [])):
            for report in cast("list[dict[str, Value]]", sensor.get("reports", [])):
                reading = _temperature(sensor, report, self.at_ms)
                if reading is not None:
                    yield reading


class Records:
    """Reads records, keeping those that it read last: what lies together, or is of many things, is read together.

    With a height a record is as it was known then: what was declared to be wrong later is not yet.
    """

    def __init__(self, store: Store, height: int | None = None) -> None:
        self._store = store
        self._height = height
        self._records: OrderedDict[Position, Record] = OrderedDict()
        self._names_held = 0
        self._cached: OrderedDict[tuple[int, int], tuple[Header, Transaction, Receipt]] = OrderedDict()
        self._organisations: dict[bytes, str | None] = {}

    def get(self, position: Position) -> Record:
        """Return the record at a position of the store's own indexes."""
        record = self._records.get(position)
        if record is None:
            record = self._records[position] = self._read(position)
            self._names_held += 1 if record.names is None else 1 + record.names.count
            while self._names_held > _CACHED_NAMES_MAX and len(self._records) > 1:
                _, oldest = self._records.popitem(last=False)
                self._names_held -= 1 if oldest.names is None else 1 + oldest.names.count
        return record

    def _read(self, position: Position) -> Record:
        header, transaction, receipt = self._transaction(position.height, position.transaction_index)
        operation = transaction.operations[position.operation_index]
        is_event = operation.method == CAPTURE
        event = read_event(operation.arguments) if is_event else None
        organisation = self._organisation(transaction.sender)
        return Record(
            height=position.height,
            transaction_index=position.transaction_index,
            operation_index=position.operation_index,
            block_time_ms=header.time_ms,
            transaction_id=transaction.transaction_id,
            organisation=organisation,
            method=operation.method,
            arguments=operation.arguments,
            output=receipt.outputs[position.operation_index],
            event=event,
            names=None if event is None else names_of(event),
            document=part_of(self._store, transaction, organisation, self._height) if is_event else None,
            is_declared_wrong=event is not None and self._is_declared_wrong(event),
            offer=self._offer(operation.arguments) if operation.method.startswith(_CUSTODY) else None,
        )

    def _transaction(self, height: int, index: int) -> tuple[Header, Transaction, Receipt]:
        row = self._cached.get((height, index))
        if row is None:
            row = self._store.committed(height, index)
            assert row is not None, "an index never points above the tip"
            self._cached[height, index] = row
            if len(self._cached) > _CACHED_MAX:
                self._cached.popitem(last=False)
        return row

    def _organisation(self, sender: bytes) -> str | None:
        if sender not in self._organisations:
            head = self._head(heads.public_key(sender))
            self._organisations[sender] = None if head is None else cast(str, head["organisation"])
        return self._organisations[sender]

    def _is_declared_wrong(self, event: Event) -> bool:
        if event.declaration is not None:
            return False
        head = self._head(heads.event(*event.key))
        if head is None or "declared_by" not in head:
            return False
        if self._height is None:
            return True
        declared_at = self._store.transaction_position(cast(bytes, head["declared_by"]))
        # What is not there any more was given up, and is older than every body that can be read.
        return declared_at is None or declared_at[0] <= self._height

    def _offer(self, arguments: Mapping[str, Value]) -> Head | None:
        return self._head(heads.offer(cast(str, arguments["id"])))

    def _head(self, key: bytes) -> Head | None:
        encoded = self._store.head(key)
        return None if encoded is None else cast(Head, decode_own(encoded))


def names_of(event: Event) -> Names:
    """Return what an event names."""

    def classes(quantities: Iterable[Quantity]) -> Iterator[str]:
        return (quantity.class_id for quantity in quantities)

    return Names(
        epcs=frozenset(event.epcs),
        children=frozenset((*event.children, *classes(event.child_quantities))),
        inputs=frozenset((*event.inputs, *classes(event.input_quantities))),
        outputs=frozenset((*event.outputs, *classes(event.output_quantities))),
        used_up=frozenset(event.inputs) - frozenset(event.outputs),
    )


def _event_json(record: Record) -> dict[str, Json]:
    event, arguments = record.event, record.arguments
    assert event is not None, "only captured events are shown as such"
    lists = {
        "epcs": event.epcs,
        "children": event.children,
        "inputs": event.inputs,
        "outputs": event.outputs,
        "quantities": event.quantities,
        "child_quantities": event.child_quantities,
        "input_quantities": event.input_quantities,
        "output_quantities": event.output_quantities,
    }
    reports = [
        cast("dict[str, Json]", to_json(report))
        for sensor in cast("list[dict[str, list[Value]]]", arguments.get("sensors", []))
        for report in sensor.get("reports", [])
    ]
    listed = {
        **{name: cast("list[Json]", to_json(arguments.get(name, []))) for name in _LISTED_FIELDS},
        "sensor_reports": cast("list[Json]", reports),
    }
    return {
        "event_time_ms": event.time_ms,
        **{name: to_json(arguments[name]) for name in _PLAIN_FIELDS if name in arguments},
        **{name: entries[:_LISTED_MAX] for name, entries in listed.items() if entries},
        "counts": {name: len(entries) for name, entries in {**lists, **listed}.items() if entries},
        **({} if record.document is None else {"document": record.document.to_json()}),
        "is_declared_wrong": record.is_declared_wrong,
        "is_declaration": event.declaration is not None,
    }


def _custody_json(record: Record, offer: Head) -> dict[str, Json]:
    shown = ("from", "to", "kind", "status", "expires_ms", "condition", "discrepancies", "reason")
    return {
        "offer": cast(str, record.arguments["id"]),
        "act": record.method.removeprefix(_CUSTODY),
        **{name: to_json(offer[name]) for name in shown if name in offer},
    }


def _temperature(sensor: Mapping[str, Value], report: Mapping[str, Value], event_ms: int) -> Reading | None:
    unit = _CELSIUS.get(cast(str, report.get("uom", "")))
    if report.get("type") != "Temperature" or unit is None:
        return None
    numbers = [
        (Decimal(cast(str, report[name])) - unit[0]) * unit[1] * 1000
        for name in ("value", "min", "max", "mean")
        if name in report
    ]
    # What no place on earth has is a fault of the sensor or a joke, and a number without end helps nobody.
    if not numbers or not all(-300_000 <= number <= 2_000_000 for number in numbers):
        return None
    time_ms = report.get("time_ms", sensor.get("time_ms", sensor.get("start_ms", event_ms)))
    device = report.get("device", sensor.get("device"))
    return Reading(
        time_ms=time_ms if type(time_ms) is int else event_ms,
        lowest=int(min(numbers).to_integral_value()),
        highest=int(max(numbers).to_integral_value()),
        device=device if type(device) is str else None,
    )
