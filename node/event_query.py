"""EPCIS events out of the store, in the order of capture: filtered, in pages, as EPCIS shows them.

Where a filter names identifiers the histories of those things are read instead of every event, so a query about one
item costs as much as the item has records. Parameters: EPCIS 2.0 (ISO/IEC 19987) section 8.2.7, the part of it that
docs/api.md lists; all must hold, of several values of one parameter any.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from ledger.codec import Value
from node.queries import CursorError, decode_cursor, encode_cursor, get_head
from node.records import Record, Records
from node.storage.rows import Position
from node.storage.store import Store
from standards.digital_link import canonical_id
from standards.epcis import fields, vocabulary

SCAN_MAX: Final = 2_000
_POSITION_BYTES: Final = 16

Arguments = Mapping[str, Value]
Test = Callable[[Record], bool]

_SINGLE: Final = ("epcs", "children", "parent", "inputs", "outputs")
_CLASSES: Final = ("quantities", "child_quantities", "input_quantities", "output_quantities")
# Parameter -> the arguments that it looks into.
_MATCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epc": ("epcs", "children"),
    "MATCH_parentID": ("parent",),
    "MATCH_inputEPC": ("inputs",),
    "MATCH_outputEPC": ("outputs",),
    "MATCH_anyEPC": _SINGLE,
    "MATCH_epcClass": ("quantities", "child_quantities"),
    "MATCH_inputEPCClass": ("input_quantities",),
    "MATCH_outputEPCClass": ("output_quantities",),
    "MATCH_anyEPCClass": _CLASSES,
}
# Parameter -> argument and how its values are spelled there.
_EQUALS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "eventType": ("type", vocabulary.event_type),
    "EQ_action": ("action", str),
    "EQ_bizStep": ("biz_step", lambda text: vocabulary.bareword(vocabulary.BIZ_STEP, text)),
    "EQ_disposition": ("disposition", lambda text: vocabulary.bareword(vocabulary.DISPOSITION, text)),
    "EQ_readPoint": ("read_point", canonical_id),
    "EQ_bizLocation": ("biz_location", canonical_id),
    "EQ_transformationID": ("transformation_id", canonical_id),
    "EQ_eventID": ("event_id", str),
}
_TIMES: Final = ("GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime")
_EXISTS: Final[Mapping[str, str]] = {
    "EXISTS_errorDeclaration": "declaration",
    "EXISTS_sensorElementList": "sensors",
}
PARAMETERS: Final = frozenset({*_MATCHES, *_EQUALS, *_TIMES, *_EXISTS})


class ParameterError(ValueError):
    """A query parameter is unknown or its value cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What is asked for: every test must hold; ``groups`` are the things of which one each must be named."""

    tests: tuple[Test, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """Captured events, and the token of the next page, None after the last one."""

    records: list[Record]
    next_token: str | None


def read_query(parameters: Iterable[tuple[str, str]]) -> EventQuery:
    """Return the query of these parameters; raises ParameterError."""
    tests: list[Test] = []
    groups: list[tuple[str, ...]] = []
    for name, text in parameters:
        values = tuple(value for value in text.split(",") if value)
        if not values:
            raise ParameterError(f"{name}: it has no value")
        if name in _MATCHES:
            identifiers = tuple(_exact(name, value) for value in values)
            tests.append(_names_one(_MATCHES[name], frozenset(identifiers)))
            groups.append(identifiers)
        elif name in _EQUALS:
            argument, spelling = _EQUALS[name]
            tests.append(_equals(argument, frozenset(map(spelling, values))))
        elif name in _TIMES:
            tests.append(_time_test(name, text))
        elif name in _EXISTS:
            tests.append(_exists(name, text))
        else:
            raise ParameterError(f"{name[:80]} is not supported; supported are {', '.join(sorted(PARAMETERS))}")
    return EventQuery(tuple(tests), tuple(groups))


def events_page(store: Store, query: EventQuery, token: str | None, limit: int) -> EventPage:
    """Return the next events of a query; a page may be short of its limit although there are more."""
    after = None if token is None else _read_token(token)
    records = Records(store)
    found: list[Record] = []
    for seen, position in enumerate(_candidates(store, query, after), 1):
        record = records.get(position)
        if record.event is not None and all(test(record) for test in query.tests):
            found.append(record)
        if len(found) == limit or seen == SCAN_MAX:
            return EventPage(found, _token(position))
    return EventPage(found, None)


def event_by_id(store: Store, event_id: str) -> list[Record]:
    """Return the event of this id and, where it was declared to be wrong, the declaration after it."""
    found = []
    for key in (heads.event(event_id), heads.declaration(event_id)):
        head = get_head(store, key)
        if head is not None:
            position = store.transaction_position(cast(bytes, head["transaction"]))
            assert position is not None, "an event's head names a committed transaction"
            found.append(Records(store).get(Position(*position, cast(int, head["operation"]))))
    return found


def _candidates(store: Store, query: EventQuery, after: Position | None) -> Iterator[Position]:
    """Yield where events may match, in the order of capture."""
    if not query.groups:
        return store.events(after)
    # Every group must be matched, so the histories of one group hold all that can match.
    group = min(query.groups, key=len)
    return _of_things(store, group, after)


def _of_things(store: Store, identifiers: Iterable[str], after: Position | None) -> Iterator[Position]:
    histories = [
        map(_order, store.history(key))
        for identifier in dict.fromkeys(identifiers)
        for key in (heads.item(identifier), heads.lot(identifier))
    ]
    last = None if after is None else _order(after)
    for position in heapq.merge(*histories):
        if last is None or position > last:
            last = position
            yield Position(*position)


def _order(position: Position) -> tuple[int, int, int]:
    return position.height, position.transaction_index, position.operation_index


def _exact(name: str, value: str) -> str:
    if "*" in value:
        raise ParameterError(f"{name}: patterns are not supported, name each identifier")
    return canonical_id(value)


def _names_one(arguments: tuple[str, ...], identifiers: frozenset[str]) -> Test:
    def test(record: Record) -> bool:
        for name in arguments:
            value = record.arguments.get(name)
            if type(value) is str:
                if value in identifiers:
                    return True
            elif type(value) is list:
                names = (entry[0] if type(entry) is list else entry for entry in value)
                if any(entry in identifiers for entry in names):
                    return True
        return False

    return test


def _equals(argument: str, values: frozenset[str]) -> Test:
    return lambda record: record.arguments.get(argument) in values


def _exists(name: str, text: str) -> Test:
    if text not in ("true", "false"):
        raise ParameterError(f"{name}: it is true or false")
    return lambda record: (_EXISTS[name] in record.arguments) is (text == "true")


def _time_test(name: str, text: str) -> Test:
    moment_ms = fields.time_ms(text)
    if moment_ms is None:
        raise ParameterError(f"{name}: it is a time such as 2026-11-04T09:20:00Z")
    bound = moment_ms
    is_from = name.startswith("GE_")
    is_record = name.endswith("recordTime")

    def test(record: Record) -> bool:
        time_ms = record.block_time_ms if is_record else record.at_ms
        return (time_ms >= bound) is is_from

    return test


def _token(position: Position) -> str:
    height, index, operation = _order(position)
    return encode_cursor(height.to_bytes(8, "big") + index.to_bytes(4, "big") + operation.to_bytes(4, "big"))


def _read_token(token: str) -> Position:
    data = decode_cursor(token)
    if len(data) != _POSITION_BYTES:
        raise CursorError("the nextPageToken is not one of this API's")
    return Position(*(int.from_bytes(part, "big") for part in (data[:8], data[8:12], data[12:])))
