"""Evidence on the ledger: that a validator signed two blocks where an honest one signs one.

Nothing follows from it by itself; it is there, proven by its own two signatures, for those who decide whom to remove.

Head: ``evidence`` {evidence, organisation, reporter, reported_ms}, one for each (validator, height, view, kind).
"""

from contracts import heads
from contracts.arguments import Arguments, refuse
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.validators import organisation_at, require_validator
from ledger.codec import Value
from ledger.errors import ShapeError
from ledger.evidence import Equivocation, equivocation_from_value
from ledger.validators import Validator, ValidatorSet


def report_equivocation(context: Context, arguments: dict[str, Value]) -> Value:
    """Put a validator's double vote on the ledger: {"evidence": value of an ``Equivocation``}; validators only."""
    read = Arguments(arguments)
    value = read.required("evidence")
    read.end()
    try:
        evidence = equivocation_from_value(value)
    except ShapeError as error:
        refuse(str(error))
    require_validator(context)
    key = heads.evidence(evidence.validator, evidence.height, evidence.view, evidence.kind)
    if context.get(key) is not None:
        raise Rejected(ResultCode.EVIDENCE_EXISTS, f"{evidence.validator.hex()} at height {evidence.height}")
    organisation = _culprit(context, evidence)
    context.put(
        key,
        {
            "evidence": evidence.to_value(),
            "organisation": organisation,
            "reporter": context.member,
            "reported_ms": context.block.time_ms,
        },
    )
    return None


def _culprit(context: Context, evidence: Equivocation) -> str:
    """Return the organisation whose validator voted twice, or reject with the reason why that is not proven."""
    if evidence.height > context.block.height:
        raise Rejected(ResultCode.EVIDENCE_REFUSED, f"height_ahead: {evidence.height} is not reached")
    organisation = organisation_at(context, evidence.validator, evidence.height)
    if organisation is None:
        raise Rejected(ResultCode.EVIDENCE_REFUSED, f"not_a_validator: {evidence.validator.hex()}")
    # The others of that height play no part in what one of them signed.
    judged = ValidatorSet([Validator(evidence.validator, organisation)])
    reason = evidence.refusal(context.block.chain_id, judged)
    if reason is not None:
        raise Rejected(ResultCode.EVIDENCE_REFUSED, reason)
    return organisation
