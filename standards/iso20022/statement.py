"""The statement of an account (camt.053): its record and its table."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from standards.iso20022.layout import Field, Form, Layout, Money
from standards.iso20022.parties import ACCOUNT, AGENT, LEDGER_PROOF, Account, Agent, LedgerProof

CREDIT: Final = "CRDT"
DEBIT: Final = "DBIT"
OPENING: Final = "OPBD"
CLOSING: Final = "CLBD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has at a point."""

    kind: str | None = None
    amount: Money
    side: str
    date: str | None = None

    @property
    def signed(self) -> Decimal:
        """The amount, negative where the account owes it."""
        return self.amount.value if self.side == CREDIT else -self.amount.value


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """One posting."""

    reference: str | None = None
    amount: Money
    side: str
    status: str | None = None
    booked: str | None = None
    servicer_reference: str | None = None
    domain: str | None = None
    family: str | None = None
    sub_family: str | None = None
    kind: str | None = None
    end_to_end: str | None = None
    uetr: str | None = None
    debtor_account: Account | None = None
    creditor_account: Account | None = None
    remittance: tuple[str, ...] = ()
    transaction: str | None = None
    height: int | None = None

    @property
    def signed(self) -> Decimal:
        """What it changes."""
        return self.amount.value if self.side == CREDIT else -self.amount.value


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """What an account had, what was posted, and what it had after it."""

    statement_id: str
    created: str | None = None
    start: str | None = None
    end: str | None = None
    account: Account
    servicer: Agent | None = None
    balances: tuple[Balance, ...] = ()
    entry_count: int | None = None
    entries: tuple[StatementEntry, ...] = ()

    @property
    def adds_up(self) -> bool | None:
        """Whether opening balance and booked entries make the closing balance, None where one of them is not told."""
        balances = {balance.kind: balance for balance in self.balances}
        if not {OPENING, CLOSING} <= balances.keys():
            return None
        moved = sum((entry.signed for entry in self.entries if entry.status in (None, "BOOK")), Decimal())
        return balances[OPENING].signed + moved == balances[CLOSING].signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Statements of accounts (camt.053)."""

    message_id: str
    created: str
    statements: tuple[AccountStatement, ...]
    proof: LedgerProof | None = None


_BALANCE: Final = Layout(
    Balance,
    (
        Field("kind", "Tp/CdOrPrtry/Cd"),
        Field("amount", "Amt", Form.MONEY, is_required=True),
        Field("side", "CdtDbtInd", is_required=True),
        Field("date", "Dt/DtTm", also=("Dt/Dt",)),
    ),
)
_ENTRY: Final = Layout(
    StatementEntry,
    (
        Field("reference", "NtryRef"),
        Field("amount", "Amt", Form.MONEY, is_required=True),
        Field("side", "CdtDbtInd", is_required=True),
        Field("status", "Sts/Cd", also=("Sts",)),
        Field("booked", "BookgDt/DtTm", also=("BookgDt/Dt",)),
        Field("servicer_reference", "AcctSvcrRef"),
        Field("domain", "BkTxCd/Domn/Cd"),
        Field("family", "BkTxCd/Domn/Fmly/Cd"),
        Field("sub_family", "BkTxCd/Domn/Fmly/SubFmlyCd"),
        Field("kind", "BkTxCd/Prtry/Cd"),
        Field("end_to_end", "NtryDtls/TxDtls/Refs/EndToEndId"),
        Field("uetr", "NtryDtls/TxDtls/Refs/UETR"),
        Field("debtor_account", "NtryDtls/TxDtls/RltdPties/DbtrAcct", Form.ONE, ACCOUNT),
        Field("creditor_account", "NtryDtls/TxDtls/RltdPties/CdtrAcct", Form.ONE, ACCOUNT),
        Field("remittance", "NtryDtls/TxDtls/RmtInf/Ustrd", Form.TEXTS),
        Field("transaction", "NtryDtls/TxDtls/SplmtryData/Envlp/t:LedgerEntry/t:Transaction"),
        Field("height", "NtryDtls/TxDtls/SplmtryData/Envlp/t:LedgerEntry/t:Height", Form.COUNT),
    ),
)
_STATEMENT: Final = Layout(
    AccountStatement,
    (
        Field("statement_id", "Id", is_required=True),
        Field("created", "CreDtTm"),
        Field("start", "FrToDt/FrDtTm"),
        Field("end", "FrToDt/ToDtTm"),
        Field("account", "Acct", Form.ONE, ACCOUNT, is_required=True),
        Field("servicer", "Acct/Svcr", Form.ONE, AGENT),
        Field("balances", "Bal", Form.MANY, _BALANCE),
        Field("entry_count", "TxsSummry/TtlNtries/NbOfNtries", Form.COUNT),
        Field("entries", "Ntry", Form.MANY, _ENTRY),
    ),
)
STATEMENTS: Final = Layout(
    Statements,
    (
        Field("message_id", "GrpHdr/MsgId", is_required=True),
        Field("created", "GrpHdr/CreDtTm", is_required=True),
        Field("statements", "Stmt", Form.MANY, _STATEMENT, is_required=True),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", Form.ONE, LEDGER_PROOF),
    ),
)
