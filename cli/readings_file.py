"""Files of readings, SenML packs and the CSV of loggers, as what one device measured."""

import codecs
from typing import Final, Literal

from standards.errors import SensorDataError
from standards.logger_csv import UNITS, Stated, read_logger_csv
from standards.logger_times import offset_minutes
from standards.senml import TEXT_BYTES_MAX, read_senml
from tradelane import BadRequestError
from tradelane.recording import Measured

_HINTS: Final = {
    "csv_line": "correct the line, or say what it leaves open: --time-zone, --date-order, --unit, --column",
    "csv_header": "add a line such as timestamp,temp_c above the first reading, or name the column with --column",
    "pack_record": "correct the record",
}


def stated_of(
    time_zone: str | None, date_order: Literal["dmy", "mdy"] | None, unit: str | None, column: str | None
) -> Stated:
    """Return what a person says of a CSV file; raises BadRequestError."""
    zone = None if time_zone is None else offset_minutes(time_zone)
    if time_zone is not None and zone is None:
        raise BadRequestError(
            "readings.time_zone", f"{time_zone[:50]!r} is no offset from UTC", "write it as +01:00, -03:30 or Z"
        )
    return Stated(zone, date_order, None if unit is None else UNITS[unit.lower()], column)


def read_measured(data: bytes, stated: Stated, sensor: str | None) -> tuple[list[Measured], list[str]]:
    """Return what a device measured, by time, and what to tell of records that were left out; raises BadRequestError.

    What begins with a bracket is a SenML pack, everything else a CSV file.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        if data.lstrip()[:1] == b"[":
            return _of_senml(data, sensor)
        return [(one.time_ms, one.milli_celsius) for one in read_logger_csv(data, stated)], []
    except SensorDataError as error:
        raise BadRequestError(f"readings.{error.code}", str(error), _HINTS.get(error.code, "")) from error


def _of_senml(data: bytes, sensor: str | None) -> tuple[list[Measured], list[str]]:
    if len(data) > TEXT_BYTES_MAX:
        raise SensorDataError("pack_too_long", f"the pack is longer than {TEXT_BYTES_MAX} bytes; send it in parts")
    # A file has no time of arrival that a second try would find again.
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SensorDataError("pack_not_text", f"the pack is not UTF-8: {error.reason}") from None
    found = read_senml(text, None)
    names = sorted({one.sensor for one in found.readings})
    wanted = sensor if sensor is not None else (names[0] if len(names) == 1 else None)
    if wanted is None and names:
        listed = ", ".join(names[:8])
        raise BadRequestError(
            "readings.sensors",
            f"the pack holds the temperatures of {len(names)} sensors: {listed}",
            "each has a device of its own; name one with --sensor",
        )
    told = [f"record {one.record} of {one.sensor} {one.reason}" for one in found.left_out]
    return [(one.time_ms, one.milli_celsius) for one in found.readings if one.sensor == wanted], told
