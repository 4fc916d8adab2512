"""What no schema says of a message: check digits, a header for another message, counts and balances that do not fit.

These are notes, no refusals: a message with them is valid, and whoever takes it decides. They name element and line,
and no value of a person.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from standards.errors import IdentifierError, IsoError
from standards.financial_identifiers import check_bic, check_iban, check_lei
from standards.iso20022.messages import MessageRecord
from standards.iso20022.parsing import Message, element_path, source_line
from standards.iso20022.statement import Statements
from standards.iso20022.transfers import CreditTransfers, Initiation, PaymentReturns

NOTES_MAX: Final = 50

_IDENTIFIERS: Final[dict[str, Callable[[str], str]]] = {
    "IBAN": check_iban,
    "BICFI": check_bic,
    "AnyBIC": check_bic,
    "LEI": check_lei,
}
# Messages that ask for payments, each once; others may come to one payment several times.
_ORDERS: Final = frozenset({"pain.001", "pacs.008"})
_METALS: Final = frozenset({"XAU", "XAG", "XPD", "XPT"})


def check_usage(message: Message, record: MessageRecord | None) -> list[IsoError]:
    """Return what is odd about a message, at most NOTES_MAX notes; ``record`` is what was read of it, if it was."""
    found = list(_header(message))
    seen: set[str] = set()
    for element in message.document.iter():
        name, value = etree.QName(element).localname, element.text or ""
        if name in _IDENTIFIERS:
            try:
                _IDENTIFIERS[name](value)
            except IdentifierError as error:
                where = f", position {error.position}" if error.position else ""
                text = f"it is no {name}: the {error.code.replace('_', ' ')} is wrong{where}"
                found.append(_note(f"{name.lower()}_{error.code}", text, element))
        if name.endswith("Amt") and element.get("Ccy") in _METALS:
            found.append(_note("metal", "the amount is in a precious metal, which no payment is made in", element))
        if name == "UETR" and message.kind in _ORDERS:
            if value in seen:
                found.append(_note("uetr_twice", "another payment of the message has this UETR", element))
            seen.add(value)
        if len(found) >= NOTES_MAX:
            break
    return [*found, *(_totals(message, record) if record is not None else ())][:NOTES_MAX]


def _header(message: Message) -> Iterator[IsoError]:
    if message.header is None:
        return
    for element in message.header.iterchildren("{*}MsgDefIdr"):
        if (element.text or "").strip() != message.identifier:
            yield _note("header_differs", f"the header is for another message than {message.identifier}", element)


def _totals(message: Message, record: MessageRecord) -> Iterator[IsoError]:
    """Say where a message does not add up."""
    body = message.document[0]
    if isinstance(record, Initiation):
        instructions = [one for group in record.groups for one in group.instructions]
        yield from _count(body, record.count, len(instructions))
        amounts = [one.amount or one.equivalent for one in instructions]
        yield from _sum(body, record.control_sum, sum((each.value for each in amounts if each), Decimal()))
    elif isinstance(record, CreditTransfers):
        yield from _count(body, record.count, len(record.transfers))
    elif isinstance(record, PaymentReturns):
        yield from _count(body, record.count, len(record.returns))
    elif isinstance(record, Statements):
        for place, statement in zip(body.iterchildren("{*}Stmt"), record.statements, strict=True):
            if statement.adds_up is False:
                yield _note("statement_sum", "opening balance and entries do not make the closing balance", place)


def _count(body: etree._Element, said: int, there: int) -> Iterator[IsoError]:
    if said != there:
        yield _note("count", f"NbOfTxs says {said}, the message holds {there}", body)


def _sum(body: etree._Element, said: str | None, there: Decimal) -> Iterator[IsoError]:
    try:
        is_right = said is None or Decimal(said) == there
    except InvalidOperation:
        is_right = False
    if not is_right:
        yield _note("control_sum", "CtrlSum is not the sum of the amounts", body)


def _note(code: str, text: str, element: etree._Element) -> IsoError:
    return IsoError(code, text, element_path(element), source_line(element))
