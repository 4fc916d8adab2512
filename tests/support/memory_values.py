"""A ``KeyValues`` in memory, for tests that open many stores."""

from collections.abc import Iterator, Mapping


class MemoryValues:
    """An ordered map of bytes that outlives the store on it."""

    def __init__(self, pairs: Mapping[bytes, bytes] | None = None) -> None:
        self.pairs: dict[bytes, bytes] = dict(pairs or {})

    def get(self, key: bytes) -> bytes | None:
        """Return the value at a key, or None."""
        return self.pairs.get(key)

    def scan(
        self, start: bytes, stop: bytes, *, is_reverse: bool = False, include_start: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs from ``start`` to before ``stop``."""
        for key in sorted(self.pairs, reverse=is_reverse):
            if start <= key < stop and (include_start or key != start):
                yield key, self.pairs[key]

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write all changes."""
        for key, value in changes.items():
            if value is None:
                self.pairs.pop(key, None)
            else:
                self.pairs[key] = value

    def compact(self, start: bytes, stop: bytes) -> None:
        """Do nothing: there is no disk to give room back to."""

    def pin(self) -> "MemoryValues":
        """Return the pairs as they are now."""
        return MemoryValues(self.pairs)

    def close(self) -> None:
        """Keep the pairs, as a disk would."""
