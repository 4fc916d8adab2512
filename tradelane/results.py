"""What a node answers, as typed values.

Hashes, ids and keys are lower-case hex, times milliseconds UTC, amounts minor units. The shapes are those of
docs/api.md. Where an answer holds what the contracts keep, the whole of it is in ``fields`` besides the typed names,
so that nothing is lost which a newer node knows.
"""

from dataclasses import dataclass, field
from typing import Final

from tradelane.errors import BadRequestError, ConflictError, NotAuthorisedError, NotFoundError, TradelaneError
from tradelane.fields import Fields
from tradelane.transport import Json, JsonObject

_REQUEST_RESULTS: Final = frozenset({"BAD_ARGUMENTS", "UNKNOWN_METHOD", "UNKNOWN_ROLE", "CHECK_DIGIT_WRONG"})
_AUTHORITY_RESULTS: Final = frozenset(
    {
        "UNKNOWN_KEY",
        "KEY_NOT_YET_VALID",
        "KEY_EXPIRED",
        "KEY_REVOKED",
        "ORGANISATION_SUSPENDED",
        "AUTHORITY_REQUIRED",
        "ADMIN_KEY_REQUIRED",
        "METHOD_NOT_DELEGATED",
        "ROLE_REQUIRED",
    }
)
# NOT_OWNER, NOT_CUSTODIAN and their like say who may; these begin with NOT_ and say something else.
_STATE_RESULTS: Final = frozenset({"NOT_COMMISSIONED", "NOT_PACKED", "NOT_ASSOCIATED", "NOT_SUSPENDED"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a committed transaction did; ``result`` names the code (OK, NOT_CUSTODIAN, ...)."""

    code: int
    result: str
    meaning: str
    is_transient: bool
    failed_operation: int | None
    outputs: Json
    detail: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the transaction was carried out."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """Where a transaction is. ``state`` is ``pending`` or ``committed``; height and receipt come with the latter."""

    id: str
    state: str
    height: int | None
    index: int | None
    receipt: Receipt | None
    fields: JsonObject = field(repr=False, default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether it is in a block, which nothing undoes."""
        return self.receipt is not None


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A peer as a node sees it."""

    public_key: str
    url: str
    is_reachable: bool
    height: int | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What a node says of itself."""

    name: str
    network: str
    chain_id: str
    version: str
    height: int
    tip_hash: str
    tip_time_ms: int
    state_root: str
    view: int
    phase: str
    is_validator: bool
    is_ready: bool
    not_ready_reason: str | None
    pending_transactions: int
    peers: tuple[PeerStatus, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """A committed block."""

    height: int
    hash: str
    time_ms: int
    proposer: str
    state_root: str
    transactions: tuple[str, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """An account's totals; ``balance`` is what may be spent: credits posted less debits posted and pending."""

    id: str
    owner: str
    currency: str
    exponent: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    height: int | None
    fields: JsonObject = field(repr=False, default_factory=dict)

    @property
    def balance(self) -> int:
        """What the account holds and has not promised, in minor units; negative for an issuer account."""
        return self.credits_posted - self.debits_posted - self.debits_pending


@dataclass(frozen=True, slots=True)
class Item:
    """A thing as the ledger knows it now; None where it is not known."""

    id: str
    kind: str
    status: str
    custodian: str | None
    owner: str | None
    parent: str | None
    location: str | None
    product: str | None
    lot: str | None
    count: int
    height: int | None
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_receipt(fields: Fields) -> Receipt:
    """Return a receipt out of an answer; raises UnavailableError where it has another shape."""
    return Receipt(
        code=fields.integer("code"),
        result=fields.text("result"),
        meaning=fields.optional_text("meaning") or "",
        is_transient=fields.values.get("is_transient") is True,
        failed_operation=fields.optional_integer("failed_operation"),
        outputs=fields.any("outputs"),
        detail=fields.optional_text("detail") or "",
    )


def read_transaction(fields: Fields) -> TransactionStatus:
    """Return the status of a transaction out of an answer."""
    receipt = fields.optional_object("receipt")
    return TransactionStatus(
        id=fields.text("id"),
        state=fields.text("state"),
        height=fields.optional_integer("height"),
        index=fields.optional_integer("index"),
        receipt=None if receipt is None else read_receipt(receipt),
        fields=fields.values,
    )


def failure(transaction_id: str, receipt: Receipt) -> TradelaneError:
    """Return the error that an unsuccessful receipt stands for; its code is ``ledger.`` and the result's name."""
    code = f"ledger.{receipt.result.lower()}"
    detail = f"{receipt.meaning} {receipt.detail}".strip()
    if receipt.failed_operation:
        detail += f" (operation {receipt.failed_operation})"
    again = "it can succeed once that has changed" if receipt.is_transient else "the same will fail again"
    hint = f"nothing was changed; {again} (transaction {transaction_id[:16]}, `tradelane tx show` tells more)"
    if receipt.result in _REQUEST_RESULTS:
        return BadRequestError(code, detail, hint)
    if receipt.result in _AUTHORITY_RESULTS or (
        receipt.result.startswith("NOT_") and receipt.result not in _STATE_RESULTS
    ):
        return NotAuthorisedError(code, detail, hint)
    if receipt.result.startswith("UNKNOWN_") or receipt.result == "KEY_NOT_FOUND":
        return NotFoundError(code, detail, hint)
    return ConflictError(code, detail, hint)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One record of a thing: an operation of a committed transaction."""

    count: int
    height: int
    time_ms: int
    transaction_id: str
    method: str
    organisation: str
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One transfer that touched an account; ``amount`` is positive, the side says which way it went."""

    id: str
    height: int
    time_ms: int
    debit: str
    credit: str
    amount: int
    reference: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)

    def amount_for(self, account: str) -> int:
        """Return the amount as the account sees it: positive what came in, negative what went out."""
        return self.amount if self.credit == account else -self.amount

    def other(self, account: str) -> str:
        """Return the account on the other side."""
        return self.debit if self.credit == account else self.credit


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of custody or ownership; ``status`` is open, accepted, rejected or cancelled."""

    id: str
    kind: str
    offered_by: str
    offered_to: str
    items: tuple[str, ...]
    status: str
    expires_ms: int
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a thing went through, with what it came from, went into or holds."""

    id: str
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)
