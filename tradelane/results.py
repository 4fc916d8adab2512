"""What a node answers, as typed values.

Hashes, ids and keys are lower-case hex, times milliseconds UTC, amounts minor units. The shapes are those of
docs/api.md. Where an answer holds what the contracts keep, the whole of it is in ``fields`` besides the typed names,
so that nothing is lost which a newer node knows.
"""

from collections.abc import Iterator
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
_STATE_RESULTS: Final = frozenset({"NOT_COMMISSIONED", "NOT_PACKED", "NOT_ASSOCIATED", "NOT_SUSPENDED", "NOT_A_HOLD"})


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
    """What a node says of itself; it keeps the transactions of blocks from ``earliest_height`` on."""

    name: str
    network: str
    chain_id: str
    version: str
    height: int
    earliest_height: int
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
    """A committed block; ``results`` has the name of a result code for each transaction."""

    height: int
    hash: str
    time_ms: int
    proposer: str
    state_root: str
    transactions: tuple[str, ...]
    results: tuple[str, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """An account's totals; amounts in minor units of the currency, which has ``exponent`` decimals."""

    id: str
    owner: str
    currency: str
    exponent: int
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    status: str
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)

    @property
    def posted(self) -> int:
        """What the account has, in minor units, with what is held for others; negative for an issuer account."""
        return self.credits_posted - self.debits_posted

    @property
    def balance(self) -> int:
        """What the account holds and has not promised, in minor units: what it can pay."""
        return self.posted - self.debits_pending


@dataclass(frozen=True, slots=True)
class Entry:
    """What touched an account, as its statement shows it: ``posted`` and ``pending`` are what it changed, with a sign.

    They are None for an operation that the node cannot account for. ``transfer`` and ``counterparty`` are None where
    there is none, as when an account is frozen. What expires has no entry.
    """

    number: int
    height: int
    time_ms: int
    transaction: str
    transfer: str | None
    kind: str
    counterparty: str | None
    posted: int | None
    pending: int | None
    currency: str
    reference: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """What the ledger knows of a thing now; ``kind`` is ``item`` for one thing, ``lot`` for what is counted."""

    id: str
    kind: str
    status: str
    custodian: str | None
    owner: str | None
    parent: str | None
    location: str | None
    product: str | None
    product_name: str | None
    lot: str | None
    disposition: str | None
    count: int
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One record of a thing: an operation of a committed transaction, with who signed it.

    ``number`` counts the records of the thing from 1 (None in a trace), ``at_ms`` is when it happened, ``time_ms`` when
    it was committed; ``event`` or ``custody`` has what it says.
    """

    number: int | None
    height: int
    time_ms: int
    at_ms: int
    transaction: str
    organisation: str | None
    method: str
    violations: tuple[str, ...]
    event: JsonObject | None
    custody: JsonObject | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a trace stops short and why: ``omitted`` says how many are left out, where that is known."""

    reason: str
    what: str
    omitted: int | None
    ask: str | None = None


@dataclass(frozen=True, slots=True)
class TraceNode:
    """A thing in a trace with its events, and what hangs below it.

    ``relation`` says how it belongs to the thing above (packed, installed, transformed, claimed), ``since_ms`` and
    ``until_ms`` when (None: open, or not bounded). ``transformations`` has their balances (docs/api.md).
    """

    id: str
    kind: str | None
    relation: str | None
    since_ms: int | None
    until_ms: int | None
    status: str | None
    product_name: str | None
    custodian: str | None
    owner: str | None
    location: str | None
    events: tuple[HistoryEntry, ...]
    transformations: tuple[JsonObject, ...]
    marks: tuple[Mark, ...]
    containers: "tuple[TraceNode, ...]"
    made_from: "tuple[TraceNode, ...]"
    made_into: "tuple[TraceNode, ...]"
    contents: "tuple[TraceNode, ...]"

    @property
    def event_count(self) -> int:
        """How many different records this node and those below it show."""
        return len({key for node in self.walk() for key in node.event_keys})

    @property
    def event_keys(self) -> tuple[tuple[str, Json], ...]:
        """Which records this node shows: transaction and operation of each."""
        return tuple((event.transaction, event.fields.get("operation")) for event in self.events)

    def walk(self) -> "Iterator[TraceNode]":
        """Yield this node and all below it."""
        yield self
        for child in (*self.containers, *self.made_from, *self.made_into, *self.contents):
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Trace:
    """What a thing went through, with what it came from, went into or holds, as of a height."""

    root: TraceNode
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)


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
class Recall:
    """A recall; ``targets`` are (kind, identifier) with the kinds product, lot and item, ``status`` open or closed."""

    id: str
    organisation: str
    targets: tuple[tuple[str, str], ...]
    severity: str
    reason: str
    status: str
    opened_ms: int
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


def read_status(fields: Fields) -> NodeStatus:
    """Return a node's status out of an answer."""
    return NodeStatus(
        name=fields.text("name"),
        network=fields.text("network"),
        chain_id=fields.text("chain_id"),
        version=fields.text("version"),
        height=fields.integer("height"),
        earliest_height=fields.integer("earliest_height"),
        tip_hash=fields.text("tip_hash"),
        tip_time_ms=fields.integer("tip_time_ms"),
        state_root=fields.text("state_root"),
        view=fields.integer("view"),
        phase=fields.text("phase"),
        is_validator=fields.boolean("is_validator"),
        is_ready=fields.boolean("is_ready"),
        not_ready_reason=fields.optional_text("not_ready_reason"),
        pending_transactions=fields.integer("pending_transactions"),
        peers=fields.objects("peers", _peer),
        fields=fields.values,
    )


def read_block(fields: Fields) -> BlockSummary:
    """Return a block out of an answer."""
    return BlockSummary(
        height=fields.integer("height"),
        hash=fields.text("hash"),
        time_ms=fields.integer("time_ms"),
        proposer=fields.text("proposer"),
        state_root=fields.text("state_root"),
        transactions=fields.texts("transactions"),
        results=fields.texts("results"),
        fields=fields.values,
    )


def read_account(fields: Fields) -> Account:
    """Return an account out of an answer."""
    return Account(
        id=fields.text("id"),
        owner=fields.text("owner"),
        currency=fields.text("currency"),
        exponent=fields.integer("exponent"),
        debits_posted=fields.integer("debits_posted"),
        credits_posted=fields.integer("credits_posted"),
        debits_pending=fields.integer("debits_pending"),
        credits_pending=fields.integer("credits_pending"),
        status=fields.text("status"),
        height=fields.integer("height"),
        fields=fields.values,
    )


def read_entry(fields: Fields) -> Entry:
    """Return a line of a statement out of an answer."""
    return Entry(
        number=fields.integer("number"),
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
        transaction=fields.text("transaction"),
        transfer=fields.optional_text("transfer"),
        kind=fields.text("kind"),
        counterparty=fields.optional_text("counterparty"),
        posted=fields.optional_integer("posted"),
        pending=fields.optional_integer("pending"),
        currency=fields.text("currency"),
        reference=fields.optional_text("reference"),
        fields=fields.values,
    )


def read_item(fields: Fields) -> Item:
    """Return a thing out of an answer."""
    return Item(
        id=fields.text("id"),
        kind=fields.text("kind"),
        status=fields.text("status"),
        custodian=fields.optional_text("custodian"),
        owner=fields.optional_text("owner"),
        parent=fields.optional_text("parent"),
        location=fields.optional_text("location"),
        product=fields.optional_text("product"),
        product_name=fields.optional_text("product_name"),
        lot=fields.optional_text("lot"),
        disposition=fields.optional_text("disposition"),
        count=fields.optional_integer("count") or 0,
        height=fields.integer("height"),
        fields=fields.values,
    )


def read_history_entry(fields: Fields) -> HistoryEntry:
    """Return a record of a thing out of an answer."""
    event, custody = fields.optional_object("event"), fields.optional_object("custody")
    return HistoryEntry(
        number=fields.optional_integer("number"),
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
        at_ms=fields.integer("at_ms"),
        transaction=fields.text("transaction"),
        organisation=fields.optional_text("organisation"),
        method=fields.text("method"),
        violations=fields.texts("violations"),
        event=None if event is None else event.values,
        custody=None if custody is None else custody.values,
        fields=fields.values,
    )


def read_trace(fields: Fields) -> Trace:
    """Return a trace out of an answer."""
    return Trace(root=_trace_node(fields), height=fields.integer("height"), fields=fields.values)


def read_offer(fields: Fields) -> Offer:
    """Return an offer out of an answer."""
    return Offer(
        id=fields.text("id"),
        kind=fields.text("kind"),
        offered_by=fields.text("from"),
        offered_to=fields.text("to"),
        items=fields.texts("items"),
        status=fields.text("status"),
        expires_ms=fields.integer("expires_ms"),
        fields=fields.values,
    )


def read_recall(fields: Fields) -> Recall:
    """Return a recall out of an answer."""
    return Recall(
        id=fields.text("id"),
        organisation=fields.text("organisation"),
        targets=fields.pairs("targets"),
        severity=fields.text("severity"),
        reason=fields.text("reason"),
        status=fields.text("status"),
        opened_ms=fields.integer("opened_ms"),
        fields=fields.values,
    )


def failure(transaction_id: str, receipt: Receipt) -> TradelaneError:
    """Return the error that an unsuccessful receipt stands for; its code is ``ledger.`` and the result's name."""
    code = f"ledger.{receipt.result.lower()}"
    detail = f"{receipt.meaning} {receipt.detail}".strip()
    if receipt.failed_operation:
        detail += f" (operation {receipt.failed_operation})"
    again = (
        "it can succeed once that has changed, a transfer under a new id"
        if receipt.is_transient
        else "the same will fail again"
    )
    hint = f"nothing was changed; {again}. More: tradelane tx show {transaction_id}"
    return _failure_class(receipt.result)(code, detail, hint, failed_operation=receipt.failed_operation)


def _failure_class(result: str) -> type[TradelaneError]:
    if result in _REQUEST_RESULTS:
        return BadRequestError
    if result in _AUTHORITY_RESULTS or (result.startswith("NOT_") and result not in _STATE_RESULTS):
        return NotAuthorisedError
    if result.startswith("UNKNOWN_") or result == "KEY_NOT_FOUND":
        return NotFoundError
    return ConflictError


def _peer(fields: Fields) -> PeerStatus:
    return PeerStatus(
        public_key=fields.text("public_key"),
        url=fields.text("url"),
        is_reachable=fields.boolean("is_reachable"),
        height=fields.optional_integer("height"),
    )


def _trace_node(fields: Fields) -> TraceNode:
    interval = fields.optional_object("interval")
    return TraceNode(
        id=fields.text("id"),
        kind=fields.optional_text("kind"),
        relation=fields.optional_text("relation"),
        since_ms=None if interval is None else interval.optional_integer("since_ms"),
        until_ms=None if interval is None else interval.optional_integer("until_ms"),
        status=fields.optional_text("status"),
        product_name=fields.optional_text("product_name"),
        custodian=fields.optional_text("custodian"),
        owner=fields.optional_text("owner"),
        location=fields.optional_text("location"),
        events=fields.objects("events", read_history_entry),
        transformations=fields.objects("transformations", lambda entry: entry.values),
        marks=fields.objects("marks", read_mark),
        containers=fields.objects("containers", _trace_node),
        made_from=fields.objects("made_from", _trace_node),
        made_into=fields.objects("made_into", _trace_node),
        contents=fields.objects("contents", _trace_node),
    )


def read_mark(fields: Fields) -> Mark:
    """Return a mark out of an answer."""
    return Mark(
        fields.text("reason"), fields.text("what"), fields.optional_integer("omitted"), fields.optional_text("ask")
    )
