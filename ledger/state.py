"""State: heads, their histories, and the overlay on which a block's transactions run.

A *head* is what a later transaction can change; it is a map of canonical values under a key. A *record* is written
once: it is an operation of a committed transaction, with its place and time and what it gave out. A head that has a
history carries ``count`` and ``chain``::

    chain = H(chain before, hash of the record, count)

so the head, which the state root proves, proves in turn that a list of records is complete and in order, and where and
when each was committed: a proof of a history needs no other block than the newest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, cast

from ledger.codec import Value, decode_own, encode
from ledger.hashing import ZERO_HASH, tagged_hash

Head: TypeAlias = dict[str, Value]

COUNT_FIELD: Final = "count"
CHAIN_FIELD: Final = "chain"
KEY_SEPARATOR: Final = b"\0"


class HeadSource(Protocol):
    """Committed heads by key; ``heads`` yields those under a prefix in key order."""

    def head(self, key: bytes) -> bytes | None:
        """Return the encoded head at a key, or None."""
        ...

    def heads(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, encoded head) for every key that starts with ``prefix``, in key order."""
        ...


@dataclass(slots=True)
class HistoryEntry:
    """The ``count``-th record of a head (from 1): an operation of a transaction of the block.

    Nobody sets a field; it is not frozen because one is made for every record, and that would take four times as long.
    """

    key: bytes
    count: int
    transaction_index: int
    operation_index: int


def head_key(kind: str, *identifiers: str) -> bytes:
    """Return the key of a head, such as ``head_key("item", "https://id.gs1.org/01/...")``."""
    key = "\0".join((kind, *identifiers)).encode()
    assert key.count(KEY_SEPARATOR) == len(identifiers), "identifiers never hold a zero byte"
    return key


def split_key(key: bytes) -> tuple[str, ...]:
    """Return the kind and the identifiers of a head's key."""
    return tuple(part.decode() for part in key.split(KEY_SEPARATOR))


def output_hash(output: bytes) -> bytes:
    """Return the hash that stands for the encoded output of an operation in a record."""
    return tagged_hash("output", output)


def record_hash(
    transaction_id: bytes, operation_index: int, height: int, transaction_index: int, time_ms: int, output: bytes
) -> bytes:
    """Return the hash that stands for one operation of a committed transaction in a history.

    ``height`` and ``time_ms`` (UTC) are the block's, ``transaction_index`` is the place in it, ``output`` the hash of
    what the operation gave out.
    """
    return tagged_hash(
        "record",
        transaction_id,
        operation_index.to_bytes(4, "big"),
        height.to_bytes(8, "big"),
        transaction_index.to_bytes(4, "big"),
        time_ms.to_bytes(8, "big"),
        output,
    )


def next_chain(chain: bytes, record: bytes, count: int) -> bytes:
    """Return the chain value after the ``count``-th record."""
    return tagged_hash("chain", chain, record, count.to_bytes(8, "big"))


Slot: TypeAlias = "Head | bytes | None"
"""What an overlay keeps of a head and never changes: a flat one as a map, one with lists or maps in it encoded."""

_NESTED: Final = frozenset({dict, list, tuple})


@dataclass(frozen=True, slots=True)
class Savepoint:
    """What an overlay held at a moment of the running operation; for ``Overlay.roll_back`` alone."""

    pending: dict[bytes, Slot]
    open: dict[bytes, Head]
    history_count: int


class Overlay:
    """Changes on top of committed heads, with one level of undo for the transaction that is running.

    Heads come out as fresh copies, so a handler that fails half-way has touched nothing. What an operation records is
    *open* until the operation is through: a record holds its output, which nobody knows earlier. A flat head is encoded
    once, when the block is through, however many of its transactions change it.
    """

    __slots__ = ("_below", "_committed", "_history", "_history_pending", "_open", "_pending", "_settled", "_source")

    def __init__(self, source: HeadSource) -> None:
        self._source = source
        # What was read of the source, which does not change meanwhile: most heads are read, changed and then compared.
        self._committed: dict[bytes, bytes | None] = {}
        self._settled: dict[bytes, Slot] = {}
        self._pending: dict[bytes, Slot] = {}
        # Changed keys by each of their prefixes, so that a scan costs what it finds and not what the block has changed.
        self._below: dict[bytes, set[bytes]] = {}
        self._history: list[HistoryEntry] = []
        self._history_pending: list[HistoryEntry] = []
        self._open: dict[bytes, Head] = {}

    def get(self, key: bytes) -> Head | None:
        """Return the head at a key as this transaction sees it, or None."""
        return _copy(self._slot(key))

    def put(self, key: bytes, head: Head) -> None:
        """Set the head at a key."""
        if key in self._open:
            self._open[key] = head
        else:
            self._change(key, _slot_of(head))

    def delete(self, key: bytes) -> None:
        """Remove the head at a key; never one that the running operation has recorded something of."""
        assert key not in self._open, "what has a history stays"
        self._change(key, None)

    def append(self, key: bytes, head: Head, transaction_index: int, operation_index: int) -> None:
        """Set the head at a key with the running operation added to its history, once however often this is called."""
        if key not in self._open:
            count = cast(int, head.get(COUNT_FIELD, 0)) + 1
            head[COUNT_FIELD] = count
            head.setdefault(CHAIN_FIELD, ZERO_HASH)
            self._history_pending.append(HistoryEntry(key, count, transaction_index, operation_index))
            self._enter(key)
        self._open[key] = head

    def close(self, record: bytes) -> None:
        """Take in what the operation that ran recorded, by the hash of its record."""
        for key, head in self._open.items():
            head[CHAIN_FIELD] = next_chain(cast(bytes, head[CHAIN_FIELD]), record, cast(int, head[COUNT_FIELD]))
            self._pending[key] = _slot_of(head)
        self._open.clear()

    @property
    def is_recording(self) -> bool:
        """Whether the running operation has recorded anything."""
        return bool(self._open)

    def recorded(self) -> tuple[bytes, ...]:
        """Return the keys of the heads that the running operation has recorded something of, in that order."""
        return tuple(self._open)

    def savepoint(self) -> Savepoint:
        """Return what the running operation can be rolled back to; costs as much as its transaction has changed."""
        return Savepoint(dict(self._pending), dict(self._open), len(self._history_pending))

    def roll_back(self, savepoint: Savepoint) -> None:
        """Drop what the running operation did since a savepoint of its own."""
        self._pending = dict(savepoint.pending)
        self._open = dict(savepoint.open)
        del self._history_pending[savepoint.history_count :]

    def scan(self, *identifiers: str) -> Iterator[tuple[tuple[str, ...], Head]]:
        """Return (key parts, head) for every key that continues these parts, in key order, as of the call."""
        prefix = head_key(*identifiers) + KEY_SEPARATOR
        merged: dict[bytes, Slot] = dict(self._source.heads(prefix))
        merged.update((key, self._slot(key)) for key in self._below.get(prefix, ()))
        found = [(key, merged[key]) for key in sorted(merged) if merged[key] is not None]
        return ((split_key(key), cast(Head, _copy(slot))) for key, slot in found)

    def settle(self) -> None:
        """Keep what the running transaction did."""
        assert not self._open, "an operation is still running"
        self._settled.update(self._pending)
        self._pending.clear()
        self._history += self._history_pending
        self._history_pending.clear()

    def undo(self) -> None:
        """Drop what the running transaction did."""
        self._pending.clear()
        self._history_pending.clear()
        self._open.clear()

    def changes(self) -> dict[bytes, bytes | None]:
        """Return every settled head that differs from what is committed, encoded, None where it was removed."""
        assert not self._pending, "a transaction is still running"
        encoded = ((key, encode(slot) if type(slot) is dict else slot) for key, slot in self._settled.items())
        return {key: cast("bytes | None", now) for key, now in encoded if now != self._committed_head(key)}

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return the history entries of the settled transactions, in order."""
        return tuple(self._history)

    def _change(self, key: bytes, slot: Slot) -> None:
        self._enter(key)
        self._pending[key] = slot

    def _enter(self, key: bytes) -> None:
        """Have scans find a key that changes."""
        if key not in self._pending and key not in self._settled:
            end = key.find(KEY_SEPARATOR) + 1
            while end:
                self._below.setdefault(key[:end], set()).add(key)
                end = key.find(KEY_SEPARATOR, end) + 1

    def _slot(self, key: bytes) -> Slot:
        if key in self._open:
            return _slot_of(self._open[key])
        if key in self._pending:
            return self._pending[key]
        if key in self._settled:
            return self._settled[key]
        return self._committed_head(key)

    def _committed_head(self, key: bytes) -> bytes | None:
        if key not in self._committed:
            self._committed[key] = self._source.head(key)
        return self._committed[key]


def _slot_of(head: Head) -> Slot:
    """Return what to keep of a head, of which its giver may go on changing its own copy."""
    return dict(head) if _NESTED.isdisjoint(map(type, head.values())) else encode(head)


def _copy(slot: Slot) -> Head | None:
    """Return a copy that its taker may change as it likes."""
    if slot is None:
        return None
    return dict(slot) if type(slot) is dict else cast(Head, decode_own(cast(bytes, slot)))
