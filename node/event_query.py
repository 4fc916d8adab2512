"""EPCIS events out of the store, in the order of capture: filtered, in pages, as EPCIS shows them.

Where a filter names identifiers the histories of those things are read instead of every event, so a query about one
item costs as much as the item has records. Parameters: EPCIS 2.0 (ISO/IEC 19987) section 8.2.7, the part of it that
the arguments of an operation can answer; node/event_filters.py has the others. All must hold, of several values of one
parameter any.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, cast

from contracts import heads
from node.event_filters import FIXED, ParameterError, Seen, Test, extension_values, read_filter, read_time, read_values
from node.queries import CursorError, decode_cursor, encode_cursor, get_head
from node.records import Record, Records
from node.storage.link_index import TERMS, term_prefix
from node.storage.rows import Position, position_bytes, row_position
from node.storage.store import Store
from standards.digital_link import canonical_id
from standards.epcis import fields, vocabulary

SCAN_MAX: Final = 2_000
_POSITION_BYTES: Final = 16
_LAST: Final = 2**32 - 1

INSIDE_MAX: Final = 500
"""Events that are made in full for one page."""
ALL_MAX: Final = 10_000
"""Events that are looked at where all that match must be known first."""

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
# A place, and what lies in it: a GLN holds its own extensions.
_WITHIN: Final = {"WD_readPoint": "read_point", "WD_bizLocation": "biz_location"}
SHAPING: Final = frozenset({"orderBy", "orderDirection", "eventCountLimit", "maxEventCount"})
PARAMETERS: Final = frozenset({*_MATCHES, *_EQUALS, *_WITHIN, *_TIMES, *_EXISTS, *FIXED, *SHAPING})


class QueryTooLargeError(Exception):
    """More events would have to be looked at, or were found, than the query or the node allows; the text says which."""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What is asked for: every test must hold; ``groups`` are the things of which one each must be named.

    ``terms`` are arguments that have an index, with the values of which each must have one; ``event_ids`` the only ids.
    ``order_by`` is None for the order of capture. Of what is found the first ``count_limit`` are given; where there are
    more than ``count_max`` nothing is.
    """

    tests: tuple[Test, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    terms: tuple[tuple[str, frozenset[str]], ...] = ()
    event_ids: frozenset[str] | None = None
    namespaces: Mapping[str, str] = field(default_factory=dict)
    looks_inside: bool = False
    order_by: str | None = None
    is_descending: bool = True
    count_limit: int | None = None
    count_max: int | None = None

    @property
    def needs_all(self) -> bool:
        """Whether all that match must be known before the first can be given."""
        return self.order_by is not None or self.count_limit is not None or self.count_max is not None

    def matches(self, record: Record) -> bool:
        """Return whether a record is an event for which every test holds."""
        seen = Seen(record, self.namespaces)
        return record.event is not None and all(test(seen) for test in self.tests)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Captured events, and the token of the next page, None after the last one."""

    records: list[Record]
    next_token: str | None


def read_query(parameters: Iterable[tuple[str, str]], namespaces: Mapping[str, str] | None = None) -> EventQuery:
    """Return the query of these parameters; raises ParameterError. ``namespaces``: prefixes in names of extensions."""
    prefixes = namespaces or {}
    tests: list[Test] = []
    groups: list[tuple[str, ...]] = []
    terms: list[tuple[str, frozenset[str]]] = []
    event_ids: frozenset[str] | None = None
    shaping: dict[str, str] = {}
    looks_inside = False
    for name, text in parameters:
        values = read_values(text)
        if not values:
            raise ParameterError(f"{name}: it has no value")
        if name in SHAPING:
            shaping[name] = text
        elif name in _MATCHES:
            identifiers = tuple(_exact(name, value) for value in values)
            tests.append(_names_one(_MATCHES[name], frozenset(identifiers)))
            groups.append(identifiers)
        elif name in _EQUALS:
            argument, spelling = _EQUALS[name]
            wanted = frozenset(map(spelling, values))
            tests.append(_equals(argument, wanted))
            event_ids = wanted if name == "EQ_eventID" else event_ids
            # Of the types only those of their own have one.
            if argument in TERMS and argument != "type":
                terms.append((argument, wanted))
        elif name in _WITHIN:
            tests.append(_within(_WITHIN[name], tuple(map(canonical_id, values))))
        elif name in _TIMES:
            tests.append(_time_test(name, text))
        elif name in _EXISTS:
            tests.append(_exists(name, text))
        else:
            test = read_filter(name, text, prefixes)
            if test is None:
                raise ParameterError(f"{name[:80]} is not known; docs/api.md and /openapi.json list the parameters")
            tests.append(test)
            looks_inside = True
    return _shaped(EventQuery(tuple(tests), tuple(groups), tuple(terms), event_ids, prefixes, looks_inside), shaping)


def _shaped(query: EventQuery, given: Mapping[str, str]) -> EventQuery:
    order_by, direction = given.get("orderBy"), given.get("orderDirection", "DESC")
    if order_by is not None and order_by not in ("eventTime", "recordTime") and ":" not in order_by:
        raise ParameterError("orderBy: it is eventTime, recordTime or the name of an extension such as ex:field")
    if direction not in ("ASC", "DESC"):
        raise ParameterError("orderDirection: it is ASC or DESC")
    if order_by is None and "orderDirection" in given:
        raise ParameterError("orderDirection: it goes with orderBy; give that too")
    counts = {name: _count(name, given[name]) for name in ("eventCountLimit", "maxEventCount") if name in given}
    if len(counts) == 2:
        raise ParameterError("maxEventCount: it does not go with eventCountLimit; give one of them")
    return replace(
        query,
        order_by=order_by,
        is_descending=direction == "DESC",
        count_limit=counts.get("eventCountLimit"),
        count_max=counts.get("maxEventCount"),
    )


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) >= 1):
        raise ParameterError(f"{name}: it is a number from 1 to 999999")
    return int(text)


def events_page(store: Store, query: EventQuery, token: str | None, limit: int) -> EventPage:
    """Return the next events of a query; a page may be short of its limit although there are more.

    Raises
    ------
    CursorError
        The token is not one of this query.
    QueryTooLargeError
        An order or a count is asked for and there are too many events to know it.

    """
    after = None if token is None else position_of(token)
    if query.needs_all:
        return _page_of_all(store, query, after, limit)
    records = Records(store)
    found: list[Record] = []
    scan_max = INSIDE_MAX if query.looks_inside else SCAN_MAX
    for seen, position in enumerate(_candidates(store, query, after), 1):
        record = records.get(position)
        if query.matches(record):
            found.append(record)
        if len(found) == limit or seen == scan_max:
            return EventPage(found, token_of(position))
    return EventPage(found, None)


def _page_of_all(store: Store, query: EventQuery, after: Position | None, limit: int) -> EventPage:
    """Return a page of a query that must know all that match: in an order, up to a count."""
    records = Records(store)
    found: list[Record] = []
    for seen, position in enumerate(_candidates(store, query, None), 1):
        if seen > ALL_MAX:
            raise QueryTooLargeError(
                f"more than {ALL_MAX} events would have to be looked at before the first can be given; "
                "name things with MATCH_ parameters, or leave out orderBy and the counts"
            )
        record = records.get(position)
        if query.matches(record):
            found.append(record)
            if query.count_max is not None and len(found) > query.count_max:
                raise QueryTooLargeError(f"more than {query.count_max} events match, which is the maxEventCount")
    if query.order_by is not None:
        found = _ordered(found, query, query.order_by)
    places = [record.position for record in found]
    if after is not None and _order(after) not in places:
        raise CursorError("the nextPageToken is not one of this query")
    first = 0 if after is None else places.index(_order(after)) + 1
    end = min(first + limit, len(found) if query.count_limit is None else query.count_limit)
    page = found[first:end]
    total = len(found) if query.count_limit is None else min(len(found), query.count_limit)
    return EventPage(page, token_of(Position(*page[-1].position)) if page and end < total else None)


def _ordered(found: list[Record], query: EventQuery, order_by: str) -> list[Record]:
    """Return events by a field, equal ones in the order of capture; those without the field come last."""
    keys = {record.position: _sort_key(record, query, order_by) for record in found}
    known = [record for record in found if keys[record.position] is not None]
    known.sort(key=lambda record: keys[record.position] or (), reverse=query.is_descending)
    return known + [record for record in found if keys[record.position] is None]


def _sort_key(record: Record, query: EventQuery, order_by: str) -> tuple[int, Decimal, str] | None:
    if order_by == "eventTime":
        return 0, Decimal(record.at_ms), ""
    if order_by == "recordTime":
        return 0, Decimal(record.block_time_ms), ""
    values = extension_values(Seen(record, query.namespaces), order_by, query.namespaces)
    if not values or isinstance(values[0], bool | dict | list) or values[0] is None:
        return None
    value = values[0]
    moment_ms = fields.time_ms(value) if isinstance(value, str) else None
    if moment_ms is not None:
        return 1, Decimal(moment_ms), ""
    return (2, Decimal(0), value) if isinstance(value, str) else (0, Decimal(value), "")


def event_by_id(store: Store, event_id: str) -> list[Record] | None:
    """Return the event of this id and, where it was declared to be wrong, the declaration after it.

    None stands for an event in a block that this node gave up.
    """
    records = Records(store)
    positions = _positions(store, event_id)
    found = [records.get(position) for position in positions if position is not None]
    return found if found or not positions else None


def _positions(store: Store, event_id: str) -> list[Position | None]:
    """Return where an event and its declaration stand, None for one in a block that was given up."""
    found: list[Position | None] = []
    for key in (heads.event(event_id), heads.declaration(event_id)):
        head = get_head(store, key)
        if head is not None:
            position = store.transaction_position(cast(bytes, head["transaction"]))
            found.append(None if position is None else Position(*position, cast(int, head["operation"])))
    return found


def _candidates(store: Store, query: EventQuery, after: Position | None) -> Iterator[Position]:
    """Yield where events may match, in the order of capture."""
    if query.event_ids is not None:
        return _of_ids(store, query.event_ids, after)
    if query.groups:
        # Every group must be matched, so the histories of one group hold all that can match.
        group = min(query.groups, key=len)
        return _of_things(store, group, after)
    if query.terms:
        field_name, wanted = min(query.terms, key=lambda term: len(term[1]))
        return _of_terms(store, field_name, wanted, after)
    return store.events(after)


def _of_ids(store: Store, event_ids: Iterable[str], after: Position | None) -> Iterator[Position]:
    # The list of events begins where bodies are, and so does what is picked out of it.
    known = (position for event_id in event_ids if "\0" not in event_id for position in _positions(store, event_id))
    for place in sorted({_order(position) for position in known if position is not None}):
        if after is None or place > _order(after):
            yield Position(*place)


def _of_terms(store: Store, field_name: str, values: Iterable[str], after: Position | None) -> Iterator[Position]:
    # Rows stay when a body is given up; the list of events begins where bodies are.
    earliest = position_bytes(Position(store.earliest_height, 0, 0))
    start = earliest if after is None else max(earliest, position_bytes(after) + b"\0")
    rows = (store.links(term_prefix(field_name, value), start) for value in sorted(values) if "\0" not in value)
    for where in heapq.merge(*(map(_place, found) for found in rows)):
        yield row_position(where)


def _place(row: tuple[bytes, bytes]) -> bytes:
    return row[0][-_POSITION_BYTES:]


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
    def test(seen: Seen) -> bool:
        for name in arguments:
            value = seen.record.arguments.get(name)
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
    return lambda seen: seen.record.arguments.get(argument) in values


def _within(argument: str, places: tuple[str, ...]) -> Test:
    below = tuple(f"{place}/254/" for place in places)

    def test(seen: Seen) -> bool:
        found = seen.record.arguments.get(argument)
        return isinstance(found, str) and (found in places or found.startswith(below))

    return test


def _exists(name: str, text: str) -> Test:
    if text not in ("true", "false"):
        raise ParameterError(f"{name}: it is true or false")
    return lambda seen: (_EXISTS[name] in seen.record.arguments) is (text == "true")


def _time_test(name: str, text: str) -> Test:
    bound = read_time(name, text)
    is_from = name.startswith("GE_")
    is_record = name.endswith("recordTime")

    def test(seen: Seen) -> bool:
        time_ms = seen.record.block_time_ms if is_record else seen.record.at_ms
        return (time_ms >= bound) is is_from

    return test


def token_of(position: Position) -> str:
    """Return the token that stands for a position."""
    height, index, operation = _order(position)
    return encode_cursor(height.to_bytes(8, "big") + index.to_bytes(4, "big") + operation.to_bytes(4, "big"))


def position_of(token: str) -> Position:
    """Return the position of a token; raises CursorError."""
    data = decode_cursor(token)
    if len(data) != _POSITION_BYTES:
        raise CursorError("the nextPageToken is not one of this API's")
    return Position(*(int.from_bytes(part, "big") for part in (data[:8], data[8:12], data[12:])))


def end_of(height: int) -> Position:
    """Return what stands after every event of a block."""
    return Position(height, _LAST, _LAST)


def start_before(store: Store, time_ms: int | None) -> Position:
    """Return the position before the first event that was recorded at a time or later; without one, after the last."""
    if time_ms is None:
        return end_of(store.tip.height)
    low, high = 0, store.tip.height + 1
    while low < high:
        middle = (low + high) // 2
        header = store.header(middle)
        assert header is not None, "every height up to the tip has a header"
        low, high = (low, middle) if header.time_ms >= time_ms else (middle + 1, high)
    return end_of(max(low - 1, 0))
