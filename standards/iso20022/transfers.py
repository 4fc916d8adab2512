"""Payments as banks tell of them: pain.001, pacs.008, pacs.002, pacs.004. docs/iso20022.md says what the fields mean.

Times and dates are texts as they stand in the message.
"""

from dataclasses import dataclass
from typing import Final

from standards.iso20022.layout import Field, Form, Layout, Money
from standards.iso20022.parties import ACCOUNT, AGENT, LEDGER_PROOF, PARTY, Account, Agent, LedgerProof, Party

_COUNT, _MONEY, _ONE, _MANY = Form.COUNT, Form.MONEY, Form.ONE, Form.MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One payment that a customer asks for (pain.001 CdtTrfTxInf)."""

    instruction_id: str | None = None
    end_to_end: str
    uetr: str | None = None
    amount: Money | None = None
    equivalent: Money | None = None
    currency_of_transfer: str | None = None
    contract: str | None = None
    charge_bearer: str | None = None
    creditor_agent: Agent | None = None
    creditor: Party | None = None
    creditor_account: Account | None = None
    purpose: str | None = None
    remittance: tuple[str, ...] = ()
    proof: LedgerProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionGroup:
    """Payments of one debtor on one day (pain.001 PmtInf)."""

    group_id: str
    method: str
    count: int | None = None
    control_sum: str | None = None
    execution_date: str
    debtor: Party
    debtor_account: Account
    debtor_agent: Agent
    charge_bearer: str | None = None
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """What a customer asks its bank to pay (pain.001)."""

    message_id: str
    created: str
    count: int
    control_sum: str | None = None
    initiator: Party
    groups: tuple[InstructionGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTransfer:
    """One payment between banks (pacs.008 CdtTrfTxInf)."""

    instruction_id: str | None = None
    end_to_end: str
    transaction_id: str | None = None
    uetr: str | None = None
    settlement_amount: Money
    settlement_date: str | None = None
    instructed_amount: Money | None = None
    rate: str | None = None
    charge_bearer: str
    charge: Money | None = None
    charge_agent: Agent | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None
    intermediary: Agent | None = None
    debtor: Party
    debtor_account: Account | None = None
    debtor_agent: Agent
    creditor_agent: Agent
    creditor: Party
    creditor_account: Account | None = None
    purpose: str | None = None
    remittance: tuple[str, ...] = ()
    proof: LedgerProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTransfers:
    """Payments that one bank tells another of (pacs.008)."""

    message_id: str
    created: str
    count: int
    settlement_method: str
    transfers: tuple[CreditTransfer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionStatus:
    """What became of one payment (pacs.002 TxInfAndSts)."""

    status_id: str | None = None
    original_message: str | None = None
    original_kind: str | None = None
    end_to_end: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    status: str | None = None
    reason: str | None = None
    details: tuple[str, ...] = ()
    accepted: str | None = None
    settlement_date: str | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None
    proof: LedgerProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What became of payments (pacs.002)."""

    message_id: str
    created: str
    statuses: tuple[TransactionStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReturn:
    """One payment of which money goes back (pacs.004 TxInf)."""

    return_id: str | None = None
    end_to_end: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    original_amount: Money | None = None
    returned_amount: Money
    settlement_date: str | None = None
    rate: str | None = None
    charge_bearer: str | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None
    debtor: Party | None = None
    creditor: Party | None = None
    reason: str | None = None
    details: tuple[str, ...] = ()
    proof: LedgerProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReturns:
    """Payments of which money goes back (pacs.004)."""

    message_id: str
    created: str
    count: int
    settlement_method: str
    returns: tuple[PaymentReturn, ...]


_INSTRUCTION: Final = Layout(
    Instruction,
    (
        Field("instruction_id", "PmtId/InstrId"),
        Field("end_to_end", "PmtId/EndToEndId", is_required=True),
        Field("uetr", "PmtId/UETR"),
        Field("amount", "Amt/InstdAmt", _MONEY),
        Field("equivalent", "Amt/EqvtAmt/Amt", _MONEY),
        Field("currency_of_transfer", "Amt/EqvtAmt/CcyOfTrf"),
        Field("contract", "XchgRateInf/CtrctId"),
        Field("charge_bearer", "ChrgBr"),
        Field("creditor_agent", "CdtrAgt", _ONE, AGENT),
        Field("creditor", "Cdtr", _ONE, PARTY),
        Field("creditor_account", "CdtrAcct", _ONE, ACCOUNT),
        Field("purpose", "Purp/Cd"),
        Field("remittance", "RmtInf/Ustrd", Form.TEXTS),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
_GROUP: Final = Layout(
    InstructionGroup,
    (
        Field("group_id", "PmtInfId", is_required=True),
        Field("method", "PmtMtd", is_required=True),
        Field("count", "NbOfTxs", _COUNT),
        Field("control_sum", "CtrlSum"),
        Field("execution_date", "ReqdExctnDt/Dt", also=("ReqdExctnDt/DtTm", "ReqdExctnDt"), is_required=True),
        Field("debtor", "Dbtr", _ONE, PARTY, is_required=True),
        Field("debtor_account", "DbtrAcct", _ONE, ACCOUNT, is_required=True),
        Field("debtor_agent", "DbtrAgt", _ONE, AGENT, is_required=True),
        Field("charge_bearer", "ChrgBr"),
        Field("instructions", "CdtTrfTxInf", _MANY, _INSTRUCTION, is_required=True),
    ),
)
INITIATION: Final = Layout(
    Initiation,
    (
        Field("message_id", "GrpHdr/MsgId", is_required=True),
        Field("created", "GrpHdr/CreDtTm", is_required=True),
        Field("count", "GrpHdr/NbOfTxs", _COUNT, is_required=True),
        Field("control_sum", "GrpHdr/CtrlSum"),
        Field("initiator", "GrpHdr/InitgPty", _ONE, PARTY, is_required=True),
        Field("groups", "PmtInf", _MANY, _GROUP, is_required=True),
    ),
)
_CREDIT_TRANSFER: Final = Layout(
    CreditTransfer,
    (
        Field("instruction_id", "PmtId/InstrId"),
        Field("end_to_end", "PmtId/EndToEndId", is_required=True),
        Field("transaction_id", "PmtId/TxId"),
        Field("uetr", "PmtId/UETR"),
        Field("settlement_amount", "IntrBkSttlmAmt", _MONEY, is_required=True),
        Field("settlement_date", "IntrBkSttlmDt"),
        Field("instructed_amount", "InstdAmt", _MONEY),
        Field("rate", "XchgRate"),
        Field("charge_bearer", "ChrgBr", is_required=True),
        Field("charge", "ChrgsInf/Amt", _MONEY),
        Field("charge_agent", "ChrgsInf/Agt", _ONE, AGENT),
        Field("instructing_agent", "InstgAgt", _ONE, AGENT),
        Field("instructed_agent", "InstdAgt", _ONE, AGENT),
        Field("intermediary", "IntrmyAgt1", _ONE, AGENT),
        Field("debtor", "Dbtr", _ONE, PARTY, is_required=True),
        Field("debtor_account", "DbtrAcct", _ONE, ACCOUNT),
        Field("debtor_agent", "DbtrAgt", _ONE, AGENT, is_required=True),
        Field("creditor_agent", "CdtrAgt", _ONE, AGENT, is_required=True),
        Field("creditor", "Cdtr", _ONE, PARTY, is_required=True),
        Field("creditor_account", "CdtrAcct", _ONE, ACCOUNT),
        Field("purpose", "Purp/Cd"),
        Field("remittance", "RmtInf/Ustrd", Form.TEXTS),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
CREDIT_TRANSFERS: Final = Layout(
    CreditTransfers,
    (
        Field("message_id", "GrpHdr/MsgId", is_required=True),
        Field("created", "GrpHdr/CreDtTm", is_required=True),
        Field("count", "GrpHdr/NbOfTxs", _COUNT, is_required=True),
        Field("settlement_method", "GrpHdr/SttlmInf/SttlmMtd", is_required=True),
        Field("transfers", "CdtTrfTxInf", _MANY, _CREDIT_TRANSFER, is_required=True),
    ),
)
_STATUS: Final = Layout(
    TransactionStatus,
    (
        Field("status_id", "StsId"),
        Field("original_message", "OrgnlGrpInf/OrgnlMsgId"),
        Field("original_kind", "OrgnlGrpInf/OrgnlMsgNmId"),
        Field("end_to_end", "OrgnlEndToEndId"),
        Field("transaction_id", "OrgnlTxId"),
        Field("uetr", "OrgnlUETR"),
        Field("status", "TxSts"),
        Field("reason", "StsRsnInf/Rsn/Cd"),
        Field("details", "StsRsnInf/AddtlInf", Form.TEXTS),
        Field("accepted", "AccptncDtTm"),
        Field("settlement_date", "FctvIntrBkSttlmDt/Dt", also=("FctvIntrBkSttlmDt/DtTm", "FctvIntrBkSttlmDt")),
        Field("instructing_agent", "InstgAgt", _ONE, AGENT),
        Field("instructed_agent", "InstdAgt", _ONE, AGENT),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
STATUS_REPORT: Final = Layout(
    StatusReport,
    (
        Field("message_id", "GrpHdr/MsgId", is_required=True),
        Field("created", "GrpHdr/CreDtTm", is_required=True),
        Field("statuses", "TxInfAndSts", _MANY, _STATUS),
    ),
)
_RETURN: Final = Layout(
    PaymentReturn,
    (
        Field("return_id", "RtrId"),
        Field("end_to_end", "OrgnlEndToEndId"),
        Field("transaction_id", "OrgnlTxId"),
        Field("uetr", "OrgnlUETR"),
        Field("original_amount", "OrgnlIntrBkSttlmAmt", _MONEY),
        Field("returned_amount", "RtrdIntrBkSttlmAmt", _MONEY, is_required=True),
        Field("settlement_date", "IntrBkSttlmDt"),
        Field("rate", "XchgRate"),
        Field("charge_bearer", "ChrgBr"),
        Field("instructing_agent", "InstgAgt", _ONE, AGENT),
        Field("instructed_agent", "InstdAgt", _ONE, AGENT),
        Field("debtor", "RtrChain/Dbtr/Pty", _ONE, PARTY),
        Field("creditor", "RtrChain/Cdtr/Pty", _ONE, PARTY),
        Field("reason", "RtrRsnInf/Rsn/Cd"),
        Field("details", "RtrRsnInf/AddtlInf", Form.TEXTS),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
RETURNS: Final = Layout(
    PaymentReturns,
    (
        Field("message_id", "GrpHdr/MsgId", is_required=True),
        Field("created", "GrpHdr/CreDtTm", is_required=True),
        Field("count", "GrpHdr/NbOfTxs", _COUNT, is_required=True),
        Field("settlement_method", "GrpHdr/SttlmInf/SttlmMtd", is_required=True),
        Field("returns", "TxInf", _MANY, _RETURN, is_required=True),
    ),
)
