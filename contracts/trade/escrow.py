"""Escrow: what parties and others do about a payment that is held: show, dispute, resolve, give up, poke.

The holds end with the payment: by the goods (waiting.py), by what is presented here, by the parties, or by time, for
which anybody may poke. Each operation that changes the payment is in its history.

Head: ``payment`` (settlement/payments.py) with a field ``escrow`` {amount, condition, milestones: [[place, share,
state]], deadline_ms, dispute_deadline_ms, default, when_impossible, arbiter?, reviewers?, released, returned, attested,
shown, signed, met, mark?, disputed_by?, disputed_ms?, splits?, ended_ms?}, and ``waiting`` {payments} for each thing.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, blob, fixed, identifier, refuse, row
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.posting import AMOUNT_MAX
from contracts.settlement.transfer_ids import UETR
from contracts.trade.condition import (
    Document,
    Preimage,
    Signatures,
)
from contracts.trade.evidence import may_show, roles_of
from contracts.trade.release import (
    CANCELLED,
    DISPUTED,
    RESOLVED,
    Escrow,
    advance,
    end,
    give_back,
    load_escrow,
    move,
    save_escrow,
)
from ledger.codec import Value, encode
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, signed_preimage, verify
from ledger.state import Head

PIECES_MAX: Final = 32
PREIMAGE_BYTES_MAX: Final = 1_024
# Checking a signature takes about as long as reading this many heads.
SIGNATURE_WORK: Final = 20


def terms_to_sign(uetr: str, terms: bytes) -> bytes:
    """Return what a key signs, behind the tag ``escrow`` and the chain id, to agree to the terms of a payment."""
    return encode([uetr, terms])


def present(context: Context, arguments: dict[str, Value]) -> Value:
    """Show documents, preimages, signatures or one's own agreement; what is due by that happens at once."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    documents = read.listed("documents", PIECES_MAX, _document)
    preimages = read.listed("preimages", PIECES_MAX, lambda value, what: blob(value, what, PREIMAGE_BYTES_MAX))
    signatures = read.listed("signatures", PIECES_MAX, _signature)
    agrees = read.boolean("agree", default=False)
    read.end()
    if not (documents or preimages or signatures or agrees):
        refuse("present shows documents, preimages, signatures, or agrees")
    escrow = _waiting(context, uetr)
    for kind, sha in documents:
        _show(escrow, _documents_that_fit(context, escrow, kind, sha), f"a document {kind!r} of {context.member!r}")
    for preimage in preimages:
        hashed = sha256(preimage).digest()
        fitting = [place for place, node in enumerate(escrow.nodes) if node == Preimage(hashed)]
        _show(escrow, fitting, f"a preimage of {hashed.hex()}")
    for key, signature in signatures:
        context.work.spend(SIGNATURE_WORK)
        content = terms_to_sign(uetr, cast(bytes, escrow.head["terms"]))
        if not verify(key, signed_preimage("escrow", context.block.chain_id, content), signature):
            raise Rejected(ResultCode.EVIDENCE_SIGNATURE_WRONG, f"not a signature of {key.hex()}")
        _sign(escrow, key)
    if agrees:
        _sign(escrow, context.member)
    advance(context, escrow)
    save_escrow(context, escrow)
    return escrow.progress()


def dispute(context: Context, arguments: dict[str, Value]) -> Value:
    """Stop a payment until it is resolved: payer or payee, before its deadline. What is due already is due."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    reason = read.text("reason", 500)
    read.end()
    escrow = load_escrow(context, uetr)
    if context.member not in _parties(context, escrow):
        raise Rejected(ResultCode.NOT_A_PARTY, f"{context.member!r} neither pays nor is paid")
    _require_waiting(context, escrow)
    advance(context, escrow)
    if not escrow.is_over:
        escrow.head["status"] = DISPUTED
        escrow.terms.update(disputed_by=context.member, disputed_ms=context.block.time_ms, reason=reason)
    save_escrow(context, escrow)
    return escrow.progress()


def resolve(context: Context, arguments: dict[str, Value]) -> Value:
    """End a dispute: the payee gets ``split`` of what is held. The arbiter says so, or payer and payee the same."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    split = read.integer("split", 0, AMOUNT_MAX)
    read.end()
    escrow = load_escrow(context, uetr)
    payer, payee = _parties(context, escrow)
    if context.member not in (payer, payee, escrow.terms.get("arbiter")):
        raise Rejected(ResultCode.NOT_A_PARTY, f"{context.member!r} is neither party nor arbiter")
    if escrow.is_over:
        raise Rejected(ResultCode.PAYMENT_ENDED, f"{uetr} is {escrow.status}")
    if escrow.status != DISPUTED:
        raise Rejected(ResultCode.PAYMENT_NOT_DISPUTED, f"{uetr} is {escrow.status}")
    if context.block.time_ms >= escrow.integer("dispute_deadline_ms"):
        raise Rejected(
            ResultCode.DEADLINE_PASSED, f"the dispute was to be resolved by {escrow.terms['dispute_deadline_ms']!r}"
        )
    if split > escrow.left:
        raise Rejected(ResultCode.SPLIT_TOO_LARGE, f"{escrow.left} are held")
    splits = cast("dict[str, int]", escrow.terms.setdefault("splits", {}))
    splits[context.member] = split
    if context.member == escrow.terms.get("arbiter") or splits.get(payer) == splits.get(payee):
        move(context, escrow, split, escrow.left - split)
        end(escrow, RESOLVED)
    save_escrow(context, escrow)
    return escrow.progress()


def cancel(context: Context, arguments: dict[str, Value]) -> Value:
    """Give up what one would be paid: the payee sends back all that is held."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    read.end()
    escrow = load_escrow(context, uetr)
    if context.member != _parties(context, escrow)[1]:
        raise Rejected(ResultCode.NOT_A_PARTY, f"{context.member!r} is not paid by {uetr}")
    if escrow.is_over:
        raise Rejected(ResultCode.PAYMENT_ENDED, f"{uetr} is {escrow.status}")
    give_back(context, escrow, CANCELLED)
    save_escrow(context, escrow)
    return escrow.progress()


def poke(context: Context, arguments: dict[str, Value]) -> Value:
    """Carry out what is due of a payment; anybody may."""
    read = Arguments(arguments)
    uetr = read.pattern("uetr", UETR)
    read.end()
    escrow = load_escrow(context, uetr)
    if escrow.is_over:
        raise Rejected(ResultCode.PAYMENT_ENDED, f"{uetr} is {escrow.status}")
    if not advance(context, escrow):
        raise Rejected(ResultCode.NOTHING_DUE, f"{uetr} is {escrow.status} at {context.block.time_ms}")
    save_escrow(context, escrow)
    return escrow.progress()


def _waiting(context: Context, uetr: str) -> Escrow:
    escrow = load_escrow(context, uetr)
    _require_waiting(context, escrow)
    return escrow


def _require_waiting(context: Context, escrow: Escrow) -> None:
    if escrow.is_over:
        raise Rejected(ResultCode.PAYMENT_ENDED, f"{escrow.uetr} is {escrow.status}")
    if escrow.status == DISPUTED:
        raise Rejected(ResultCode.PAYMENT_DISPUTED, f"{escrow.terms['disputed_by']!r} disputes {escrow.uetr}")
    if context.block.time_ms >= escrow.integer("deadline_ms"):
        raise Rejected(ResultCode.DEADLINE_PASSED, f"its deadline was {escrow.terms['deadline_ms']!r}")


def _parties(context: Context, escrow: Escrow) -> tuple[str, str]:
    """Return the organisations that pay and are paid."""
    owners = [
        cast(Head, context.get(heads.account(cast(str, escrow.head[name]))))["owner"] for name in ("payer", "payee")
    ]
    payer, payee = cast("list[str]", owners)
    return payer, payee


def _document(value: object, what: str) -> tuple[str, bytes]:
    kind, sha = row(value, what, 2)
    return identifier(kind, what, 64), fixed(sha, what, HASH_BYTES)


def _signature(value: object, what: str) -> tuple[bytes, bytes]:
    key, signature = row(value, what, 2)
    return fixed(key, what, PUBLIC_KEY_BYTES), fixed(signature, what, SIGNATURE_BYTES)


def _documents_that_fit(context: Context, escrow: Escrow, kind: str, sha: bytes) -> list[int]:
    roles = roles_of(context, context.member)
    return [
        place
        for place, node in enumerate(escrow.nodes)
        if isinstance(node, Document)
        and node.type == kind
        and node.sha256 in (None, sha)
        and may_show(node.roles, node.organisations, roles, context.member)
    ]


def _show(escrow: Escrow, places: Sequence[int], what: str) -> None:
    fresh = set(places) - escrow.evidence.shown
    if not fresh:
        raise Rejected(ResultCode.EVIDENCE_FITS_NOTHING, f"nothing open of {escrow.uetr} asks for {what}")
    escrow.evidence.shown |= fresh


def _sign(escrow: Escrow, signer: bytes | str) -> None:
    fresh = {
        (place, signer)
        for place, node in enumerate(escrow.nodes)
        if isinstance(node, Signatures) and signer in (node.keys if isinstance(signer, bytes) else node.organisations)
    } - escrow.evidence.signed
    if not fresh:
        who = signer.hex() if isinstance(signer, bytes) else signer
        raise Rejected(ResultCode.EVIDENCE_FITS_NOTHING, f"nothing open of {escrow.uetr} asks for the word of {who}")
    escrow.evidence.signed |= fresh
