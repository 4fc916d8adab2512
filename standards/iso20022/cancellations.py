"""A payment that somebody wants back: the request (camt.056) and its answer (camt.029)."""

from dataclasses import dataclass
from typing import Final

from standards.iso20022.layout import Field, Form, Layout, Money
from standards.iso20022.parties import AGENT, LEDGER_PROOF, Agent, LedgerProof

_COUNT, _MONEY, _ONE = Form.COUNT, Form.MONEY, Form.ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRequest:
    """A bank asks to have a payment back (camt.056)."""

    case_id: str
    assigner: Agent | None = None
    assignee: Agent | None = None
    created: str
    count: int | None = None
    cancellation_id: str | None = None
    end_to_end: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    original_amount: Money | None = None
    reason: str | None = None
    details: tuple[str, ...] = ()
    proof: LedgerProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The answer to a camt.056 (camt.029)."""

    case_id: str
    assigner: Agent | None = None
    assignee: Agent | None = None
    created: str
    confirmation: str | None = None
    status_id: str | None = None
    end_to_end: str | None = None
    transaction_id: str | None = None
    uetr: str | None = None
    reason: str | None = None
    details: tuple[str, ...] = ()
    proof: LedgerProof | None = None


CANCELLATION: Final = Layout(
    CancellationRequest,
    (
        Field("case_id", "Assgnmt/Id", is_required=True),
        Field("assigner", "Assgnmt/Assgnr/Agt", _ONE, AGENT),
        Field("assignee", "Assgnmt/Assgne/Agt", _ONE, AGENT),
        Field("created", "Assgnmt/CreDtTm", is_required=True),
        Field("count", "CtrlData/NbOfTxs", _COUNT),
        Field("cancellation_id", "Undrlyg/TxInf/CxlId"),
        Field("end_to_end", "Undrlyg/TxInf/OrgnlEndToEndId"),
        Field("transaction_id", "Undrlyg/TxInf/OrgnlTxId"),
        Field("uetr", "Undrlyg/TxInf/OrgnlUETR"),
        Field("original_amount", "Undrlyg/TxInf/OrgnlIntrBkSttlmAmt", _MONEY),
        Field("reason", "Undrlyg/TxInf/CxlRsnInf/Rsn/Cd"),
        Field("details", "Undrlyg/TxInf/CxlRsnInf/AddtlInf", Form.TEXTS),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
RESOLUTION: Final = Layout(
    Resolution,
    (
        Field("case_id", "Assgnmt/Id", is_required=True),
        Field("assigner", "Assgnmt/Assgnr/Agt", _ONE, AGENT),
        Field("assignee", "Assgnmt/Assgne/Agt", _ONE, AGENT),
        Field("created", "Assgnmt/CreDtTm", is_required=True),
        Field("confirmation", "Sts/Conf"),
        Field("status_id", "CxlDtls/TxInfAndSts/CxlStsId"),
        Field("end_to_end", "CxlDtls/TxInfAndSts/OrgnlEndToEndId"),
        Field("transaction_id", "CxlDtls/TxInfAndSts/OrgnlTxId"),
        Field("uetr", "CxlDtls/TxInfAndSts/OrgnlUETR"),
        Field("reason", "CxlDtls/TxInfAndSts/CxlStsRsnInf/Rsn/Cd"),
        Field("details", "CxlDtls/TxInfAndSts/CxlStsRsnInf/AddtlInf", Form.TEXTS),
        Field("proof", "SplmtryData/Envlp/t:LedgerProof", _ONE, LEDGER_PROOF),
    ),
)
