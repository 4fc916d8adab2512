"""Governance: what the organisations that run validators decide together.

One organisation proposes an action, others approve it, and the approval that brings the count above two thirds of the
distinct validator organisations carries it out in the same transaction. If the action itself is rejected then so is
that approval, with the action's code. Approvals count only while their organisation runs a validator and is not
suspended.

Heads: ``proposal`` {proposer, method, arguments, expires_ms, status, approvals}, ``parameters``, ``permission``
{roles}. Who the validators are, and how that changes: contracts/validators.py.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast

from contracts import heads, membership, validators
from contracts.arguments import Arguments, mapping, refuse, row
from contracts.context import Context
from contracts.permissions import ANY_ROLE, DEFAULT_PERMISSIONS, ROLES
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.errors import ShapeError
from ledger.limits import METHOD_LENGTH_MAX
from ledger.parameters import Parameters, parameters_from_value
from ledger.state import Head

Handler = Callable[[Context, dict[str, Value]], Value]

PROPOSAL_ID_BYTES_MAX: Final = 64
_OPEN: Final = "open"
_EXECUTED: Final = "executed"
_WITHDRAWN: Final = "withdrawn"


def propose(context: Context, arguments: dict[str, Value]) -> Value:
    """Propose an action; the proposer approves it by that, which is enough where it is the only organisation."""
    read = Arguments(arguments)
    identifier = read.identifier("id", PROPOSAL_ID_BYTES_MAX)
    method, action_arguments = row(read.required("action"), "action", 2)
    expires_ms = read.integer("expires_ms")
    read.end()
    if type(method) is not str or len(method) > METHOD_LENGTH_MAX:
        refuse("an action is a method and its arguments")
    given = mapping(action_arguments, "the action's arguments", 1_000)
    validators.require_validator(context)
    if context.get(heads.proposal(identifier)) is not None:
        raise Rejected(ResultCode.PROPOSAL_EXISTS, f"{identifier} was proposed")
    if method not in ACTIONS:
        raise Rejected(ResultCode.ACTION_NOT_GOVERNED, f"{method} is not one of {', '.join(ACTIONS)}")
    if expires_ms <= context.block.time_ms:
        raise Rejected(ResultCode.PROPOSAL_EXPIRED, f"{expires_ms} is not after the block's time")
    proposal: Head = {
        "proposer": context.member,
        "method": method,
        "arguments": given,
        "expires_ms": expires_ms,
        "status": _OPEN,
        "approvals": [],
    }
    return _approve(context, identifier, proposal)


def approve(context: Context, arguments: dict[str, Value]) -> Value:
    """Approve a proposal; the approval that completes the quorum carries it out."""
    identifier = _identifier(arguments)
    validators.require_validator(context)
    proposal = _open_proposal(context, identifier)
    if cast(int, proposal["expires_ms"]) <= context.block.time_ms:
        raise Rejected(ResultCode.PROPOSAL_EXPIRED, f"{identifier} expired at {proposal['expires_ms']!r}")
    if context.member in cast("list[str]", proposal["approvals"]):
        raise Rejected(ResultCode.ALREADY_APPROVED, f"{context.member} approved {identifier}")
    return _approve(context, identifier, proposal)


def withdraw(context: Context, arguments: dict[str, Value]) -> Value:
    """Take one's own proposal back."""
    identifier = _identifier(arguments)
    proposal = _open_proposal(context, identifier)
    if proposal["proposer"] != context.member:
        raise Rejected(ResultCode.NOT_PROPOSER, f"{identifier} was proposed by {proposal['proposer']!r}")
    proposal["status"] = _WITHDRAWN
    context.put(heads.proposal(identifier), proposal)
    return None


def set_parameters(context: Context, arguments: dict[str, Value]) -> Value:
    """Change parameters by name, the rest stay; in force from the next block. Founders and governance only."""
    changed = {**cast("dict[str, Value]", parameters_of(context.get(heads.PARAMETERS)).to_value()), **arguments}
    try:
        parameters = parameters_from_value(changed)
    except ShapeError as error:
        raise Rejected(ResultCode.PARAMETERS_UNACCEPTABLE, str(error)) from error
    context.put(heads.PARAMETERS, cast(Head, parameters.to_value()))
    return None


def set_permissions(context: Context, arguments: dict[str, Value]) -> Value:
    """Set the roles that may call methods: {"permissions": {method: [role, ...]}}. Founders and governance only."""
    read = Arguments(arguments)
    permissions = mapping(read.required("permissions"), "permissions", len(DEFAULT_PERMISSIONS))
    read.end()
    for method, roles in sorted(permissions.items()):
        if method not in DEFAULT_PERMISSIONS:
            raise Rejected(ResultCode.PERMISSION_UNKNOWN, f"{method[:METHOD_LENGTH_MAX]} does not go by roles")
        if type(roles) is not list or not all(type(role) is str for role in roles):
            refuse("permissions maps methods to arrays of roles")
        names = sorted(set(cast("list[str]", roles)))
        for role in names:
            if role != ANY_ROLE and role not in ROLES:
                raise Rejected(ResultCode.UNKNOWN_ROLE, f"{role[:40]} is not a role")
        context.put(heads.permission(method), {"roles": cast("list[Value]", names)})
    return None


def parameters_of(head: Head | None) -> Parameters:
    """Return the parameters that their head holds."""
    assert head is not None, "every chain has parameters since its genesis"
    return parameters_from_value(cast(Value, head))


ACTIONS: Final[dict[str, Handler]] = {
    "governance.change_validators": validators.change_validators,
    "governance.set_parameters": set_parameters,
    "governance.set_permissions": set_permissions,
    "membership.add_key": membership.add_key,
    "membership.register_organisation": membership.register_organisation,
    "membership.reinstate_organisation": membership.reinstate_organisation,
    "membership.revoke_key": membership.revoke_key,
    "membership.suspend_organisation": membership.suspend_organisation,
    "membership.update_organisation": membership.update_organisation,
}
"""What a proposal can carry out; the key methods are there so that an organisation that lost its keys can come back."""


def _identifier(arguments: dict[str, Value]) -> str:
    read = Arguments(arguments)
    identifier = read.identifier("id", PROPOSAL_ID_BYTES_MAX)
    read.end()
    return identifier


def _open_proposal(context: Context, identifier: str) -> Head:
    proposal = context.get(heads.proposal(identifier))
    if proposal is None:
        raise Rejected(ResultCode.UNKNOWN_PROPOSAL, f"{identifier} was not proposed")
    if proposal["status"] != _OPEN:
        raise Rejected(ResultCode.PROPOSAL_CLOSED, f"{identifier} was {proposal['status']!r}")
    return proposal


def _approve(context: Context, identifier: str, proposal: Head) -> Value:
    """Count the sender's approval and carry the action out when more than two thirds have approved."""
    approvals = sorted({*cast("list[str]", proposal["approvals"]), context.member})
    proposal["approvals"] = cast("list[Value]", approvals)
    organisations = validators.organisations(context)
    counted = [name for name in approvals if name in organisations and _is_active(context, name)]
    is_carried = 3 * len(counted) > 2 * len(organisations)
    if is_carried:
        # Closed before it runs: the action cannot find its own proposal open.
        proposal["status"] = _EXECUTED
    context.put(heads.proposal(identifier), proposal)
    if is_carried:
        action = ACTIONS[cast(str, proposal["method"])]
        action(replace(context, sender=None, organisation=None), cast("dict[str, Value]", proposal["arguments"]))
    return {"executed": is_carried, "approvals": len(counted), "organisations": len(organisations)}


def _is_active(context: Context, identifier: str) -> bool:
    organisation = context.get(heads.organisation(identifier))
    return organisation is not None and organisation["status"] == membership.ACTIVE
