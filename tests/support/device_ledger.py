"""What a gateway needs of a node, in memory and plain: devices, their readings, and the rules of a batch."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

from ledger.keys import SecretKey
from ledger.transaction import Operation
from tradelane import (
    BadRequestError,
    Client,
    ConflictError,
    Device,
    DeviceReadings,
    TransactionStatus,
    UnavailableError,
)

NEVER_MS = 10**15


@dataclass
class DeviceLedger:
    """Answers as a `Client` does; ``faults`` says of each batch what happens to it.

    "": all is well; "before", "after": it or its answer is lost; "expired": the gateway's clock is wrong.
    """

    faults: list[str] = field(default_factory=list)
    submitted: list[int] = field(default_factory=list)
    _devices: dict[str, Device] = field(default_factory=dict)
    _batches: dict[str, list[DeviceReadings]] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """This, where a client is wanted."""
        return cast(Client, self)

    def add(self, name: str, *, calibrated_until_ms: int = NEVER_MS) -> SecretKey:
        """Register a device and return its key."""
        key = SecretKey(name.encode().ljust(32, b"."))
        calibrations = ((0, calibrated_until_ms),)
        self._devices[name] = Device(name, "brand", key.public_key.hex(), calibrations, None, 0, 0, 0, (), None)
        self._batches[name] = []
        return key

    def rows(self, name: str) -> list[tuple[int, int, int]]:
        """Return (sequence, time, temperature) of everything that a device recorded."""
        return [
            (batch.first_sequence + index, *row)
            for batch in self._batches[name]
            for index, row in enumerate(batch.readings)
        ]

    def devices(self, owner: str | None = None, key: str | None = None) -> tuple[Device, ...]:
        """Return the device of a key."""
        assert owner is None
        return tuple(one for one in self._devices.values() if one.key == key)

    def device(self, name: str) -> Device:
        """Return a device."""
        return self._devices[name]

    def device_readings(self, name: str, from_ms: int, until_ms: int) -> tuple[DeviceReadings, ...]:
        """Return what a device recorded between two times."""
        found = []
        for batch in self._batches[name]:
            rows = tuple(row for row in batch.readings if from_ms <= row[0] < until_ms)
            found.append(replace(batch, readings=rows))
        return tuple(found)

    def submit(self, operations: list[Operation], key: SecretKey, *, wait_s: float) -> TransactionStatus:
        """Record a batch by the rules of the contract, or fail as told."""
        assert wait_s > 0
        (operation,) = operations
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise UnavailableError("no_node", "no node answers")
        if fault == "expired":
            raise BadRequestError("transaction.expired", "the transaction has expired")
        self._record(cast("dict[str, Any]", operation.arguments), key)
        if fault == "after":
            raise UnavailableError("no_node", "the answer is lost")
        return TransactionStatus("aa" * 32, "committed", 1, None, None)

    def _record(self, arguments: dict[str, Any], key: SecretKey) -> None:
        name, first, rows = arguments["device"], arguments["first_sequence"], arguments["readings"]
        device = self._devices[name]
        assert device.key == key.public_key.hex()
        assert 1 <= len(rows) <= 1_000
        if first <= device.last_sequence:
            raise ConflictError("ledger.sequence_repeated", "the number is taken")
        times = [device.last_ms, *(time_ms for time_ms, _ in rows)]
        if any(after <= before for before, after in pairwise(times)):
            raise ConflictError("ledger.reading_not_after", "a reading is not after the one before")
        last = first + len(rows) - 1
        missing = device.missing + first - device.last_sequence - 1
        self._devices[name] = replace(device, last_sequence=last, last_ms=times[-1], missing=missing)
        self._batches[name].append(DeviceReadings(name, first, tuple(map(tuple, rows)), "", 0, 1, 1))
        self.submitted.append(len(rows))
