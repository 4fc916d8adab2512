"""Payments that a message asks for, as orders: what the ledger needs of them, and apart from it what it must not see.

A pain.001 comes from a customer, a pacs.008 from another bank. Names, addresses, account numbers of banks, references
and remittance information are the parties' own: they come as ``personal_data`` for sealing, and go nowhere else. No
error repeats any of it.
"""

import hashlib
import json
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final, Literal

from contracts.settlement.transfer_ids import UETR
from standards.iso20022.layout import Money
from standards.iso20022.messages import MessageRecord
from standards.iso20022.parties import Account, Party
from standards.iso20022.transfers import CreditTransfer, CreditTransfers, Initiation, Instruction, InstructionGroup
from tradelane.errors import BadRequestError

_TRANSFER: Final = "TRF"
_PURPOSE: Final = re.compile(r"[A-Z]{4}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_YEAR: Final = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}")
_NOTHING: Final = Party()
_NO_ACCOUNT: Final = Account()


@dataclass(frozen=True, slots=True)
class Order:
    """One payment that a message asks for.

    ``amounts`` are what it says of the amount, each in its currency, with what is sent first; ``references`` are what
    names it in the message, ``target_currency`` what the payee is to get where the message says that apart.
    """

    message_id: str
    references: tuple[str, ...]
    uetr: str | None
    end_to_end: str
    amounts: tuple[Money, ...]
    target_currency: str | None
    charge_bearer: str | None
    purpose: str | None
    execution_date: date | None
    debtor: Party
    debtor_account: Account
    creditor: Party
    creditor_account: Account
    remittance: tuple[str, ...]

    def amount_in(self, currency: str) -> Money:
        """Return the amount in a currency; raises BadRequestError where the message does not say it."""
        found = [amount for amount in self.amounts if amount.currency == currency]
        if not found:
            said = ", ".join(amount.currency for amount in self.amounts)
            raise BadRequestError(
                "iso.currency", f"the payment is to fix what is paid in {currency}, the message says it in {said}"
            )
        return found[-1]

    def reference(self, payer: str) -> str:
        """Return the UETR: the message's, else one that the same order of the same payer always gets."""
        if self.uetr is not None:
            if UETR.fullmatch(self.uetr) is None:
                raise BadRequestError("iso.uetr", "the UETR is no UUID of version 4 in small letters", "correct it")
            return self.uetr
        content = json.dumps([self.message_id, *self.references, payer])
        digest = hashlib.sha256(b"tradelane/iso20022-uetr/v1\0" + content.encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    @property
    def purpose_on_ledger(self) -> str | None:
        """The purpose, where it is a code as the ledger takes them."""
        return self.purpose if self.purpose is not None and _PURPOSE.fullmatch(self.purpose) else None

    def personal_data(self, role: Literal["originator", "beneficiary"]) -> bytes:
        """Return what the message says of a party, as JSON to be sealed: with a name and a birth year to screen."""
        is_debtor = role == "originator"
        party, account = (self.debtor, self.debtor_account) if is_debtor else (self.creditor, self.creditor_account)
        said = {name: value for name, value in asdict(party).items() if value}
        born = _YEAR.match(party.birth_date or "")
        if born:
            said["birth_year"] = int(born[1])
        said |= {"account": account.iban or account.other, "end_to_end": self.end_to_end, "remittance": self.remittance}
        return json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False).encode()


def read_orders(record: MessageRecord) -> tuple[Order, ...]:
    """Return the payments that a pain.001 or a pacs.008 asks for; raises BadRequestError where it asks for none."""
    if isinstance(record, Initiation):
        orders = [_instructed(record, group, one) for group in record.groups for one in group.instructions]
    elif isinstance(record, CreditTransfers):
        orders = [_transferred(record, one) for one in record.transfers]
    else:
        raise BadRequestError("iso.no_order", "the message asks for no payment", "a pain.001 or a pacs.008 does")
    if record.count != len(orders):
        raise BadRequestError(
            "iso.count", f"NbOfTxs says {record.count}, the message holds {len(orders)}", "ask its sender"
        )
    return tuple(orders)


def require_bearer(order: Order, fee_bearer: str | None) -> None:
    """Refuse a quote whose fee is borne by another than the message says; SHAR and SLEV leave it to the quote."""
    wanted = {"DEBT": "payer", "CRED": "payee"}.get(order.charge_bearer or "")
    if fee_bearer is not None and wanted is not None and wanted != fee_bearer:
        raise BadRequestError(
            "iso.charge_bearer",
            f"the message says {order.charge_bearer}, by the quote the {fee_bearer} bears the fee",
            "ask for another quote",
        )


def _instructed(record: Initiation, group: InstructionGroup, one: Instruction) -> Order:
    if group.method != _TRANSFER:
        raise BadRequestError(
            "iso.method", f"a payment by {group.method[:3]} is no transfer", "the ledger has TRF alone"
        )
    amount = one.amount or one.equivalent
    if amount is None:
        raise BadRequestError("iso.amount", "a payment of the message has no amount")
    return Order(
        message_id=record.message_id,
        references=(group.group_id, one.instruction_id or "", one.end_to_end),
        uetr=one.uetr,
        end_to_end=one.end_to_end,
        amounts=(amount,),
        target_currency=_currency(one.currency_of_transfer) if one.amount is None else None,
        charge_bearer=one.charge_bearer or group.charge_bearer,
        purpose=one.purpose,
        execution_date=_day(group.execution_date),
        debtor=group.debtor,
        debtor_account=group.debtor_account,
        creditor=one.creditor or _NOTHING,
        creditor_account=one.creditor_account or _NO_ACCOUNT,
        remittance=one.remittance,
    )


def _transferred(record: CreditTransfers, one: CreditTransfer) -> Order:
    instructed, settled = one.instructed_amount, one.settlement_amount
    is_exchanged = instructed is not None and instructed.currency != settled.currency
    return Order(
        message_id=record.message_id,
        references=(one.instruction_id or "", one.transaction_id or "", one.end_to_end),
        uetr=one.uetr,
        end_to_end=one.end_to_end,
        amounts=(instructed, settled) if is_exchanged and instructed is not None else (settled,),
        target_currency=settled.currency,
        charge_bearer=one.charge_bearer,
        purpose=one.purpose,
        execution_date=_day(one.settlement_date),
        debtor=one.debtor,
        debtor_account=one.debtor_account or _NO_ACCOUNT,
        creditor=one.creditor,
        creditor_account=one.creditor_account or _NO_ACCOUNT,
        remittance=one.remittance,
    )


def _day(text: str | None) -> date | None:
    """Return the day of a date or a time."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise BadRequestError("iso.execution_date", "the day of a payment is no date", "ask its sender") from None


def _currency(text: str | None) -> str | None:
    if text is not None and _CURRENCY.fullmatch(text) is None:
        raise BadRequestError("iso.currency", "CcyOfTrf is no currency of three capital letters", "ask its sender")
    return text
