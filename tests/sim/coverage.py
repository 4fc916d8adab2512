"""The rare paths that a run over many seeds must have taken; one that none of them took tests less than it seems to."""

from consensus.effects import ReportKind
from tests.sim.scenario import DISK_FAULTS

# A fork and a node that meets its own key elsewhere are what no run may show.
_NEVER = frozenset({ReportKind.OWN_KEY_ELSEWHERE})

PATHS: tuple[str, ...] = (
    *(f"report: {kind.value}" for kind in ReportKind if kind not in _NEVER),
    *(f"disk: {kind}" for kind in DISK_FAULTS),
    "committed above view 0",
    "validators changed",
    "old backup",
    "fail stop",
    "fail stop: damage",
    "learned on a new disk",
    "lock taken up",
    "evidence kept",
    "crash: crash after",
    "crash: crash before",
    "crash: crash in the middle",
    "crash: power cut",
    "answer did not decode",
    "transaction.expired",
    "transaction.replayed",
    "refused: block: transaction_signature",
    "refused: block: certificate_no_quorum",
    "refused: block: certificate_of_another_block",
    "refused: proposal: state_root",
    "refused: proposal: receipts_root",
    "refused: proposal: validators_hash",
    "refused: proposal: next_validators_hash",
    "refused: proposal: time_off_clock",
    "refused: proposal: transaction.replayed",
    "refused: bad_signature",
    "refused: bad_certificate",
)
