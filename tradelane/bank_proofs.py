"""The proof in a message about a payment, and whether the message says what it proves.

The bundle has the payment with its whole history, both currencies, whose both accounts are, and of a refund the payment
that it gives back. That is all that a message is made of, so the message is made anew out of the bundle and compared,
element by element. Parties are not: nothing of a person is on the ledger.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from contracts import heads
from ledger.codec import Value
from ledger.proof import Facts, ProvenHead
from ledger.readable import Json, to_json
from ledger.state import Head
from standards.errors import IsoError
from standards.iso20022.cancellations import CancellationRequest, Resolution
from standards.iso20022.layout import Form, Layout
from standards.iso20022.messages import KINDS, MessageRecord, is_whole
from standards.iso20022.parsing import Message
from standards.iso20022.parties import LedgerProof
from standards.iso20022.statement import Statements
from standards.iso20022.transfers import (
    CreditTransfer,
    CreditTransfers,
    Initiation,
    Instruction,
    PaymentReturn,
    PaymentReturns,
    StatusReport,
    TransactionStatus,
)
from tradelane.bank_messages import MAKERS, PaymentStory
from tradelane.errors import NotFoundError, VerificationError
from tradelane.fields import Fields
from tradelane.payments import Payment, read_payment
from tradelane.results import Account
from tradelane.transport import JsonObject

# Parties, and what may have been read at another height than the bundle.
_NOT_COMPARED: Final = frozenset({"debtor", "creditor", "initiator", "height", "bundle"})
# As many as a node tells of, and so as many as the message was made of.
_STEPS_TOLD_MAX: Final = 200
_SIDES: Final = ("source", "target")
_AMOUNTS: Final = ("source_amount", "target_amount", "fee", "refunded")


def proof_keys(payment: Payment, original: Payment | None, payer: Account, payee: Account) -> dict[bytes, int]:
    """Return the keys of what a message about a payment is made of, with the counts of records that are not needed."""
    keys = {heads.payment(payment.uetr): 0}
    if original is not None:
        keys[heads.payment(original.uetr)] = len(original.steps)
    keys |= {heads.currency(code): 0 for code in (payment.source_currency, payment.target_currency)}
    # All records that a node has told of; what has come since is carried along.
    return keys | {heads.account(each.id): cast(int, each.fields.get("count", 0)) for each in (payer, payee)}


def proof_of(record: MessageRecord) -> LedgerProof:
    """Return the proof in a message about one payment; raises NotFoundError."""
    found: LedgerProof | None = None
    if isinstance(record, CancellationRequest | Resolution):
        found = record.proof
    elif isinstance(record, Statements):
        raise NotFoundError(
            "iso.not_compared", "a statement is not compared with its proof", "`iso proof` takes it out"
        )
    else:
        rows = _rows(record)
        found = rows[0].proof if len(rows) == 1 else None
    if found is None or found.bundle is None:
        hint = "ask for a message with its proof, without --no-proof"
        raise NotFoundError("iso.no_proof", "the message holds no proof bundle of one payment", hint)
    return found


def bundle_text(proof: LedgerProof) -> str:
    """Return the bundle of a proof as its JSON text; raises VerificationError."""
    try:
        return base64.b64decode(proof.bundle or "", validate=True).decode()
    except ValueError:
        raise VerificationError("iso.no_bundle", "the bundle in the message is no text in base64") from None


def differences(message: Message, record: MessageRecord, facts: Facts) -> list[IsoError]:
    """Return the elements in which a message says something else than its proof; raises VerificationError."""
    kind = KINDS[message.kind]
    top = f"Document/{kind.element}"
    try:
        expected = MAKERS[message.kind](_story(facts))
    except NotFoundError as error:
        return [IsoError(error.code.removeprefix("iso."), error.detail, top)]
    found = list(_compare(kind.layout, expected, record, top))
    if not found and not is_whole(message, record):
        found.append(IsoError("not_proven", "the message has elements of which the proof says nothing", top))
    return found


def _rows(
    record: Initiation | CreditTransfers | StatusReport | PaymentReturns,
) -> Sequence[Instruction | CreditTransfer | TransactionStatus | PaymentReturn]:
    if isinstance(record, Initiation):
        return [one for group in record.groups for one in group.instructions]
    if isinstance(record, CreditTransfers):
        return record.transfers
    return record.statuses if isinstance(record, StatusReport) else record.returns


def _story(facts: Facts) -> PaymentStory:
    """Return what a bundle proves of a payment, as messages are made of it; raises VerificationError."""
    proven = {each.key: each for each in facts.heads if each.value is not None}
    prefix = heads.payment("")
    payments = {key[len(prefix) :].decode(): one for key, one in proven.items() if key.startswith(prefix)}
    refunds = {one.value["refunds"] for one in payments.values() if one.value and "refunds" in one.value}
    main = [uetr for uetr in payments if uetr not in refunds]
    if len(main) != 1 or not payments[main[0]].is_complete:
        raise VerificationError("iso.other_proof", "the proof in the message is not that of a payment")
    try:
        made = {uetr: _payment(uetr, one, facts, proven) for uetr, one in payments.items()}
        payment = made[main[0]]
        owners = (_head(proven, heads.account(name))["owner"] for name in (payment.payer, payment.payee))
        payer, payee = (cast(str, owner) for owner in owners)
        original = payment.fields.get("refunds")
        return PaymentStory(
            payment, payer, payee, made[original] if isinstance(original, str) else None, facts.chain_id.hex()
        )
    except KeyError:
        raise VerificationError("iso.other_proof", "the proof in the message lacks an account or a currency") from None


def _head(proven: Mapping[bytes, ProvenHead], key: bytes) -> Head:
    return cast(Head, proven[key].value)


def _compare(layout: Layout[Any], expected: object, found: object, path: str) -> Iterator[IsoError]:
    for field in layout.fields:
        if field.name in _NOT_COMPARED:
            continue
        place = f"{path}/{field.path.replace('t:', '')}"
        one, other = getattr(expected, field.name), getattr(found, field.name)
        if field.of is not None and field.form is Form.ONE and one is not None and other is not None:
            yield from _compare(field.of, one, other, place)
        elif field.of is not None and field.form is Form.MANY and len(one) == len(other):
            for left, right in zip(one, other, strict=True):
                yield from _compare(field.of, left, right, place)
        elif one != other:
            yield IsoError("not_proven", "the proof says otherwise", place)


def _payment(uetr: str, one: ProvenHead, facts: Facts, proven: Mapping[bytes, ProvenHead]) -> Payment:
    """Return a proven payment as a node would tell of it; raises KeyError where one of its currencies is not proven."""
    head = cast(Head, one.value)
    exponents = [_head(proven, heads.currency(cast(str, head[f"{side}_currency"])))["exponent"] for side in _SIDES]
    fields: JsonObject = {
        "uetr": uetr,
        **{name: _json(value) for name, value in head.items() if name not in ("legs", *_AMOUNTS)},
        **{name: str(head[name]) for name in _AMOUNTS if name in head},
        "legs": [
            {"debit": debit, "credit": credit, "amount": str(amount)}
            for debit, credit, amount in cast("list[tuple[str, str, int]]", head["legs"])
        ],
        "source_exponent": cast(int, exponents[0]),
        "target_exponent": cast(int, exponents[1]),
        "steps": [
            {
                "number": number,
                "height": each.height,
                "time_ms": each.time_ms,
                "transaction": each.transaction.transaction_id.hex(),
                "method": str(each.operation.method),
            }
            for number, each in enumerate(one.records[:_STEPS_TOLD_MAX], 1)
        ],
        "height": facts.height,
    }
    return read_payment(Fields(fields, "payment"))


def _json(value: Value) -> Json:
    return value.hex() if type(value) is bytes else to_json(value)
