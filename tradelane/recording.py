"""Bring the readings of a device to the ledger in batches, each once, however often it is tried.

The ledger's own sequence numbers make it safe: a batch that is there already cannot be recorded again under its number,
so after a lost answer, a kill or a race the device's state is read again and what is left goes on from there. What the
ledger has, a reading at a time and value, is told from what came too late to be recorded.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, TypeAlias

from contracts.provenance.cold_chain import READINGS_MAX
from ledger.codec import Value
from ledger.keys import SecretKey
from ledger.transaction import Operation
from tradelane.client import Client
from tradelane.cold_chain import Device
from tradelane.errors import BadRequestError, ConflictError, NotAuthorisedError, NotFoundError, UnavailableError

Measured: TypeAlias = tuple[int, int | None]
"""A time and milli-degrees Celsius; None where the device measured nothing, which uses up a sequence number."""

_REPEATED: Final = "ledger.sequence_repeated"


@dataclass(slots=True)
class Recorded:
    """What became of readings: how many were recorded now, how many were there already, and which came too late."""

    device: str
    recorded: int = 0
    already: int = 0
    unmeasured: int = 0
    late: list[tuple[int, int]] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings without a gap between them, and the sequence number of the first."""

    first_sequence: int
    readings: tuple[tuple[int, int], ...]

    def operation(self, device: str) -> Operation:
        """Return the operation that records it."""
        readings: list[Value] = [[time_ms, milli_celsius] for time_ms, milli_celsius in self.readings]
        arguments: dict[str, Value] = {
            "device": device,
            "first_sequence": self.first_sequence,
            "readings": readings,
        }
        return Operation("cold_chain.record_batch", arguments)


def device_of(client: Client, key: SecretKey) -> Device:
    """Return the device that signs with a key.

    Raises
    ------
    NotFoundError
        No device does.

    """
    name = key.public_key.hex()
    found = client.devices(key=name)
    if not found:
        raise NotFoundError(
            "device.key_unknown", f"no device signs with the key {name}", "register it with `tradelane device register`"
        )
    return found[0]


def record_readings(
    client: Client,
    key: SecretKey,
    measured: Sequence[Measured],
    report: Callable[[int, int], None] | None = None,
    *,
    wait_s: float = 10.0,
) -> Recorded:
    """Record what the device of a key measured, in the order of time; ``report`` hears (done, total) as it goes on.

    Raises
    ------
    BadRequestError
        The times do not rise, or no calibration holds for one; nothing was recorded.
    NotAuthorisedError
        The device is revoked.
    UnavailableError
        The node that answers is behind, too.
    TradelaneError
        As `Client.submit`; what was recorded before stays, and calling again goes on from there.

    """
    _check_order(measured)
    device = device_of(client, key)
    _check_device(device, measured)
    result = Recorded(device.id, unmeasured=sum(value is None for _, value in measured))
    total = sum(value is not None for _, value in measured)
    left = _set_aside(client, device, measured, result)
    while left:
        if report is not None:
            report(total - _count(left), total)
        batch = next(batches(left, device.last_sequence + 1), None)
        if batch is None:
            break
        try:
            status = client.submit([batch.operation(device.id)], key, wait_s=wait_s)
        except ConflictError as error:
            if error.code != _REPEATED:
                raise
            before, device = device, client.device(device.id)
            if device.last_sequence <= before.last_sequence:
                raise _behind(device) from error
            left = _set_aside(client, device, left, result)
            continue
        result.transactions.append(status.id)
        result.recorded += len(batch.readings)
        last_ms = batch.readings[-1][0]
        device = replace(device, last_sequence=batch.first_sequence + len(batch.readings) - 1, last_ms=last_ms)
        left = [one for one in left if one[0] > last_ms]
    return result


def batches(measured: Sequence[Measured], first_sequence: int) -> Iterator[Batch]:
    """Yield readings in batches that the ledger takes, with a number left out for each moment without a reading.

    >>> [(one.first_sequence, len(one.readings)) for one in batches([(1, 50), (2, None), (3, 51), (4, 52)], 7)]
    [(7, 1), (9, 2)]
    """
    rows: list[tuple[int, int]] = []
    first = following = first_sequence
    for time_ms, value in measured:
        if rows and (value is None or len(rows) == READINGS_MAX):
            yield Batch(first, tuple(rows))
            rows = []
        if value is not None:
            if not rows:
                first = following
            rows.append((time_ms, value))
        following += 1
    if rows:
        yield Batch(first, tuple(rows))


def _check_order(measured: Sequence[Measured]) -> None:
    for (before_ms, _), (after_ms, _) in pairwise(measured):
        if after_ms <= before_ms:
            raise BadRequestError(
                "readings.order",
                f"a reading at {after_ms} ms stands after one at {before_ms} ms",
                "two sensors in one stream? each needs a device of its own",
            )


def _check_device(device: Device, measured: Sequence[Measured]) -> None:
    if device.revoked_ms is not None:
        raise NotAuthorisedError(
            "device.revoked", f"{device.id} was revoked at {device.revoked_ms} ms", "register another device"
        )
    for time_ms, value in measured:
        if value is not None and time_ms > device.last_ms and not device.is_calibrated_at(time_ms):
            raise BadRequestError(
                "device.not_calibrated",
                f"no calibration of {device.id} holds at {time_ms} ms",
                "add it with `tradelane device calibrate`",
            )


def _set_aside(client: Client, device: Device, measured: Sequence[Measured], result: Recorded) -> list[Measured]:
    """Return what comes after all that the device has recorded; count what the ledger has, keep what is too late."""
    passed = [(time_ms, value) for time_ms, value in measured if time_ms <= device.last_ms and value is not None]
    if passed:
        found = client.device_readings(device.id, passed[0][0], passed[-1][0] + 1)
        known = {row for batch in found for row in batch.readings}
        late = [row for row in passed if row not in known]
        # A node that is behind would call late what it has not seen: it has to know the device's last reading.
        if late and not client.device_readings(device.id, device.last_ms, device.last_ms + 1):
            raise _behind(device)
        result.already += len(passed) - len(late)
        result.late += late
    return [one for one in measured if one[0] > device.last_ms]


def _behind(device: Device) -> UnavailableError:
    return UnavailableError(
        "device.state_behind", f"the node that answers is behind in what {device.id} recorded", "try again in a moment"
    )


def _count(measured: Sequence[Measured]) -> int:
    return sum(value is not None for _, value in measured)
