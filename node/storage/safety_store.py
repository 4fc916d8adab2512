"""The safety store: every vote and lock, durable before it leaves the node, and the evidence of double votes.

It is separate from the ledger and must never come back from a backup: a node that forgot a vote may sign another
one for the same place, and two such votes are what PBFT cannot forgive. So the store knows whether it can vouch for
all that its key signed (``is_new``): not one that was just created, not a copy of a directory that was put back in
place of another (its lock file is another file then), and not one whose last write was cut off. A replica with such a
store follows until the others have passed what they show (docs/consensus.md); that it may vote ends the state.

key                              value
f                                [version of this table]
n                                why the store cannot vouch: "new", "copied" or "cut off"; no row when it can
o                                identity of the lock file beside the store (written with the first vote)
l                                [height, view] of the highest vote
r height(8) view(4) kind         [height, view, kind, data]
t height(8) transaction id       a transaction of a block that the node was locked on at this height
d kind, validator, height, view  evidence of a double vote
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

from consensus.effects import SafetyRecord
from ledger.codec import decode_own, encode
from ledger.evidence import Equivocation, decode_equivocation
from ledger.transaction import Transaction, decode_transaction
from node.storage.database import Database, KeyValues, prefix_end
from node.storage.errors import DamagedError, StorageError

SAFETY_FORMAT: Final = 1
EVIDENCE_MAX: Final = 100

_FORMAT_KEY: Final = b"f"
_NEW_KEY: Final = b"n"
_ORIGIN_KEY: Final = b"o"
_LAST_KEY: Final = b"l"
_RECORD: Final = b"r"
_TRANSACTION: Final = b"t"
_EVIDENCE: Final = b"d"


class SafetyStore:
    """An open safety store. ``origin`` names the file that it lies in; a virtual disk has none."""

    def __init__(self, database: KeyValues, *, origin: bytes = b"", was_torn: bool = False) -> None:
        """Take an open database that ``write_new`` began; raises StorageError where it is none."""
        self._database = database
        self._origin = origin
        self._check_format()
        doubt = self._doubt(was_torn=was_torn)
        if doubt is not None and database.get(_NEW_KEY) is None:
            # Written down, for the traces of what gave rise to it may be gone at the next start.
            database.write({_NEW_KEY: encode(doubt)})
        row = database.get(_NEW_KEY)
        self._reason = None if row is None else cast("str", decode_own(row))
        last = database.get(_LAST_KEY)
        self._last = None if last is None else cast("tuple[int, int]", tuple(cast("list[int]", decode_own(last))))

    @classmethod
    def open(cls, directory: Path, *, create: bool = False) -> "SafetyStore":
        """Open the store of a directory, or create it; raises StorageError."""
        try:
            database = Database(directory, create=create)
            try:
                if create:
                    write_new(database)
                return cls(database, origin=database.identity(), was_torn=database.was_torn)
            except BaseException:
                database.close()
                raise
        except DamagedError as error:
            raise DamagedError(
                f"the safety store in {directory} is damaged: {error}. It holds what this node signed; never put a "
                f"backup in its place. Run `tradelane node repair --home {directory.parent}`"
            ) from error

    @property
    def is_new(self) -> bool:
        """Whether this store cannot vouch for all that its key signed, so that the node must follow first."""
        return self._reason is not None

    @property
    def new_reason(self) -> str | None:
        """Why it cannot, in a word or two, or None where it can."""
        return self._reason

    @property
    def last_vote(self) -> tuple[int, int] | None:
        """(height, view) of the highest that was ever signed with this store, or None where nothing was."""
        return self._last

    def trust(self) -> None:
        """Note that from now on all votes of this key are here: the node has learnt and may vote; durable on return.

        Not only its first vote ends the state, for a node may be allowed to vote for long before it has to.
        """
        if self._reason is not None:
            self._database.write({_NEW_KEY: None, _ORIGIN_KEY: self._origin})
            self._reason = None

    def distrust(self, reason: str) -> None:
        """Note that votes are missing here, as something else shows; durable on return."""
        if self._reason is None:
            self._database.write({_NEW_KEY: encode(reason)})
            self._reason = reason

    def records(self) -> list[SafetyRecord]:
        """Return all records, in order of height and view."""
        records = []
        for _, value in self._database.scan(_RECORD, prefix_end(_RECORD)):
            height, view, kind, data = cast(
                "tuple[int, int, str, bytes]", tuple(cast("list[object]", decode_own(value)))
            )
            records.append(SafetyRecord(height=height, view=view, kind=kind, data=data))
        return records

    def persist(self, records: Iterable[SafetyRecord], transactions: Iterable[Transaction] = ()) -> None:
        """Write records, and the transactions of the block that they lock on; on disk when this returns.

        Raises StorageError, after which the node must stop.
        """
        changes: dict[bytes, bytes | None] = {}
        last = self._last or (0, 0)
        for record in records:
            changes[_key(record.height, record.view, record.kind)] = encode(
                [record.height, record.view, record.kind, record.data]
            )
            last = max(last, (record.height, record.view))
        if not changes:
            return
        for transaction in transactions:
            changes[_TRANSACTION + last[0].to_bytes(8, "big") + transaction.transaction_id] = transaction.encoded
        changes[_LAST_KEY] = encode(list(last))
        if self._reason is not None:
            changes |= {_NEW_KEY: None, _ORIGIN_KEY: self._origin}
        self._database.write(changes)
        self._reason, self._last = None, last

    def transactions_above(self, height: int) -> list[Transaction]:
        """Return the transactions of the blocks that the node was locked on above a height."""
        start = _TRANSACTION + (height + 1).to_bytes(8, "big")
        return [decode_transaction(row) for _, row in self._database.scan(start, prefix_end(_TRANSACTION))]

    def forget_below(self, height: int) -> None:
        """Drop the records of decided heights."""
        stale = [key for key, _ in self._database.scan(_RECORD, _key(height, 0, ""))]
        stale += [key for key, _ in self._database.scan(_TRANSACTION, _TRANSACTION + height.to_bytes(8, "big"))]
        if stale:
            self._database.write(dict.fromkeys(stale))

    def keep_evidence(self, found: Equivocation) -> bool:
        """Keep a double vote, one for each validator, kind, height and view; False where it is kept already.

        A validator can vote twice without end, so of each at most ``EVIDENCE_MAX`` are kept: the first are enough.
        """
        prefix = _EVIDENCE + found.validator
        place = found.height.to_bytes(8, "big") + found.view.to_bytes(4, "big")
        key = prefix + place + found.kind.encode()
        if self._database.get(key) is not None:
            return False
        if sum(1 for _ in self._database.scan(prefix, prefix + b"\xff" * 13)) >= EVIDENCE_MAX:
            return False
        self._database.write({key: found.encode()})
        return True

    def evidence(self) -> list[Equivocation]:
        """Return the double votes that are kept, by validator, height and view."""
        return [decode_equivocation(row) for _, row in self._database.scan(_EVIDENCE, prefix_end(_EVIDENCE))]

    def close(self) -> None:
        """Close the store; may be called again."""
        self._database.close()

    def _check_format(self) -> None:
        row = self._database.get(_FORMAT_KEY)
        if row is None:
            raise DamagedError("it is empty, although it was initialised")
        version = decode_own(row)
        if version != [SAFETY_FORMAT]:
            raise StorageError(
                f"the safety store has format {version!r}, this program reads [{SAFETY_FORMAT}]; start the program "
                f"version that wrote it"
            )

    def _doubt(self, *, was_torn: bool) -> str | None:
        if was_torn:
            return "cut off"
        origin = self._database.get(_ORIGIN_KEY)
        return "copied" if origin is not None and origin != self._origin else None


def write_new(database: KeyValues) -> None:
    """Begin a store in an empty database; it is new until its first vote."""
    database.write({_FORMAT_KEY: encode([SAFETY_FORMAT]), _NEW_KEY: encode("new")})


def _key(height: int, view: int, kind: str) -> bytes:
    return _RECORD + height.to_bytes(8, "big") + view.to_bytes(4, "big") + kind.encode()
