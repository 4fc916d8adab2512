"""Whether a sender may do what a transaction asks: the ladder that stands before every handler.

Sender: known key, not revoked, valid at the block's time, organisation active. Then each operation in order: known
method, not reserved for authority, within the key's delegation, admin key where one is needed, role where the chain's
permissions ask for one. The API asks the same function before it lets a transaction in.
"""

from typing import Final, NamedTuple

from contracts.methods import METHODS, Access
from contracts.results import Rejected, ResultCode
from contracts.standing import Standing, lacking_role, standing_of
from ledger.state import Overlay
from ledger.transaction import Transaction

_PURPOSE_ADMIN: Final = "admin"


class Verdict(NamedTuple):
    """``failed_operation`` is None where the sender itself is refused; ``organisation`` None after a refusal."""

    code: ResultCode
    detail: str = ""
    failed_operation: int | None = None
    organisation: str | None = None


def authorise(transaction: Transaction, state: Overlay, time_ms: int) -> tuple[ResultCode, str]:
    """Return OK, or the code and the detail of the first check that the sender does not pass at ``time_ms`` (UTC)."""
    verdict = Authority(state, time_ms).judge(transaction)
    return verdict.code, verdict.detail


class Authority:
    """The senders of one block, judged once each: ``forget`` when a transaction has changed members or permissions."""

    __slots__ = ("_allowed", "_standings", "_state", "_time_ms")

    def __init__(self, state: Overlay, time_ms: int) -> None:
        self._state = state
        self._time_ms = time_ms
        self._standings: dict[bytes, Standing | Rejected] = {}
        self._allowed: set[tuple[bytes, str]] = set()

    def forget(self) -> None:
        """Drop every judgement, so that the next transaction is judged by the heads as they are then."""
        self._standings.clear()
        self._allowed.clear()

    def judge(self, transaction: Transaction) -> Verdict:
        """Return whether the sender may call every operation of the transaction."""
        sender = transaction.sender
        standing = self._standings.get(sender)
        if standing is None:
            standing = self._standings[sender] = standing_of(self._state.get, sender, self._time_ms)
        if isinstance(standing, Rejected):
            return Verdict(standing.code, standing.detail)
        for index, operation in enumerate(transaction.operations):
            if (sender, operation.method) in self._allowed:
                continue
            refusal = _refusal(self._state, standing, operation.method)
            if refusal is not None:
                return Verdict(refusal.code, refusal.detail, failed_operation=index)
            self._allowed.add((sender, operation.method))
        return Verdict(ResultCode.OK, organisation=standing.organisation)


def _refusal(state: Overlay, standing: Standing, name: str) -> Rejected | None:
    """Return why the sender cannot call a method, or None."""
    method = METHODS.get(name)
    if method is None:
        return Rejected(ResultCode.UNKNOWN_METHOD, f"there is no method {name!r}")
    if method.access is Access.AUTHORITY:
        return Rejected(ResultCode.AUTHORITY_REQUIRED, f"{name} needs the approval of the validators' organisations")
    if standing.methods is not None and not standing.is_delegated(name):
        return Rejected(ResultCode.METHOD_NOT_DELEGATED, f"the key is limited to {', '.join(sorted(standing.methods))}")
    if method.access is Access.ADMIN:
        if standing.purpose != _PURPOSE_ADMIN:
            return Rejected(ResultCode.ADMIN_KEY_REQUIRED, f"{name} needs an admin key of {standing.organisation}")
        return None
    if method.access is Access.VALIDATOR:
        return None  # which organisations run validators is in the state that the handler reads
    return lacking_role(state.get, standing, name)
