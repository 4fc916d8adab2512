"""SenML packs in JSON (RFC 8428) to temperature readings: base fields resolved, numbers kept exact.

Records that measure something else, or in another unit than degrees Celsius or kelvin, are left out, each with its
reason, so that a logger set to the wrong unit is told from a hygrometer. A pack that cannot be read as a whole is
refused, with the record and the reason. Pure: the time of arrival, which relative times count from, is an argument.
"""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn, cast

from standards.celsius import ARITHMETIC, CELSIUS, KELVIN, milli_celsius
from standards.errors import SensorDataError

RECORDS_MAX: Final = 10_000
TEXT_BYTES_MAX: Final = 4_194_304

_VERSION: Final = 10
_RELATIVE_BELOW_S: Final = 2**28
_VALUES: Final = ("v", "vs", "vb", "vd")
_NUMBERS: Final = ("bt", "bv", "bs", "bver", "t", "v", "s", "ut")
# Numbers of the format are at most doubles; every one that counts as a time or a temperature is smaller than this.
_MAGNITUDE_MAX: Final = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class SensorReading:
    """One temperature of one sensor."""

    sensor: str
    time_ms: int
    milli_celsius: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record, counted from 0, that holds no temperature, and why."""

    record: int
    sensor: str
    reason: str


@dataclass(frozen=True, slots=True)
class SensorReadings:
    """Readings in the order of their times, and the records that hold none."""

    readings: tuple[SensorReading, ...]
    left_out: tuple[LeftOut, ...]


def read_senml(text: str, received_ms: int | None) -> SensorReadings:
    """Return the temperatures in a SenML pack that arrived at ``received_ms`` (UTC).

    With None, times that count from the arrival are refused: read again later, they would be other times.

    Raises
    ------
    SensorDataError
        The text is no SenML pack, or one of a version or with a field that has to be understood and is not.

    """
    base: dict[str, object] = {}
    readings, left_out = [], []
    for index, record in enumerate(_records(text)):
        _check(index, record)
        base.update({name: value for name, value in record.items() if name in ("bn", "bt", "bu", "bv")})
        name = str(base.get("bn", "")) + str(record.get("n", ""))
        if not any(name in record for name in _VALUES) and "s" not in record:
            if any(name not in ("bn", "bt", "bu", "bv", "bs", "bver") for name in record):
                left_out.append(LeftOut(index, name, "has no value"))
            continue
        if not name:
            _refuse(index, "has no name, neither bn nor n")
        found = _temperature(base, record)
        if isinstance(found, str):
            left_out.append(LeftOut(index, name, found))
            continue
        seconds = ARITHMETIC.add(_number(base, "bt"), _number(record, "t"))
        time_ms = int(ARITHMETIC.multiply(seconds, Decimal(1_000)).to_integral_value(context=ARITHMETIC))
        if seconds < _RELATIVE_BELOW_S:
            if received_ms is None:
                _refuse(index, "has a time that counts from its arrival; write bt or t as seconds since 1970")
            time_ms += received_ms
        readings.append(SensorReading(name, time_ms, found))
    return SensorReadings(tuple(sorted(readings, key=lambda one: one.time_ms)), tuple(left_out))


def _records(text: str) -> list[dict[str, object]]:
    if len(text) > TEXT_BYTES_MAX:
        raise SensorDataError("pack_too_long", f"the pack is longer than {TEXT_BYTES_MAX} characters; send it in parts")
    try:
        pack = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise SensorDataError("pack_not_json", f"the pack is not JSON: {error}") from None
    if not isinstance(pack, list) or not 1 <= len(pack) <= RECORDS_MAX:
        raise SensorDataError("pack_shape", f"a pack is an array of 1 to {RECORDS_MAX} records")
    for index, record in enumerate(pack):
        if not isinstance(record, dict):
            _refuse(index, "is not an object")
    return cast("list[dict[str, object]]", pack)


def _check(index: int, record: dict[str, object]) -> None:
    for name, value in record.items():
        if name.endswith("_"):
            _refuse(index, f"has the field {name!r}, which has to be understood and is not")
        if name in _NUMBERS and not (isinstance(value, Decimal) and -_MAGNITUDE_MAX <= value <= _MAGNITUDE_MAX):
            _refuse(index, f"has a {name} that is not a number of at most {_MAGNITUDE_MAX}")
        if name in ("bn", "n", "bu", "u") and not isinstance(value, str):
            _refuse(index, f"has a {name} that is not a text")
    if record.get("bver", _VERSION) != _VERSION:
        _refuse(index, f"is of version {record['bver']}; {_VERSION} is understood")
    if sum(name in record for name in _VALUES) > 1:
        _refuse(index, "has more than one value")


def _temperature(base: dict[str, object], record: dict[str, object]) -> int | str:
    """Return the temperature of a record in milli-degrees Celsius, or why it has none."""
    if "v" not in record:
        return "has a value that is no number"
    unit = record.get("u", base.get("bu"))
    if unit not in (CELSIUS, KELVIN):
        return "has no unit" if unit is None else f"is in {str(unit)[:20]!r}, not in {CELSIUS!r} or {KELVIN!r}"
    milli = milli_celsius(ARITHMETIC.add(_number(base, "bv"), _number(record, "v")), str(unit))
    return "is no temperature that there can be" if milli is None else milli


def _number(fields: dict[str, object], name: str) -> Decimal:
    return cast(Decimal, fields.get(name, Decimal(0)))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _refuse(index: int, reason: str) -> NoReturn:
    raise SensorDataError("pack_record", f"record {index} {reason}")
