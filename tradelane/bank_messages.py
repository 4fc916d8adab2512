"""Payments and statements of the ledger as messages of ISO 20022; docs/iso20022.md has the mapping.

Nothing of a person is on the ledger, so nothing of a person is in the messages: debtor and creditor are NOTPROVIDED,
and their salted commitments go into SplmtryData with the proof. The same payment gives the same record.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from ledger.readable import Json
from standards.errors import IdentifierError
from standards.financial_identifiers import check_lei
from standards.iso20022.cancellations import CancellationRequest, Resolution
from standards.iso20022.layout import Money, writable
from standards.iso20022.messages import MessageRecord, write_record_as
from standards.iso20022.parties import Account, Agent, LedgerProof, Party, ledger_account
from standards.iso20022.transfers import (
    CreditTransfer,
    CreditTransfers,
    Initiation,
    Instruction,
    InstructionGroup,
    PaymentReturn,
    PaymentReturns,
    StatusReport,
    TransactionStatus,
)
from tradelane.amounts import format_amount
from tradelane.bank_codes import NARRATIVE, REJECTED, outcome_of
from tradelane.errors import BadRequestError, NotFoundError
from tradelane.payments import Payment

NOT_PROVIDED: Final = "NOTPROVIDED"
CHARGE_BEARERS: Final = {"payer": "DEBT", "payee": "CRED", None: "SLEV"}
"""Who bears the provider's fee, by the quote; without a fee there is nothing to bear."""

_FRACTION_DIGITS_MAX: Final = 5
_DIGITS_MAX: Final = 18
_CURRENCY_LENGTH: Final = 3
_OTHER_LENGTH_MAX: Final = 35
_NAME_LENGTH_MAX: Final = 140
_LINE_LENGTH_MAX: Final = 105
_METHOD: Final = "CLRG"
_NOBODY: Final = Party(name=NOT_PROVIDED)


@dataclass(frozen=True, slots=True)
class PaymentStory:
    """A payment with what its messages need beside it: whose the accounts are, what it gives back, its proof."""

    payment: Payment
    payer_owner: str
    payee_owner: str
    original: Payment | None = None
    chain_id: str | None = None
    bundle: str | None = None

    @property
    def escrow(self) -> Mapping[str, Json]:
        """What the payment says of its escrow; empty where it was paid at once."""
        return cast("Mapping[str, Json]", self.payment.fields.get("escrow") or {})

    def text(self, name: str) -> str | None:
        """Return a text of the payment, as XML can hold it."""
        value = self.payment.fields.get(name)
        return writable(value) if isinstance(value, str) and value else None

    def moved(self, name: str) -> int:
        """Return how much of the amount was released or returned."""
        return cast(int, self.escrow.get(name, 0))

    @property
    def is_asked_back(self) -> bool:
        """Whether the payer asked on the ledger to have it back."""
        return self.escrow.get("disputed_by") == self.payer_owner


def payment_message(story: PaymentStory, identifier: str) -> bytes:
    """Return a payment as a message: ``identifier`` is its kind, such as pacs.008, or one of the kind's versions.

    Raises
    ------
    BadRequestError, NotFoundError
        There is no such message, or the payment has nothing that it would say.

    """
    make = MAKERS.get(identifier[:8])
    if make is None:
        known = ", ".join(MAKERS)
        raise BadRequestError("iso.unknown_message", f"a payment is no {identifier[:40]!r}", f"it is one of {known}")
    return write_record_as(identifier, make(story))


def iso_time(time_ms: int) -> str:
    """Return a time as messages have it."""
    text = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def iso_money(minor_units: int, exponent: int, currency: str) -> Money:
    """Return an amount, without its sign; raises BadRequestError where ISO 20022 has no way to say it."""
    text = format_amount(abs(minor_units), exponent)
    whole, point, decimals = text.partition(".")
    if len(decimals) > _FRACTION_DIGITS_MAX:
        decimals = decimals[:_FRACTION_DIGITS_MAX] + decimals[_FRACTION_DIGITS_MAX:].rstrip("0")
    if len(currency) != _CURRENCY_LENGTH or not currency.isalpha():
        raise BadRequestError("iso.currency", f"ISO 20022 knows no currency {currency}", "it has three letters")
    if len(decimals) > _FRACTION_DIGITS_MAX or len((whole + decimals).lstrip("0")) > _DIGITS_MAX:
        raise BadRequestError("iso.amount", f"ISO 20022 has no way to say {text}", "18 digits, 5 behind the point")
    return Money(f"{whole}{point}{decimals}", currency)


def iso_agent(organisation: str) -> Agent:
    """Return an organisation as the bank that it is to others: by its LEI, else by the id that the ledger has."""
    try:
        return Agent(lei=check_lei(organisation))
    except IdentifierError:
        text = writable(organisation)
        return Agent(other=text) if len(text) <= _OTHER_LENGTH_MAX else Agent(name=text[:_NAME_LENGTH_MAX])


def lines(text: str | None) -> tuple[str, ...]:
    """Return a text in pieces as long as additional information may be."""
    said = writable(text or "")
    return tuple(said[start : start + _LINE_LENGTH_MAX] for start in range(0, len(said), _LINE_LENGTH_MAX))


def initiation(story: PaymentStory) -> Initiation:
    """Return the order that the payment carries out (pain.001)."""
    payment = story.payment
    sent = iso_money(payment.source_amount, payment.source_exponent, payment.source_currency)
    is_exchanged = payment.source_currency != payment.target_currency
    instruction = Instruction(
        instruction_id=_short(payment.uetr),
        end_to_end=story.text("end_to_end") or NOT_PROVIDED,
        uetr=payment.uetr,
        amount=None if is_exchanged else sent,
        equivalent=sent if is_exchanged else None,
        currency_of_transfer=_currency(payment.target_currency) if is_exchanged else None,
        contract=story.text("quote"),
        charge_bearer=_bearer(payment),
        creditor_agent=iso_agent(story.payee_owner),
        creditor=_NOBODY,
        creditor_account=_account(payment.payee, payment.target_currency),
        purpose=story.text("purpose"),
        remittance=_remittance(story),
        proof=_proof(story),
    )
    created_ms = payment.steps[0].time_ms
    group = InstructionGroup(
        group_id=_short(payment.uetr),
        method="TRF",
        count=1,
        control_sum=sent.amount,
        execution_date=iso_time(created_ms)[:10],
        debtor=_NOBODY,
        debtor_account=_account(payment.payer, payment.source_currency),
        debtor_agent=iso_agent(story.payer_owner),
        instructions=(instruction,),
    )
    return Initiation(
        message_id=_message_id(payment, "I", 1),
        created=iso_time(created_ms),
        count=1,
        control_sum=sent.amount,
        initiator=_NOBODY,
        groups=(group,),
    )


def credit_transfer(story: PaymentStory) -> CreditTransfers:
    """Return the payment as it was agreed (pacs.008); what became of it since is told by its status."""
    payment = story.payment
    bearer = _bearer(payment)
    is_deducted = bearer == "CRED" and payment.fee is not None
    provider = story.text("provider")
    payer_agent, payee_agent = iso_agent(story.payer_owner), iso_agent(story.payee_owner)
    transfer = CreditTransfer(
        instruction_id=_short(payment.uetr),
        end_to_end=story.text("end_to_end") or NOT_PROVIDED,
        transaction_id=_short(payment.uetr),
        uetr=payment.uetr,
        settlement_amount=_arriving(payment),
        settlement_date=_settlement_date(story),
        instructed_amount=iso_money(payment.source_amount, payment.source_exponent, payment.source_currency),
        rate=payment.rate,
        charge_bearer=bearer,
        charge=iso_money(payment.fee or 0, payment.target_exponent, payment.target_currency) if is_deducted else None,
        charge_agent=iso_agent(provider) if is_deducted and provider else None,
        instructing_agent=payer_agent,
        instructed_agent=payee_agent,
        intermediary=iso_agent(provider) if provider else None,
        debtor=_NOBODY,
        debtor_account=_account(payment.payer, payment.source_currency),
        debtor_agent=payer_agent,
        creditor_agent=payee_agent,
        creditor=_NOBODY,
        creditor_account=_account(payment.payee, payment.target_currency),
        purpose=story.text("purpose"),
        remittance=_remittance(story),
        proof=_proof(story),
    )
    return CreditTransfers(
        message_id=_message_id(payment, "C", 1),
        created=iso_time(payment.steps[0].time_ms),
        count=1,
        settlement_method=_METHOD,
        transfers=(transfer,),
    )


def status_report(story: PaymentStory) -> StatusReport:
    """Return what has become of the payment (pacs.002)."""
    payment = story.payment
    released, amount = story.moved("released"), cast(int, story.escrow.get("amount", payment.source_amount))
    outcome = outcome_of(payment.status, released, amount, is_reviewed=bool(story.escrow.get("reviewers")))
    said = [outcome.text] if outcome.text else []
    if 0 < released < amount:
        parts = (format_amount(each, payment.source_exponent) for each in (released, amount))
        said.append(f"released {' of '.join(parts)} {payment.source_currency}")
    number = len(payment.steps)
    status = TransactionStatus(
        status_id=_message_id(payment, "T", number),
        original_message=_message_id(payment, "C", 1),
        original_kind="pacs.008.001.08",
        end_to_end=story.text("end_to_end") or NOT_PROVIDED,
        transaction_id=_short(payment.uetr),
        uetr=payment.uetr,
        status=outcome.status,
        reason=NARRATIVE if said and outcome.reason is None else outcome.reason,
        details=tuple(said),
        accepted=None if outcome.status == REJECTED else iso_time(payment.steps[0].time_ms),
        settlement_date=_settlement_date(story),
        instructing_agent=iso_agent(story.payee_owner),
        instructed_agent=iso_agent(story.payer_owner),
        proof=_proof(story),
    )
    return StatusReport(
        message_id=_message_id(payment, "S", number), created=iso_time(payment.steps[-1].time_ms), statuses=(status,)
    )


def payment_return(story: PaymentStory) -> PaymentReturns:
    """Return what goes back of a payment (pacs.004): by a refund, or out of its escrow; raises NotFoundError."""
    payment = story.payment
    returned, released = story.moved("returned"), story.moved("released")
    outcome = outcome_of(payment.status, released, payment.source_amount)
    original = story.original
    if original is not None:
        back, reason, details = _arriving(payment), outcome.return_reason, lines(story.text("reference"))
        agents = iso_agent(story.payer_owner), iso_agent(story.payee_owner)
    elif returned:
        original = payment
        back = iso_money(returned, payment.source_exponent, payment.source_currency)
        reason, details = outcome.return_reason, lines(outcome.text)
        agents = iso_agent(story.payee_owner), iso_agent(story.payer_owner)
    else:
        hint = "a refund says it, by its own UETR" if payment.refunded else ""
        raise NotFoundError("iso.nothing_returned", f"nothing of {payment.uetr} went back to its payer", hint)
    end_to_end = original.fields.get("end_to_end")
    entry = PaymentReturn(
        return_id=_short(payment.uetr) if original is not payment else _message_id(payment, "B", len(payment.steps)),
        end_to_end=writable(end_to_end) if isinstance(end_to_end, str) else NOT_PROVIDED,
        transaction_id=_short(original.uetr),
        uetr=original.uetr,
        original_amount=_arriving(original),
        returned_amount=back,
        settlement_date=_settlement_date(story) or iso_time(payment.steps[-1].time_ms)[:10],
        rate=None if original is payment else payment.rate,
        charge_bearer=None if original is payment else _bearer(payment),
        instructing_agent=agents[0],
        instructed_agent=agents[1],
        reason=reason,
        details=details,
        proof=_proof(story),
    )
    return PaymentReturns(
        message_id=_message_id(payment, "R", len(payment.steps)),
        created=iso_time(payment.steps[-1].time_ms),
        count=1,
        settlement_method=_METHOD,
        returns=(entry,),
    )


def cancellation_request(story: PaymentStory) -> CancellationRequest:
    """Return that the payer wants it back (camt.056): it disputes the payment; raises NotFoundError."""
    payment = story.payment
    if not story.is_asked_back:
        raise NotFoundError("iso.not_asked_back", f"the payer of {payment.uetr} did not dispute it")
    reason = story.escrow.get("reason")
    return CancellationRequest(
        case_id=_message_id(payment, "Q", 1),
        assigner=iso_agent(story.payer_owner),
        assignee=iso_agent(story.payee_owner),
        created=iso_time(cast(int, story.escrow["disputed_ms"])),
        count=1,
        cancellation_id=_message_id(payment, "Q", 1),
        end_to_end=story.text("end_to_end") or NOT_PROVIDED,
        transaction_id=_short(payment.uetr),
        uetr=payment.uetr,
        original_amount=_arriving(payment),
        reason="CUST",
        details=lines(reason if isinstance(reason, str) else None),
        proof=_proof(story),
    )


def resolution(story: PaymentStory) -> Resolution:
    """Return the answer to who wants it back (camt.029): none yet, yes, no, in part; raises NotFoundError."""
    payment = story.payment
    if not story.is_asked_back and payment.status != "cancelled":
        raise NotFoundError("iso.not_asked_back", f"the payer of {payment.uetr} did not dispute it")
    released, returned = story.moved("released"), story.moved("returned")
    confirmation, text = "CNCL", ""
    if payment.status == "disputed":
        confirmation, text = "PDCR", "the dispute is open"
    elif returned and released:
        parts = (format_amount(each, payment.source_exponent) for each in (returned, payment.source_amount))
        confirmation, text = "PECR", f"returned {' of '.join(parts)} {payment.source_currency}"
    elif not returned:
        confirmation, text = "RJCR", "the dispute ended in favour of the payee"
    number = len(payment.steps)
    return Resolution(
        case_id=_message_id(payment, "Q", 1),
        assigner=iso_agent(story.payee_owner),
        assignee=iso_agent(story.payer_owner),
        created=iso_time(payment.steps[-1].time_ms),
        confirmation=confirmation,
        status_id=_message_id(payment, "A", number),
        end_to_end=story.text("end_to_end") or NOT_PROVIDED,
        transaction_id=_short(payment.uetr),
        uetr=payment.uetr,
        reason=NARRATIVE if text else None,
        details=lines(text),
        proof=_proof(story),
    )


MAKERS: Final[dict[str, Callable[[PaymentStory], MessageRecord]]] = {
    "pain.001": initiation,
    "pacs.008": credit_transfer,
    "pacs.002": status_report,
    "pacs.004": payment_return,
    "camt.056": cancellation_request,
    "camt.029": resolution,
}


def _short(uetr: str) -> str:
    """Return a UETR without its hyphens, which fits where 35 characters do."""
    return uetr.replace("-", "")


def _message_id(payment: Payment, letter: str, number: int) -> str:
    """Return what names one message about a payment: the same for the same message, and in 35 characters."""
    return f"{_short(payment.uetr)}{letter}{number:02d}" if number <= 99 else _hashed(payment.uetr, letter, str(number))


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _currency(code: str) -> str:
    return iso_money(0, 0, code).currency


def _account(identifier: str, currency: str) -> Account:
    return ledger_account(writable(identifier), _currency(currency))


def _bearer(payment: Payment) -> str:
    return CHARGE_BEARERS[payment.fee_bearer]


def _remittance(story: PaymentStory) -> tuple[str, ...]:
    reference = story.text("reference")
    return () if reference is None else (reference,)


def _arriving(payment: Payment) -> Money:
    """Return what the payee is paid, without a fee that it bears."""
    arrives = sum(amount for _, credit, amount in payment.legs if credit == payment.payee)
    return iso_money(arrives, payment.target_exponent, payment.target_currency)


def _settlement_date(story: PaymentStory) -> str | None:
    """Return the day on which the payee was paid, None as long as something is held, and where all went back."""
    ended_ms = story.payment.fields.get("settled_ms") or (story.moved("released") and story.escrow.get("ended_ms"))
    return iso_time(cast(int, ended_ms))[:10] if ended_ms else None


def _proof(story: PaymentStory) -> LedgerProof | None:
    if story.chain_id is None:
        return None
    return LedgerProof(
        chain_id=story.chain_id,
        height=story.payment.height,
        transactions=tuple(step.transaction for step in story.payment.steps),
        originator=story.text("originator"),
        beneficiary=story.text("beneficiary"),
        bundle=story.bundle,
    )
