"""Measuring devices with their calibrations, and the profiles by which readings are judged. Profiles are data.

A device signs with a key that its organisation registered for it (``membership.add_key``, limited to
``cold_chain.record_batch``). A profile never changes, so that what was judged by it stays judged.

Heads: ``device`` {owner, key, calibrations, last_sequence, last_ms, missing, watches, certificate_hash?, revoked_ms?},
``device_key`` {device} and ``cold_profile`` {owner, min_milli_celsius, max_milli_celsius, gap_ms, limits}.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, choice, integer, refuse, row
from contracts.context import Context
from contracts.provenance.products import COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.keys import PUBLIC_KEY_BYTES
from ledger.limits import INTEGER_MAX
from ledger.state import Head

DEVICE_ID_BYTES_MAX: Final = 128
CALIBRATIONS_MAX: Final = 16
LIMITS_MAX: Final = 16

_TIMERS: Final = frozenset({"consecutive", "cumulative"})
_SIDES: Final = frozenset({"above", "below"})
_GRAVITIES: Final = frozenset({"quarantine", "reject"})


def register_device(context: Context, arguments: dict[str, Value]) -> Value:
    """Register a device with the key that it signs with and its first calibration."""
    read = Arguments(arguments)
    name = read.identifier("id", DEVICE_ID_BYTES_MAX)
    key = read.fixed("key", PUBLIC_KEY_BYTES)
    calibration = _calibration(read)
    certificate_hash = read.optional_fixed("certificate_hash", 32)
    read.end()
    if context.get(heads.device(name)) is not None or context.get(heads.device_key(key)) is not None:
        raise Rejected(ResultCode.DEVICE_EXISTS, f"{name} or its key is registered")
    registered = context.get(heads.public_key(key))
    if registered is None:
        raise Rejected(ResultCode.KEY_NOT_FOUND, f"add {key.hex()} to the organisation's keys first")
    if registered["organisation"] != context.member:
        raise Rejected(ResultCode.KEY_OF_ANOTHER, f"{key.hex()} belongs to {registered['organisation']!r}")
    device: Head = {
        "owner": context.member,
        "key": key,
        "calibrations": [calibration],
        "last_sequence": 0,
        "last_ms": 0,
        "missing": 0,
        "watches": [],
    }
    if certificate_hash is not None:
        device["certificate_hash"] = certificate_hash
    context.record(heads.device(name), device)
    context.put(heads.device_key(key), {"device": name})
    return None


def calibrate(context: Context, arguments: dict[str, Value]) -> Value:
    """Add an interval for which the device is calibrated; the newest sixteen count."""
    read = Arguments(arguments)
    name = read.identifier("id", DEVICE_ID_BYTES_MAX)
    calibration = _calibration(read)
    certificate_hash = read.optional_fixed("certificate_hash", 32)
    read.end()
    device = own_device(context, name)
    known = cast("list[Value]", device["calibrations"])
    device["calibrations"] = [*known[1 - CALIBRATIONS_MAX :], calibration]
    if certificate_hash is not None:
        device["certificate_hash"] = certificate_hash
    context.record(heads.device(name), device)
    return None


def revoke_device(context: Context, arguments: dict[str, Value]) -> Value:
    """Take a device out of use for good; what it has recorded stays."""
    read = Arguments(arguments)
    name = read.identifier("id", DEVICE_ID_BYTES_MAX)
    read.end()
    device = own_device(context, name)
    device["revoked_ms"] = context.block.time_ms
    context.record(heads.device(name), device)
    return None


def define_profile(context: Context, arguments: dict[str, Value]) -> Value:
    """Define the range, the longest interval between readings and the limits that a watched thing is judged by."""
    read = Arguments(arguments)
    name = read.identifier("id", DEVICE_ID_BYTES_MAX)
    lowest = read.integer("min_milli_celsius", COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS)
    highest = read.integer("max_milli_celsius", lowest, HOTTEST_MILLI_CELSIUS)
    gap_ms = read.integer("gap_ms", 1)
    limits = read.listed("limits", LIMITS_MAX, _limit)
    read.end()
    if context.get(heads.cold_profile(name)) is not None:
        raise Rejected(ResultCode.PROFILE_EXISTS, f"{name} is defined; a profile never changes, define another")
    profile: Head = {
        "owner": context.member,
        "min_milli_celsius": lowest,
        "max_milli_celsius": highest,
        "gap_ms": gap_ms,
        "limits": list(limits),
    }
    context.put(heads.cold_profile(name), profile)
    return None


def require_device(context: Context, name: str) -> Head:
    """Return a device that is registered and not revoked."""
    device = context.get(heads.device(name))
    if device is None:
        raise Rejected(ResultCode.UNKNOWN_DEVICE, f"{name} is not registered")
    if "revoked_ms" in device:
        raise Rejected(ResultCode.DEVICE_REVOKED, f"{name} was revoked at {device['revoked_ms']!r}")
    return device


def own_device(context: Context, name: str) -> Head:
    """Return a device of the sender's organisation."""
    device = require_device(context, name)
    if device["owner"] != context.member:
        raise Rejected(ResultCode.NOT_DEVICE_OWNER, f"{name} belongs to {device['owner']!r}")
    return device


def _calibration(read: Arguments) -> Value:
    from_ms = read.integer("calibrated_from_ms")
    until_ms = read.integer("calibrated_until_ms")
    if until_ms <= from_ms:
        refuse("calibrated_until_ms is after calibrated_from_ms")
    return [from_ms, until_ms]


def _limit(value: object, what: str) -> Value:
    """Return [timer, side, threshold, duration, gravity]."""
    timer, side, threshold, duration_ms, gravity = row(value, what, 5)
    return [
        choice(timer, "the timer of a limit", _TIMERS),
        choice(side, "the side of a limit", _SIDES),
        integer(threshold, "the threshold of a limit", COLDEST_MILLI_CELSIUS, HOTTEST_MILLI_CELSIUS),
        integer(duration_ms, "the duration of a limit", 0, INTEGER_MAX),
        choice(gravity, "the gravity of a limit", _GRAVITIES),
    ]
