"""A disk that keeps what was persisted and nothing else."""

from collections.abc import Iterable

from consensus.effects import SafetyRecord


class Disk:
    """The safety store of one machine. A record is there once ``persist`` was carried out, not before."""

    def __init__(self) -> None:
        self._records: dict[tuple[int, int, str], SafetyRecord] = {}

    def persist(self, records: Iterable[SafetyRecord]) -> None:
        """Write records durably; a later record of the same place replaces the earlier one."""
        for record in records:
            self._records[record.height, record.view, record.kind] = record

    def records_above(self, height: int) -> list[SafetyRecord]:
        """Return the records of undecided heights, as a node reads them when it starts."""
        return [record for record in self._records.values() if record.height > height]

    def holds(self, height: int, view: int, kind: str) -> bool:
        """Say whether a record of this place is durable."""
        return (height, view, kind) in self._records
