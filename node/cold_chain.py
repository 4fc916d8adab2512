"""The cold chain as the read side shows it: devices, profiles, what a thing went through, its breaches and readings.

What is judged is what the contracts found (contracts/provenance/cold_chain.py); nothing is judged again here. What a
thing inherited of what it was packed in is in node/cold_inherited.py. Readings about a thing come from the batches in
the history of its cold record, so only those of devices that watched it; all that a device recorded is in the history
of the device. Times are milliseconds UTC, temperatures milli-degrees Celsius. Pure reads over a store.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.execute import read_parameters
from contracts.provenance.cold_judge import Reading
from ledger.codec import Value
from ledger.readable import Json, to_json
from ledger.state import COUNT_FIELD, Head
from node.queries import (
    SCAN_MAX,
    CursorError,
    JsonObject,
    Page,
    Thing,
    get_head,
    head_json,
    record_number,
    scan_page,
)
from node.records import Record, Records
from node.storage.rows import Position
from node.storage.store import Store

READINGS_PAGE_MAX: Final = 5_000
"""Readings after which a page of batches ends early; a batch, which has at most 1,000, is never cut."""
RECORD_BATCH: Final = "cold_chain.record_batch"
_LIMIT_FIELDS: Final = ("timer", "side", "threshold_milli_celsius", "duration_ms", "gravity")


@dataclass(frozen=True, slots=True)
class Watch:
    """A device that watches a thing from a time on, until a time where one is known, with what it has found."""

    device: str
    from_ms: int
    until_ms: int | None
    head: Head

    @property
    def profile(self) -> str:
        """The profile that its readings are judged by."""
        return cast(str, self.head["profile"])


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings, (time in ms, milli-degrees), that a device recorded in one operation about a thing."""

    watch: Watch
    record: Record
    first_sequence: int
    readings: tuple[tuple[int, int], ...]


def device(store: Store, identifier: str) -> JsonObject | None:
    """Return a device, or None."""
    head = get_head(store, heads.device(identifier)) if "\0" not in identifier else None
    return None if head is None else _device(identifier, head)


def devices_page(
    store: Store, cursor: str | None, limit: int, *, owner: str | None = None, key: str | None = None
) -> Page:
    """Return devices by id: all, those of an organisation, or the one that signs with a public key (hex)."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        is_wanted = owner in (None, head["owner"]) and key in (None, cast(bytes, head["key"]).hex())
        return _device(parts[1], head) if is_wanted else None

    if key is None:
        return scan_page(store, "device", cursor, limit, read)
    # A key signs for one device, which the ledger can name without a search.
    pointer = get_head(store, heads.device_key(_key_bytes(key)))
    if pointer is None:
        return Page([])
    name = cast(str, pointer["device"])
    head = get_head(store, heads.device(name))
    assert head is not None, "what a key points to is registered"
    found = read(("device", name), head)
    return Page([] if found is None else [found])


def profile(store: Store, identifier: str) -> JsonObject | None:
    """Return a profile, or None."""
    head = get_head(store, heads.cold_profile(identifier)) if "\0" not in identifier else None
    return None if head is None else _profile(identifier, head)


def profiles_page(store: Store, cursor: str | None, limit: int) -> Page:
    """Return profiles by id."""
    return scan_page(store, "cold_profile", cursor, limit, lambda parts, head: _profile(parts[1], head))


def cold_record(store: Store, thing: Thing) -> JsonObject:
    """Return what the contracts found about a thing; of one that no device ever watched the disposition is null."""
    head = record_head(store, thing.identifier)
    gtin = cast("str | None", thing.head.get("product"))
    storage = product_storage(store, gtin)
    told = {} if head is None else head
    return {
        "id": thing.identifier,
        "product": gtin,
        "disposition": cast("str | None", told.get("disposition")),
        "is_rejected": bool(told.get("is_rejected", False)),
        "out_of_range_ms": cast(int, told.get("out_of_range_ms", 0)),
        "budget_ms": storage.get("budget_ms"),
        "min_milli_celsius": storage.get("min_milli_celsius"),
        "max_milli_celsius": storage.get("max_milli_celsius"),
        "unmonitored_ms": cast(int, told.get("unmonitored_ms", 0)),
        "breaches": cast(int, told.get("breaches", 0)),
        "unacknowledged": cast(int, told.get("unacknowledged", 0)),
        "watches": [_watch(watch) for watch in watches_of(store, thing.identifier, head)],
        "count": cast(int, told.get(COUNT_FIELD, 0)),
        "height": store.tip.height,
    }


def breaches_page(store: Store, thing: Thing, after: int, limit: int) -> Page:
    """Return the breaches of a thing after the first ``after``, in the order in which they were found."""
    head = record_head(store, thing.identifier)
    total = 0 if head is None else cast(int, head["breaches"])
    numbers = range(after + 1, min(after + limit, total) + 1)
    entries: list[Json] = [breach_json(store, thing.identifier, number) for number in numbers]
    last = after + len(entries)
    return Page(entries, str(last) if last < total else None)


def readings_page(
    store: Store, thing: Thing, from_ms: int | None, until_ms: int | None, cursor: str | None, limit: int
) -> Page:
    """Return the batches with readings at or after ``from_ms`` and before ``until_ms``, in the order of the ledger.

    A page ends after ``limit`` batches, after ``READINGS_PAGE_MAX`` readings, or where much was looked at in vain.
    """
    head = record_head(store, thing.identifier)
    if head is None:
        return Page([])
    watches = watches_of(store, thing.identifier, head)

    def read(record: Record) -> list[tuple[JsonObject, int]]:
        found = _of_record(record, watches, from_ms, until_ms)
        return [(_batch(store, batch), len(batch.readings)) for batch in found]

    return _page(store, heads.cold_record(thing.identifier), head, read, from_ms, cursor, limit)


def device_readings_page(
    store: Store, identifier: str, from_ms: int | None, until_ms: int | None, cursor: str | None, limit: int
) -> Page | None:
    """Return what a device has recorded, whatever it watched, as `readings_page` does, or None."""
    head = get_head(store, heads.device(identifier)) if "\0" not in identifier else None
    if head is None:
        return None

    def read(record: Record) -> list[tuple[JsonObject, int]]:
        if record.method != RECORD_BATCH:
            return []
        first, rows = _rows_between(record, from_ms, until_ms)
        if not rows:
            return []
        entry: JsonObject = {
            "device": identifier,
            "first_sequence": first,
            "readings": [[time_ms, milli_celsius] for time_ms, milli_celsius in rows],
            **_place(record),
        }
        return [(entry, len(rows))]

    return _page(store, heads.device(identifier), head, read, from_ms, cursor, limit)


def batches_of(
    store: Store, identifier: str, from_ms: int | None, until_ms: int | None, *, newest: int | None = None
) -> Iterator[Batch]:
    """Yield the batches about a thing with readings at or after ``from_ms`` and before ``until_ms``.

    With ``newest`` no more than the last so many records of it are looked at.
    """
    head = record_head(store, identifier)
    if head is not None:
        watches = watches_of(store, identifier, head)
        after = 0 if newest is None else max(0, cast(int, head[COUNT_FIELD]) - newest)
        for _, record in _records(store, heads.cold_record(identifier), head, from_ms, after):
            yield from _of_record(record, watches, from_ms, until_ms)


def readings_of(store: Store, identifier: str, record: Head, watch: Watch, from_ms: int) -> Iterator[Reading]:
    """Yield the readings of a watch's device at or after a time, in order; those after the end of the watch too."""
    start_ms = max(watch.from_ms, from_ms)
    for _, found in _records(store, heads.cold_record(identifier), record, start_ms, 0):
        if found.method == RECORD_BATCH and found.arguments["device"] == watch.device:
            first, rows = _rows_between(found, start_ms, None)
            yield from (Reading(first + index, *row) for index, row in enumerate(rows))


def record_head(store: Store, identifier: str) -> Head | None:
    """Return the head of a thing's cold record, or None where no device ever watched it."""
    return get_head(store, heads.cold_record(identifier))


def watches_of(store: Store, identifier: str, record: Head | None) -> list[Watch]:
    """Return who watched a thing, by time."""
    found = []
    for name, from_ms, until_ms in cast("list[list[Value]]", [] if record is None else record["watches"]):
        head = get_head(store, heads.cold_watch(cast(str, name), identifier, cast(int, from_ms)))
        assert head is not None, "what a cold record lists is there"
        found.append(Watch(cast(str, name), cast(int, from_ms), cast("int | None", until_ms), head))
    return sorted(found, key=lambda watch: watch.from_ms)


def figures_json(watch: Head) -> JsonObject:
    """Return what the state of a watch counts, and its extremes."""
    counted = ("readings", "monitored_ms", "unmonitored_ms", "out_of_range_ms")
    extremes = ("min_milli_celsius", "max_milli_celsius")
    return {
        **{name: cast(int, watch[name]) for name in counted},
        **{name: cast("int | None", watch.get(name)) for name in extremes},
    }


def breach_json(store: Store, identifier: str, number: int) -> JsonObject:
    """Return a breach with the limit that was reached, spelt out."""
    head = get_head(store, heads.cold_breach(identifier, number))
    assert head is not None, "breaches are numbered without a gap"
    judged_by = get_head(store, heads.cold_profile(cast(str, head["profile"])))
    assert judged_by is not None, "profiles are never removed"
    limit = cast("list[list[Value]]", judged_by["limits"])[cast(int, head["limit"])]
    absent = ("custodian", "acknowledged_by", "acknowledged_ms", "comment")
    return {"number": number, **dict.fromkeys(absent), **head_json(head), **_limit(limit)}


def product_storage(store: Store, gtin: str | None) -> dict[str, int]:
    """Return the range on the label of a product and its budget, as far as its owner set them."""
    head = None if gtin is None else get_head(store, heads.product(gtin))
    return {} if head is None else cast("dict[str, int]", head.get("storage", {}))


def _page(
    store: Store,
    key: bytes,
    head: Head,
    read: Callable[[Record], list[tuple[JsonObject, int]]],
    from_ms: int | None,
    cursor: str | None,
    limit: int,
) -> Page:
    """Return a page of what is read of a head's records, each entry with the number of its readings."""
    count = cast(int, head[COUNT_FIELD])
    after = record_number(cursor)
    if after > count:
        raise CursorError("the cursor is not one of this list")
    entries: list[Json] = []
    readings = 0
    for number, record in _records(store, key, head, from_ms, after):
        for entry, size in read(record):
            entries.append(entry)
            readings += size
        is_full = len(entries) >= limit or readings >= READINGS_PAGE_MAX or number - after >= SCAN_MAX
        if is_full and number < count:
            return Page(entries, str(number))
    return Page(entries)


def _records(store: Store, key: bytes, head: Head, from_ms: int | None, after: int) -> Iterator[tuple[int, Record]]:
    """Yield (number, record) of a history after the first ``after``, from where readings of a time may be on."""
    count = cast(int, head[COUNT_FIELD])
    if from_ms is not None:
        # No reading is later than its block and the drift that clocks are allowed.
        earliest_ms = from_ms - read_parameters(store).clock_drift_ms_max
        after = max(after, _first_number_at(store, key, count, earliest_ms) - 1)
    records = Records(store)
    for number, position in enumerate(islice(store.history(key, after), count - after), after + 1):
        yield number, records.get(position)


def _of_record(record: Record, watches: list[Watch], from_ms: int | None, until_ms: int | None) -> list[Batch]:
    """Return the readings of a record about a thing, by watch."""
    if record.method != RECORD_BATCH:
        return []
    found = []
    for watch in watches:
        if watch.device != record.arguments["device"]:
            continue
        starts = [watch.from_ms, *([] if from_ms is None else [from_ms])]
        ends = [end for end in (watch.until_ms, until_ms) if end is not None]
        first, rows = _rows_between(record, max(starts), min(ends, default=None))
        if rows:
            found.append(Batch(watch, record, first, rows))
    return found


def _rows_between(record: Record, from_ms: int | None, until_ms: int | None) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the readings of a batch between two times, and the sequence number of the first."""
    rows = cast("list[tuple[int, int]]", record.arguments["readings"])
    low = 0 if from_ms is None else bisect_left(rows, from_ms, key=lambda row: row[0])
    high = len(rows) if until_ms is None else bisect_left(rows, until_ms, key=lambda row: row[0])
    readings = tuple((time_ms, milli_celsius) for time_ms, milli_celsius in rows[low:high])
    return cast(int, record.arguments["first_sequence"]) + low, readings


def _first_number_at(store: Store, key: bytes, count: int, time_ms: int) -> int:
    """Return the number of the first record whose block is not before a time, one past the last where there is none."""

    def block_time_ms(number: int) -> int:
        position: Position = next(store.history(key, number - 1))
        header = store.header(position.height)
        assert header is not None, "an index never points above the tip"
        return header.time_ms

    return bisect_left(range(1, count + 1), time_ms, key=block_time_ms) + 1


def _device(identifier: str, head: Head) -> JsonObject:
    return {"id": identifier, **dict.fromkeys(("certificate_hash", "revoked_ms")), **head_json(head)}


def _profile(identifier: str, head: Head) -> JsonObject:
    limits = [_limit(limit) for limit in cast("list[list[Value]]", head["limits"])]
    return {"id": identifier, **head_json(head), "limits": cast("list[Json]", limits)}


def _limit(limit: list[Value]) -> JsonObject:
    return {name: to_json(value) for name, value in zip(_LIMIT_FIELDS, limit, strict=True)}


def _watch(watch: Watch) -> JsonObject:
    last = cast("list[int] | None", watch.head.get("last"))
    return {
        "device": watch.device,
        "profile": watch.profile,
        "from_ms": watch.from_ms,
        "until_ms": watch.until_ms,
        **figures_json(watch.head),
        "last_ms": None if last is None else last[1],
    }


def _batch(store: Store, batch: Batch) -> JsonObject:
    measured_by = get_head(store, heads.device(batch.watch.device))
    assert measured_by is not None, "devices are never removed"
    first_ms, last_ms = batch.readings[0][0], batch.readings[-1][0]
    certificate_hash = cast("bytes | None", measured_by.get("certificate_hash"))
    return {
        "device": batch.watch.device,
        "profile": batch.watch.profile,
        "first_sequence": batch.first_sequence,
        "readings": [[time_ms, milli_celsius] for time_ms, milli_celsius in batch.readings],
        "calibrations": [
            [from_ms, until_ms]
            for from_ms, until_ms in cast("list[list[int]]", measured_by["calibrations"])
            if from_ms <= last_ms and first_ms < until_ms
        ],
        "certificate_hash": None if certificate_hash is None else certificate_hash.hex(),
        **_place(batch.record),
    }


def _place(record: Record) -> JsonObject:
    return {
        "transaction": record.transaction_id.hex(),
        "operation": record.operation_index,
        "height": record.height,
        "time_ms": record.block_time_ms,
    }


def _key_bytes(key: str) -> bytes:
    try:
        return bytes.fromhex(key)
    except ValueError:
        return b""
