"""Statements of accounts as messages of ISO 20022 (camt.053); docs/iso20022.md has the mapping."""

import hashlib
from typing import Final

from standards.iso20022.layout import writable
from standards.iso20022.parties import LedgerProof, ledger_account
from standards.iso20022.statement import (
    CLOSING,
    CREDIT,
    DEBIT,
    OPENING,
    AccountStatement,
    Balance,
    StatementEntry,
    Statements,
)
from tradelane.bank_messages import iso_agent, iso_money, iso_time
from tradelane.money import Statement, StatementLine

_PAYMENTS: Final = "PMNT"
_RECEIVED: Final = "RCDT"
_ISSUED: Final = "ICDT"
_BOOKED_WITHIN: Final = "BOOK"
_KIND_LENGTH_MAX: Final = 35


def statement_message(
    statement: Statement,
    as_of_ms: int,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    proof: LedgerProof | None = None,
) -> Statements:
    """Return a statement as a message.

    ``as_of_ms`` is the time of the block that it was read at; ``start_ms`` and ``end_ms`` are the points between which
    it lies, where they are times. Raises BadRequestError where ISO 20022 has no way to say an amount or a currency.
    """
    account = statement.account
    last_ms = min(as_of_ms, end_ms) if end_ms is not None else as_of_ms
    first_ms = start_ms if start_ms is not None else statement.lines[0].entry.time_ms if statement.lines else last_ms
    first_ms = min(first_ms, last_ms)
    parts = (account.id, str(account.height), str(first_ms), str(last_ms), str(len(statement.lines)))
    identifier = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    made = AccountStatement(
        statement_id=identifier,
        created=iso_time(as_of_ms),
        start=iso_time(first_ms),
        end=iso_time(last_ms),
        account=ledger_account(writable(account.id), iso_money(0, 0, account.currency).currency),
        servicer=iso_agent(str(account.fields.get("issuer") or account.owner)),
        balances=(
            _balance(statement, OPENING, statement.opening, first_ms),
            _balance(statement, CLOSING, statement.closing, last_ms),
        ),
        entry_count=len(statement.lines),
        entries=tuple(_entry(statement, line) for line in statement.lines),
    )
    return Statements(message_id=identifier, created=iso_time(as_of_ms), statements=(made,), proof=proof)


def _balance(statement: Statement, kind: str, amount: int, time_ms: int) -> Balance:
    account = statement.account
    return Balance(
        kind=kind,
        amount=iso_money(amount, account.exponent, account.currency),
        side=DEBIT if amount < 0 else CREDIT,
        date=iso_time(time_ms),
    )


def _entry(statement: Statement, line: StatementLine) -> StatementEntry:
    account, entry = statement.account, line.entry
    is_credit = line.amount >= 0
    uetr = entry.fields.get("uetr")
    other = None if entry.counterparty is None else ledger_account(writable(entry.counterparty), None)
    return StatementEntry(
        reference=str(entry.number),
        amount=iso_money(line.amount, account.exponent, account.currency),
        side=CREDIT if is_credit else DEBIT,
        status="BOOK",
        booked=iso_time(entry.time_ms),
        servicer_reference=entry.transaction[:32],
        domain=_PAYMENTS,
        family=_RECEIVED if is_credit else _ISSUED,
        sub_family=_BOOKED_WITHIN,
        kind=writable(entry.kind)[:_KIND_LENGTH_MAX],
        uetr=uetr if isinstance(uetr, str) else None,
        debtor_account=other if is_credit else None,
        creditor_account=None if is_credit else other,
        remittance=() if not entry.reference else (writable(entry.reference),),
        transaction=entry.transaction,
        height=entry.height,
    )
