"""What a gateway does with a SenML message: each sensor's readings to its own device, what is wrong told by its reason.

A message is settled when all of its readings are on the ledger or have a reason why they are not; only then may whoever
delivered it be told. What can succeed later (no node answers, nothing is final yet) is raised, and the same message is
taken again: readings that the ledger has by then count as there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.keys import SecretKey
from standards.errors import SensorDataError
from standards.senml import TEXT_BYTES_MAX, SensorReadings, read_senml
from tradelane.client import Client
from tradelane.errors import BadRequestError, ConflictError, NotAuthorisedError, NotFoundError
from tradelane.recording import Measured, record_readings

_TOLD_MAX: Final = 20
# What is wrong with this gateway and not with the message, which has to wait until somebody has put it right.
_OUR_FAULTS: Final = frozenset({"transaction.expired", "transaction.wrong_chain", "transaction.organisation_suspended"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message, or a part of it, is not on the ledger; ``code`` is stable."""

    code: str
    text: str


@dataclass(slots=True)
class Settled:
    """What became of a message."""

    recorded: int = 0
    already: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class Relay:
    """Records the readings of known sensors; ``sensors`` are SenML names with the keys of their devices."""

    def __init__(self, client: Client, sensors: Mapping[str, SecretKey], wait_s: float = 10.0) -> None:
        self._client = client
        self._sensors = dict(sensors)
        self._wait_s = wait_s

    def take(self, payload: bytes, on_progress: Callable[[], None] | None = None) -> Settled:
        """Settle a message; ``on_progress`` is called between the batches of a large one.

        Raises
        ------
        UnavailableError, NotFinalError
            It is not settled yet: take it again later.
        TradelaneError
            Something is wrong with this gateway, such as its clock: the message has to wait.

        """
        settled = Settled()
        found = _read(payload, settled)
        if found is None:
            return settled
        by_sensor: dict[str, dict[int, int]] = {}
        for one in found.readings:
            kept = by_sensor.setdefault(one.sensor, {}).setdefault(one.time_ms, one.milli_celsius)
            if kept != one.milli_celsius:
                settled.refusals.append(Refusal("contradiction", f"{one.sensor} has two values at {one.time_ms} ms"))
                return settled
        self._tell_left_out(found, settled)
        for sensor, readings in by_sensor.items():
            key = self._sensors.get(sensor)
            if key is None:
                settled.refusals.append(Refusal("unknown_sensor", f"no device was named for the sensor {sensor[:200]}"))
                continue
            self._record(sensor, key, sorted(readings.items()), settled, on_progress)
        if not by_sensor and not settled.refusals:
            settled.refusals.append(Refusal("no_temperature", "the message holds no temperature of a sensor"))
        return settled

    def _tell_left_out(self, found: SensorReadings, settled: Settled) -> None:
        """Tell of the records of known sensors that hold none; what a hygrometer says is not for us."""
        told = [one for one in found.left_out if one.sensor in self._sensors]
        for one in told[:_TOLD_MAX]:
            settled.refusals.append(Refusal("not_a_temperature", f"record {one.record} of {one.sensor} {one.reason}"))
        if len(told) > _TOLD_MAX:
            settled.refusals.append(Refusal("not_a_temperature", f"and {len(told) - _TOLD_MAX} records more"))

    def _record(
        self,
        sensor: str,
        key: SecretKey,
        measured: list[tuple[int, int]],
        settled: Settled,
        on_progress: Callable[[], None] | None,
    ) -> None:
        def report(done: int, total: int) -> None:
            del total
            if done and on_progress is not None:
                on_progress()

        rows: list[Measured] = list(measured)
        try:
            found = record_readings(self._client, key, rows, report, wait_s=self._wait_s)
        except (BadRequestError, ConflictError, NotAuthorisedError, NotFoundError) as error:
            if error.code in _OUR_FAULTS:
                raise
            settled.refusals.append(Refusal(error.code, f"{sensor}: {error.detail}"))
            return
        settled.recorded += found.recorded
        settled.already += found.already
        if found.late:
            first, last = found.late[0][0], found.late[-1][0]
            text = f"{len(found.late)} of {sensor} from {first} ms to {last} ms; {found.device} has recorded later ones"
            settled.refusals.append(Refusal("late", text))


def _read(payload: bytes, settled: Settled) -> SensorReadings | None:
    if len(payload) > TEXT_BYTES_MAX:
        settled.refusals.append(Refusal("pack_too_long", f"{len(payload)} bytes are more than {TEXT_BYTES_MAX}"))
        return None
    try:
        # Without a time of arrival: a message that is delivered again arrives at another time.
        return read_senml(payload.decode(), None)
    except UnicodeDecodeError as error:
        settled.refusals.append(Refusal("pack_not_text", f"the message is not UTF-8: {error.reason}"))
    except SensorDataError as error:
        settled.refusals.append(Refusal(error.code, str(error)))
    return None
