"""Who may vote on blocks, and how that changes.

A change is one action of governance. Made in block h it is in effect from height h + 2, for the header of h + 1 has to
name the set that signs h + 2 before that block is executed. It is small (at most f members join, and as many leave),
and no second one is made before it is in effect, so that a light client that knows one set can follow to the next.

Heads: ``validators`` {members, effective_height?}, the set of the height after next, and for each key that ever joined
or left ``validator`` {terms}: [organisation, first height, first height without it or nil] each.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, fixed, identifier, refuse, row
from contracts.context import Context
from contracts.membership import require_active
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, is_public_key, verify
from ledger.limits import VALIDATORS_MAX
from ledger.state import Head
from ledger.validators import Validator, ValidatorSet, possession_preimage

EFFECT_DELAY_HEIGHTS: Final = 2
"""Heights from the block that changes the validators to the first block that the changed set signs."""

_Joiner = tuple[Validator, bytes]


def change_validators(context: Context, arguments: dict[str, Value]) -> Value:
    """Let validators join and leave: {"add": [[key, organisation, proof of possession], ...], "remove": [key, ...]}.

    Governance only. A validator changes its key by leaving with the old and joining with the new one in one change.
    """
    read = Arguments(arguments)
    joiners = read.listed("add", VALIDATORS_MAX, _joiner)
    leavers = read.listed("remove", VALIDATORS_MAX, lambda value, what: fixed(value, what, PUBLIC_KEY_BYTES))
    read.end()
    named = [*(member.public_key for member, _ in joiners), *leavers]
    if not named:
        refuse("a change of the validators adds or removes somebody")
    if len(set(named)) != len(named):
        refuse("a change of the validators names each key once")
    head = context.get(heads.VALIDATORS)
    members = validators_of(head)
    _require_small_step(context, head, members, len(joiners), len(leavers))
    for key in leavers:
        if members.index_of(key) is None:
            raise Rejected(ResultCode.UNKNOWN_VALIDATOR, f"{key.hex()} is no validator")
    for member, possession in joiners:
        _require_fit(context, members, member, possession)
    changed = [member for member in members if member.public_key not in leavers]
    changed += [member for member, _ in joiners]
    if not 1 <= len(changed) <= VALIDATORS_MAX:
        raise Rejected(ResultCode.VALIDATOR_COUNT_UNACCEPTABLE, f"1 to {VALIDATORS_MAX}, not {len(changed)}")
    effective_height = context.block.height + EFFECT_DELAY_HEIGHTS
    value = ValidatorSet(changed).to_value()
    context.put(heads.VALIDATORS, {"members": value, "effective_height": effective_height})
    for key in leavers:
        _end_term(context, key, members, effective_height)
    for member, _ in joiners:
        _begin_term(context, member, effective_height)
    return {"effective_height": effective_height, "validators": len(changed)}


def validators_of(head: Head | None) -> ValidatorSet:
    """Return the validator set that its head holds."""
    assert head is not None, "every chain has validators since its genesis"
    return ValidatorSet.from_value(head["members"])


def organisations(context: Context) -> set[str]:
    """Return the organisations that run the validators of the height after next, who decide by governance."""
    return {member.organisation for member in validators_of(context.get(heads.VALIDATORS))}


def require_validator(context: Context) -> None:
    """Reject unless the organisation that signed runs a validator."""
    if context.member not in organisations(context):
        raise Rejected(ResultCode.NOT_A_VALIDATOR, f"{context.member} runs no validator")


def organisation_at(context: Context, key: bytes, height: int) -> str | None:
    """Return the organisation for which a key was validator at a height that is known by now, None where it was not."""
    assert 1 <= height <= context.block.height, "later sets are not known in this block"
    terms = context.get(heads.validator(key))
    if terms is None:
        # Neither joined nor left by governance: a founding validator, or none at all.
        members = validators_of(context.get(heads.VALIDATORS))
        index = members.index_of(key)
        return None if index is None else members[index].organisation
    for organisation, first, end in cast("list[tuple[str, int, int | None]]", terms["terms"]):
        if first <= height and (end is None or height < end):
            return organisation
    return None


def _joiner(value: object, what: str) -> _Joiner:
    key, organisation, possession = row(value, what, 3)
    member = Validator(
        fixed(key, "the key that joins", PUBLIC_KEY_BYTES),
        identifier(organisation, "its organisation", ORGANISATION_LENGTH_MAX),
    )
    return member, fixed(possession, "its proof of possession", SIGNATURE_BYTES)


def _require_small_step(
    context: Context, head: Head | None, members: ValidatorSet, join_count: int, leave_count: int
) -> None:
    effective_height = 0 if head is None else cast(int, head.get("effective_height", 0))
    if context.block.height < effective_height:
        raise Rejected(
            ResultCode.VALIDATOR_CHANGE_PENDING, f"the last change is in effect from height {effective_height} on"
        )
    count_max = members.change_members_max
    if join_count > count_max or leave_count > count_max:
        raise Rejected(
            ResultCode.VALIDATOR_CHANGE_TOO_LARGE,
            f"of {len(members)} validators at most {count_max} may leave, and as many join, in one change",
        )


def _require_fit(context: Context, members: ValidatorSet, member: Validator, possession: bytes) -> None:
    key, organisation = member.public_key, member.organisation
    if members.index_of(key) is not None:
        raise Rejected(ResultCode.VALIDATOR_EXISTS, f"{key.hex()} is a validator")
    if not is_public_key(key):
        raise Rejected(ResultCode.KEY_UNACCEPTABLE, f"{key.hex()} is no key that can be trusted to be one")
    require_active(context, organisation)
    if not verify(key, possession_preimage(context.block.chain_id, key, organisation), possession):
        raise Rejected(ResultCode.POSSESSION_UNPROVEN, f"no proof that {organisation} holds {key.hex()}")


def _end_term(context: Context, key: bytes, members: ValidatorSet, effective_height: int) -> None:
    terms = context.get(heads.validator(key))
    if terms is None:
        index = members.index_of(key)
        assert index is not None, "only a validator leaves"
        terms = {"terms": [[members[index].organisation, 1, None]]}
    *earlier, (organisation, first, end) = cast("list[list[Value]]", terms["terms"])
    assert end is None, "the last term of a validator is open"
    context.put(heads.validator(key), {"terms": [*earlier, [organisation, first, effective_height]]})


def _begin_term(context: Context, member: Validator, effective_height: int) -> None:
    terms = context.get(heads.validator(member.public_key))
    earlier = [] if terms is None else cast("list[Value]", terms["terms"])
    begun: list[Value] = [member.organisation, effective_height, None]
    context.put(heads.validator(member.public_key), {"terms": [*earlier, begun]})
