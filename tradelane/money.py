"""What a node answers about holds, and statements that add up; see results.py for the conventions.

A statement goes from one point of the chain up to another. Its opening balance is counted up from the first entry of
the account, its closing balance back from what the account has now, so it only comes out where no entry is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tradelane.errors import VerificationError
from tradelane.fields import Fields
from tradelane.results import Account, Entry
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that is set aside for the owner of the credit account; ``status`` pending, posted, voided or expired."""

    id: str
    debit: str
    credit: str
    amount: int
    currency: str
    exponent: int
    expires_ms: int
    status: str
    posted_amount: int | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the chain: the beginning of a block by its height, or of what happened at a time (UTC) or later."""

    height: int | None = None
    time_ms: int | None = None

    def is_after(self, entry: Entry) -> bool:
        """Say whether an entry lies before the point."""
        if self.height is not None:
            return entry.height < self.height
        return self.time_ms is not None and entry.time_ms < self.time_ms


@dataclass(frozen=True, slots=True)
class StatementLine:
    """An entry that was posted and the balance after it, in minor units."""

    entry: Entry
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What an account had before, what was posted, and what it had after it, in minor units."""

    account: Account
    opening: int
    lines: tuple[StatementLine, ...]
    closing: int


def read_hold(fields: Fields) -> Hold:
    """Return a hold out of an answer."""
    return Hold(
        id=fields.text("id"),
        debit=fields.text("debit"),
        credit=fields.text("credit"),
        amount=fields.integer("amount"),
        currency=fields.text("currency"),
        exponent=fields.integer("exponent"),
        expires_ms=fields.integer("expires_ms"),
        status=fields.text("status"),
        posted_amount=fields.optional_integer("posted_amount"),
        fields=fields.values,
    )


def make_statement(
    account: Account, entries: Sequence[Entry], start: Point | None = None, end: Point | None = None
) -> Statement:
    """Return the statement of an account from a point on up to another one, which is not in it any more.

    Raises
    ------
    VerificationError
        Opening balance and entries do not make the closing balance: an entry is missing, or the totals are not theirs.

    """
    known = [entry for entry in entries if entry.height <= account.height]
    moved = [(entry, _posted(entry)) for entry in known]
    is_gapless = [entry.number for entry in known] == list(range(1, len(known) + 1))
    opening = sum(amount for entry, amount in moved if start is not None and start.is_after(entry))
    closing = account.posted - sum(amount for entry, amount in moved if end is not None and not end.is_after(entry))
    balance, lines = opening, []
    for entry, amount in moved:
        is_early = start is not None and start.is_after(entry)
        is_late = end is not None and not end.is_after(entry)
        if amount and not is_early and not is_late:
            balance += amount
            lines.append(StatementLine(entry, amount, balance))
    if not is_gapless or balance != closing:
        raise VerificationError(
            "statement.adds_up",
            f"{account.id}: {opening} and the entries make {balance}, but {closing} is what it had",
            "ask again, or another node: the totals and the entries may be of two heights",
        )
    return Statement(account, opening, tuple(lines), closing)


def _posted(entry: Entry) -> int:
    if entry.posted is None:
        raise VerificationError(
            "statement.unknown_entry",
            f"the node does not say what {entry.kind} in block {entry.height} moved",
            "ask a node of a newer version",
        )
    return entry.posted
