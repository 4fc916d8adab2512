"""Cold chain: devices watch things, their signed readings are judged, and what is out of order is acknowledged.

A batch is a transaction signed by the device's own key; whoever has it may bring it in, so that a gateway relays bytes
that it cannot change. Readings are on the ledger, each leaf of an RFC 6962 tree whose root is in the output.

One device watches a thing at a time, so that minutes are never counted twice. Over all its devices and custodians they
add up in ``cold_record``, and the budget for them is the product's alone.

Heads: ``cold_watch`` (cold_judge), ``cold_record`` {watches, out_of_range_ms, unmonitored_ms, breaches, unacknowledged,
is_rejected, disposition, count, chain} and ``cold_breach`` {device, profile, limit, from_ms, until_ms, first_sequence,
last_sequence, min_milli_celsius, max_milli_celsius, custodian?, acknowledged_by?, acknowledged_ms?, comment?}.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, integer, refuse, row
from contracts.context import Context
from contracts.provenance.cold_devices import DEVICE_ID_BYTES_MAX, own_device, require_device
from contracts.provenance.cold_judge import Breach, Reading, judge, new_watch, note_breach, worst_disposition
from contracts.provenance.products import COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS
from contracts.results import Rejected, ResultCode
from ledger import merkle
from ledger.codec import Value, encode
from ledger.limits import INTEGER_MAX
from ledger.state import Head

READINGS_MAX: Final = 1_000
DEVICE_WATCHES_MAX: Final = 50
THING_WATCHES_MAX: Final = 200


def assign(context: Context, arguments: dict[str, Value]) -> Value:
    """Let one's device watch a thing that one holds, from a time on, until a time where one is given."""
    read = Arguments(arguments)
    name, thing, from_ms = _assignment(read)
    profile_id = read.identifier("profile", DEVICE_ID_BYTES_MAX)
    until_ms = read.optional_integer("until_ms")
    read.end()
    if until_ms is not None and until_ms <= from_ms:
        refuse("until_ms is after from_ms")
    device = own_device(context, name)
    profile = context.get(heads.cold_profile(profile_id))
    if profile is None:
        raise Rejected(ResultCode.UNKNOWN_PROFILE, f"{profile_id} is not defined")
    _require_held(context, thing)
    _require_ahead(device, from_ms)
    record = context.get(heads.cold_record(thing)) or _new_record()
    known = cast("list[list[Value]]", record["watches"])
    for _, other_from, other_until in known:
        ends_before = other_until is not None and cast(int, other_until) <= from_ms
        if not ends_before and (until_ms is None or cast(int, other_from) < until_ms):
            raise Rejected(
                ResultCode.ASSIGNMENT_OVERLAPS, f"{thing} is watched from {other_from!r} on; release it first"
            )
    watches = cast("list[Value]", device["watches"])
    if len(watches) >= DEVICE_WATCHES_MAX or len(known) >= THING_WATCHES_MAX:
        raise Rejected(
            ResultCode.TOO_MANY_ASSIGNMENTS, f"a device {DEVICE_WATCHES_MAX} open ones, a thing {THING_WATCHES_MAX}"
        )
    watches.append([thing, from_ms])
    known.append([name, from_ms, until_ms])
    context.record(heads.device(name), device)
    context.put(heads.cold_watch(name, thing, from_ms), new_watch(profile_id, profile, from_ms, until_ms))
    context.record(heads.cold_record(thing), record)
    return None


def release(context: Context, arguments: dict[str, Value]) -> Value:
    """Say until when a device watches a thing: its owner, or whoever holds the thing. The time is not judged yet."""
    read = Arguments(arguments)
    name, thing, from_ms = _assignment(read)
    until_ms = read.integer("until_ms")
    read.end()
    if until_ms <= from_ms:
        refuse("until_ms is after from_ms")
    device = context.get(heads.device(name))
    if device is None:
        raise Rejected(ResultCode.UNKNOWN_DEVICE, f"{name} is not registered")
    if device["owner"] != context.member:
        _require_held(context, thing)
    watch = context.get(heads.cold_watch(name, thing, from_ms))
    if watch is None or "until_ms" in watch:
        raise Rejected(ResultCode.UNKNOWN_ASSIGNMENT, f"{name} has no open watch of {thing} from {from_ms} on")
    _require_ahead(device, until_ms)
    watch["until_ms"] = until_ms
    record = _record(context, thing)
    for row_ in cast("list[list[Value]]", record["watches"]):
        if row_[:2] == [name, from_ms]:
            row_[2] = until_ms
    context.put(heads.cold_watch(name, thing, from_ms), watch)
    context.record(heads.device(name), device)
    context.record(heads.cold_record(thing), record)
    return None


def record_batch(context: Context, arguments: dict[str, Value]) -> Value:
    """Judge the next readings of the device that signed, for everything that it watches."""
    read = Arguments(arguments)
    name = read.identifier("device", DEVICE_ID_BYTES_MAX)
    first = read.integer("first_sequence", 1, INTEGER_MAX - READINGS_MAX)
    rows = read.listed("readings", READINGS_MAX, _reading)
    read.end()
    if not rows:
        refuse("readings holds at least one reading")
    readings = [Reading(first + index, time_ms, value) for index, (time_ms, value) in enumerate(rows)]
    device = require_device(context, name)
    _check_batch(context, device, readings)
    expected = cast(int, device["last_sequence"]) + 1
    missing = first - expected
    device["missing"] = cast(int, device["missing"]) + missing
    device["last_sequence"], device["last_ms"] = readings[-1].sequence, readings[-1].time_ms
    watches = cast("list[list[Value]]", device["watches"])
    context.work.spend(len(readings) * len(watches) // 10)
    device["watches"] = [
        [thing, from_ms]
        for thing, from_ms in watches
        if not _judge_watch(context, name, cast(str, thing), cast(int, from_ms), readings)
    ]
    context.record(heads.device(name), device)
    values = [reading.milli_celsius for reading in readings]
    return {
        "root": merkle.root([encode([one.sequence, one.time_ms, one.milli_celsius]) for one in readings]),
        "readings": len(readings),
        "missing": missing,
        "min_milli_celsius": min(values),
        "max_milli_celsius": max(values),
    }


def acknowledge(context: Context, arguments: dict[str, Value]) -> Value:
    """Say that one knows of a breach of a thing that one holds, and what was done about it."""
    read = Arguments(arguments)
    thing = read.identifier("thing")
    number = read.integer("breach", 1, 10**10 - 1)
    comment = read.text("comment", 500)
    read.end()
    item = _require_held(context, thing)
    breach = context.get(heads.cold_breach(thing, number))
    if breach is None:
        raise Rejected(ResultCode.UNKNOWN_BREACH, f"{thing} has no breach {number}")
    if "acknowledged_by" in breach:
        raise Rejected(ResultCode.BREACH_ACKNOWLEDGED, f"{breach['acknowledged_by']!r} acknowledged breach {number}")
    breach.update(acknowledged_by=context.member, acknowledged_ms=context.block.time_ms, comment=comment)
    record = _record(context, thing)
    record["unacknowledged"] = cast(int, record["unacknowledged"]) - 1
    record["disposition"] = _disposition(context, item, record)
    context.put(heads.cold_breach(thing, number), breach)
    context.record(heads.cold_record(thing), record)
    return {"disposition": record["disposition"]}


def _check_batch(context: Context, device: Head, readings: list[Reading]) -> None:
    if context.sender != device["key"]:
        raise Rejected(ResultCode.NOT_DEVICE_KEY, "sign the transaction with the device's key")
    if readings[0].sequence <= cast(int, device["last_sequence"]):
        raise Rejected(ResultCode.SEQUENCE_REPEATED, f"the next sequence number is {device['last_sequence']!r} + 1")
    newest_ms = context.block.time_ms + context.parameters.clock_drift_ms_max
    calibrations = cast("list[list[int]]", device["calibrations"])
    before_ms = cast(int, device["last_ms"])
    for reading in readings:
        if reading.time_ms <= before_ms:
            raise Rejected(ResultCode.READING_NOT_AFTER, f"reading {reading.sequence} is not after {before_ms}")
        if reading.time_ms > newest_ms:
            raise Rejected(ResultCode.READING_IN_FUTURE, f"reading {reading.sequence} is after {newest_ms}")
        if not any(from_ms <= reading.time_ms < until_ms for from_ms, until_ms in calibrations):
            raise Rejected(ResultCode.CALIBRATION_EXPIRED, f"no calibration holds at reading {reading.sequence}")
        before_ms = reading.time_ms


def _judge_watch(context: Context, name: str, thing: str, from_ms: int, readings: list[Reading]) -> bool:
    """Carry one watch on; return whether it is over."""
    if readings[-1].time_ms < from_ms:
        return False
    key = heads.cold_watch(name, thing, from_ms)
    watch, record, item = context.get(key), _record(context, thing), context.get(heads.item(thing))
    assert watch is not None, "a device lists watches that are there"
    assert item is not None, "items are never removed"
    profile = context.get(heads.cold_profile(cast(str, watch["profile"])))
    assert profile is not None, "profiles are never removed"
    before = {name: cast(int, watch[name]) for name in ("out_of_range_ms", "unmonitored_ms")}
    grown: dict[int, Breach] = {}
    for reading in readings:
        for breach in judge(watch, profile, reading):
            number = breach.number
            if number == 0:
                number = record["breaches"] = cast(int, record["breaches"]) + 1
                record["unacknowledged"] = cast(int, record["unacknowledged"]) + 1
                limit = cast("list[list[Value]]", profile["limits"])[breach.limit]
                record["is_rejected"] = bool(record["is_rejected"]) or limit[4] == "reject"
                note_breach(watch, breach.limit, number)
            grown[number] = breach
    for number, breach in grown.items():
        _keep_breach(context, thing, number, breach, {"device": name, "profile": watch["profile"]}, item)
    for field, value in before.items():
        record[field] = cast(int, record[field]) + cast(int, watch[field]) - value
    record["disposition"] = _disposition(context, item, record)
    context.put(key, watch)
    context.record(heads.cold_record(thing), record)
    return bool(watch.get("done"))


def _keep_breach(context: Context, thing: str, number: int, breach: Breach, source: Head, item: Head) -> None:
    key = heads.cold_breach(thing, number)
    head = context.get(key)
    if head is None:
        head = {**source, "limit": breach.limit}
        if "custodian" in item:
            head["custodian"] = item["custodian"]
    head.update(
        from_ms=breach.from_ms,
        until_ms=breach.until_ms,
        first_sequence=breach.first_sequence,
        last_sequence=breach.last_sequence,
        min_milli_celsius=breach.min_milli_celsius,
        max_milli_celsius=breach.max_milli_celsius,
    )
    context.put(key, head)


def _disposition(context: Context, item: Head, record: Head) -> str:
    product = context.get(heads.product(cast(str, item["product"]))) if "product" in item else None
    storage = {} if product is None else cast("dict[str, int]", product.get("storage", {}))
    return worst_disposition(
        is_rejected=bool(record["is_rejected"]),
        out_of_range_ms=cast(int, record["out_of_range_ms"]),
        unmonitored_ms=cast(int, record["unmonitored_ms"]),
        breaches=cast(int, record["breaches"]),
        unacknowledged=cast(int, record["unacknowledged"]),
        budget_ms=storage.get("budget_ms"),
    )


def _new_record() -> Head:
    return {
        "watches": [],
        "out_of_range_ms": 0,
        "unmonitored_ms": 0,
        "breaches": 0,
        "unacknowledged": 0,
        "is_rejected": False,
        "disposition": "OK",
    }


def _record(context: Context, thing: str) -> Head:
    record = context.get(heads.cold_record(thing))
    assert record is not None, "what is watched has a record"
    return record


def _assignment(read: Arguments) -> tuple[str, str, int]:
    name = read.identifier("device", DEVICE_ID_BYTES_MAX)
    return name, read.identifier("thing"), read.integer("from_ms", 1)


def _require_held(context: Context, thing: str) -> Head:
    item = context.get(heads.item(thing))
    if item is None:
        raise Rejected(ResultCode.UNKNOWN_ITEM, f"the ledger does not know {thing}")
    if context.member not in (item.get("custodian"), item.get("owner")):
        raise Rejected(ResultCode.NOT_CUSTODIAN, f"{thing} is held by {item.get('custodian')!r}")
    return item


def _require_ahead(device: Head, time_ms: int) -> None:
    if time_ms <= cast(int, device["last_ms"]):
        raise Rejected(ResultCode.READINGS_PASSED, f"the device has recorded a reading at {device['last_ms']!r}")


def _reading(value: object, what: str) -> tuple[int, int]:
    time_ms, milli_celsius = row(value, what, 2)
    return (
        integer(time_ms, "the time of a reading", 1, INTEGER_MAX),
        integer(milli_celsius, "the temperature of a reading", COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS),
    )
