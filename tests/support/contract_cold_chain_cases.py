"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about the cold chain."""

from typing import cast

from contracts import heads
from contracts.provenance.cold_chain import DEVICE_WATCHES_MAX
from ledger.codec import Value
from tests.support.contract_situations import Case, R, case, in_turn, ran, ran_all, with_head, with_key
from tests.support.contracts_world import START_MS, Call, add, key_of, sgtin

MINUTE_MS = 60_000
LIMITS: list[Value] = [
    ["consecutive", "above", 8_000, 30 * MINUTE_MS, "quarantine"],
    ["cumulative", "above", 8_000, 60 * MINUTE_MS, "quarantine"],
    ["consecutive", "below", -500, 60 * MINUTE_MS, "reject"],
]


def cold(verb: str, **arguments: object) -> Call:
    return f"cold_chain.{verb}", cast("dict[str, Value]", arguments)


def device(name: str = "d", key: str = "device", **more: object) -> Call:
    fields = {"calibrated_from_ms": 1, "calibrated_until_ms": START_MS + 1, **more}
    return cold("register_device", id=name, key=key_of(key).public_key, **fields)


def profile(name: str = "p", limits: list[Value] = LIMITS) -> Call:
    return cold(
        "define_profile",
        id=name,
        min_milli_celsius=2_000,
        max_milli_celsius=8_000,
        gap_ms=15 * MINUTE_MS,
        limits=limits,
    )


def assign(thing: str = sgtin(1), from_ms: int = 1_000, **more: object) -> Call:
    return cold("assign", **{"device": "d", "thing": thing, "from_ms": from_ms, "profile": "p", **more})


def release(until_ms: int = 2_000, **more: object) -> Call:
    return cold("release", **{"device": "d", "thing": sgtin(1), "from_ms": 1_000, "until_ms": until_ms, **more})


def batch(first: int, *readings: tuple[int, int], name: str = "d") -> Call:
    return cold("record_batch", device=name, first_sequence=first, readings=[list(one) for one in readings])


def acknowledge(number: int = 1) -> Call:
    return cold("acknowledge", thing=sgtin(1), breach=number, comment="door left open")


REGISTERED = in_turn(
    with_key(purpose="device", methods=["cold_chain.record_batch"]),
    ran_all("maker", add(sgtin(1)), device(), profile()),
)
WATCHED = in_turn(REGISTERED, ran(("maker", assign())))
BREACHED = in_turn(WATCHED, ran(("device", batch(1, *((1_000 + step * 10 * MINUTE_MS, 9_000) for step in range(4))))))
MANY = with_head(heads.device("d"), watches=[[sgtin(number), 1] for number in range(DEVICE_WATCHES_MAX)])

COLD_CHAIN_CASES: tuple[Case, ...] = (
    case(R.OK, "device", batch(1, (1_000, 5_000)), setup=WATCHED),
    case(R.BAD_ARGUMENTS, "device", batch(1), setup=WATCHED, note="no reading"),
    case(R.BAD_ARGUMENTS, "maker", device(calibrated_until_ms=1), note="calibrated for no time"),
    case(R.BAD_ARGUMENTS, "maker", profile(limits=[["hourly", "above", 1, 1, "reject"]]), note="an unknown timer"),
    case(R.BAD_ARGUMENTS, "maker", assign(until_ms=1_000), setup=REGISTERED, note="an empty interval"),
    case(R.BAD_ARGUMENTS, "maker", release(1_000), setup=WATCHED, note="ends when it begins"),
    case(R.KEY_NOT_FOUND, "maker", device()),
    case(R.KEY_OF_ANOTHER, "maker", device(key="carrier")),
    case(R.DEVICE_EXISTS, "maker", device(key="maker"), setup=REGISTERED, note="the id"),
    case(R.DEVICE_EXISTS, "maker", device("e"), setup=REGISTERED, note="the key"),
    case(R.UNKNOWN_DEVICE, "maker", assign()),
    case(R.UNKNOWN_DEVICE, "maker", release()),
    case(R.NOT_DEVICE_OWNER, "carrier", cold("revoke_device", id="d"), setup=REGISTERED),
    case(
        R.DEVICE_REVOKED,
        "device",
        batch(1, (1_000, 5_000)),
        setup=in_turn(WATCHED, ran(("maker", cold("revoke_device", id="d")))),
    ),
    case(R.NOT_DEVICE_KEY, "maker", batch(1, (1_000, 5_000)), setup=WATCHED),
    case(R.CALIBRATION_EXPIRED, "device", batch(1, (START_MS + 1, 5_000)), setup=WATCHED),
    case(R.PROFILE_EXISTS, "maker", profile(), setup=REGISTERED),
    case(R.UNKNOWN_PROFILE, "maker", assign(profile="q"), setup=REGISTERED),
    case(R.UNKNOWN_ITEM, "maker", assign(sgtin(2)), setup=REGISTERED),
    case(R.ASSIGNMENT_OVERLAPS, "maker", assign(from_ms=500), setup=WATCHED),
    case(R.OK, "maker", assign(from_ms=500, until_ms=1_000), setup=WATCHED, note="ends where the other begins"),
    case(R.UNKNOWN_ASSIGNMENT, "maker", release(), setup=REGISTERED),
    case(R.NOT_CUSTODIAN, "carrier", release(), setup=WATCHED),
    case(R.READINGS_PASSED, "maker", release(until_ms=2_000), setup=BREACHED),
    case(R.TOO_MANY_ASSIGNMENTS, "maker", assign(), setup=in_turn(REGISTERED, MANY)),
    case(R.SEQUENCE_REPEATED, "device", batch(4, (START_MS, 5_000)), setup=BREACHED),
    case(R.READING_NOT_AFTER, "device", batch(1, (1_000, 5_000), (1_000, 5_000)), setup=WATCHED),
    case(R.READING_IN_FUTURE, "device", batch(1, (START_MS + 3_600_000, 5_000)), setup=WATCHED),
    case(R.UNKNOWN_BREACH, "maker", acknowledge(2), setup=BREACHED),
    case(R.NOT_CUSTODIAN, "carrier", acknowledge(), setup=BREACHED),
    case(R.BREACH_ACKNOWLEDGED, "maker", acknowledge(), setup=in_turn(BREACHED, ran(("maker", acknowledge())))),
)
