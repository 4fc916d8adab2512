"""Recalls: whoever answers for a product calls pieces of it back, and takes the call back when it is over.

A recall names products, lots and items. Each of these has a head while a recall of it stands, so that there is none can
be proven by an absence: a shopper's page shows it for the piece, its lot and its product.

Heads: ``recall`` {organisation, targets, severity, reason, texts?, status, opened_ms, closed_ms?, closing_reason?,
count, chain}; ``recalled`` {recalls: [id, ...]}.
"""

from collections.abc import Iterable
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, identifier, refuse, row
from contracts.context import Context
from contracts.identifiers import product_of
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

PRODUCT: Final = "product"
LOT: Final = "lot"
ITEM: Final = "item"
TARGETS_MAX: Final = 1_000
STANDING_MAX: Final = 16

_ID_BYTES_MAX: Final = 64
_KINDS: Final = frozenset({PRODUCT, LOT, ITEM})
_SEVERITIES: Final = frozenset({"check", "return", "stop"})
_OPEN: Final = "open"
_CLOSED: Final = "closed"
# Who may recall what another firm has made: an authority at the border.
_AUTHORITY_ROLE: Final = "customs"

Target = tuple[str, str]


def open_recall(context: Context, arguments: dict[str, Value]) -> Value:
    """Call products, lots or items back."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    targets = read.listed("targets", TARGETS_MAX, _target)
    severity = read.choice("severity", _SEVERITIES)
    reason = read.text("reason", 1_000)
    texts = read.optional_texts("texts", 1_000)
    read.end()
    if not targets or len(set(targets)) != len(targets):
        refuse("targets are 1 or more, none twice")
    if context.get(heads.recall(name)) is not None:
        raise Rejected(ResultCode.RECALL_EXISTS, f"{name} was opened before")
    _require_right(context, targets)
    for target in targets:
        _stand(context, target, name)
    made: Head = {
        "organisation": context.member,
        "targets": [list[Value](target) for target in targets],
        "severity": severity,
        "reason": reason,
        "status": _OPEN,
        "opened_ms": context.block.time_ms,
        **({} if texts is None else {"texts": texts}),
    }
    context.record(heads.recall(name), made)
    return None


def update_recall(context: Context, arguments: dict[str, Value]) -> Value:
    """Say more of an open recall, or how bad it is; what it is about stays, for that is another recall."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    severity = read.choice("severity", _SEVERITIES) if read.has("severity") else None
    reason = read.optional_text("reason", 1_000)
    texts = read.optional_texts("texts", 1_000)
    read.end()
    made = _own_open(context, name)
    changes: dict[str, Value] = {"severity": severity, "reason": reason, "texts": texts}
    made.update({field: value for field, value in changes.items() if value is not None})
    context.record(heads.recall(name), made)
    return None


def close_recall(context: Context, arguments: dict[str, Value]) -> Value:
    """End a recall; it stays on the ledger with its reason."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    reason = read.text("reason", 1_000)
    read.end()
    made = _own_open(context, name)
    for kind, identifier_ in cast("list[list[str]]", made["targets"]):
        key = heads.recalled(kind, identifier_)
        standing = cast("list[str]", cast(Head, context.get(key))["recalls"])
        left = [other for other in standing if other != name]
        if left:
            context.put(key, {"recalls": cast("list[Value]", left)})
        else:
            context.delete(key)
    made.update(status=_CLOSED, closed_ms=context.block.time_ms, closing_reason=reason)
    context.record(heads.recall(name), made)
    return None


def _require_right(context: Context, targets: Iterable[Target]) -> None:
    """Let an organisation recall what stands under its own products; an authority at the border anything registered."""
    organisation = cast(Head, context.get(heads.organisation(context.member)))
    is_authority = _AUTHORITY_ROLE in cast("list[str]", organisation["roles"])
    gtins = dict.fromkeys(name if kind == PRODUCT else product_of(name) for kind, name in targets)
    for gtin in gtins:
        product = None if gtin is None else context.get(heads.product(gtin))
        if product is None:
            raise Rejected(ResultCode.UNKNOWN_PRODUCT, f"{gtin or 'a target without a GTIN'} is not registered")
        if product["owner"] != context.member and not is_authority:
            raise Rejected(ResultCode.NOT_PRODUCT_OWNER, f"{gtin} was registered by {product['owner']!r}")


def _stand(context: Context, target: Target, name: str) -> None:
    key = heads.recalled(*target)
    head = context.get(key) or {"recalls": []}
    standing = cast("list[str]", head["recalls"])
    if len(standing) >= STANDING_MAX:
        raise Rejected(ResultCode.TOO_MANY_RECALLS, f"{STANDING_MAX} recalls of {target[1]} stand")
    context.put(key, {"recalls": cast("list[Value]", sorted([*standing, name]))})


def _own_open(context: Context, name: str) -> Head:
    made = context.get(heads.recall(name))
    if made is None:
        raise Rejected(ResultCode.UNKNOWN_RECALL, f"{name} was not opened")
    if made["organisation"] != context.member:
        raise Rejected(ResultCode.NOT_RECALLER, f"{name} was opened by {made['organisation']!r}")
    if made["status"] != _OPEN:
        raise Rejected(ResultCode.RECALL_CLOSED, f"{name} is closed")
    return made


def _target(value: object, what: str) -> Target:
    kind, name = row(value, what, 2)
    if kind not in _KINDS:
        refuse(f"{what}: the first word is product, lot or item")
    return str(kind), identifier(name, what)
