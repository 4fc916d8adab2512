"""Who a key stands for at a block's time, and whether the chain's permissions let that organisation call a method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.membership import ACTIVE
from contracts.permissions import ANY_ROLE
from contracts.results import Rejected, ResultCode
from ledger.state import Head

Read = Callable[[bytes], Head | None]
"""How a head is read: ``Overlay.get`` or ``Context.get``."""

_SIGNING_PURPOSES: Final = frozenset({"admin", "operator"})


@dataclass(frozen=True, slots=True)
class Standing:
    """The organisation of a key, with the roles that it has; ``methods`` are all that the key may call, or None."""

    organisation: str
    roles: frozenset[str]
    purpose: str
    methods: frozenset[str] | None

    def is_delegated(self, method: str) -> bool:
        """Return whether the key is one for this method; most keys are for all."""
        return self.methods is None or not self.methods.isdisjoint({method, method.partition(".")[0] + ".*"})


def standing_of(read: Read, public_key: bytes, time_ms: int) -> Standing | Rejected:
    """Return who a key stands for at ``time_ms`` (UTC), or why it stands for nobody.

    Checks, first match wins: UNKNOWN_KEY, KEY_REVOKED, KEY_NOT_YET_VALID, KEY_EXPIRED, ORGANISATION_SUSPENDED.
    """
    key = read(heads.public_key(public_key))
    if key is None:
        return Rejected(ResultCode.UNKNOWN_KEY, f"{public_key.hex()} is not registered")
    if "revoked_ms" in key:
        return Rejected(ResultCode.KEY_REVOKED, f"{public_key.hex()} was revoked at {key['revoked_ms']!r}")
    if time_ms < cast(int, key.get("valid_from_ms", 0)):
        return Rejected(ResultCode.KEY_NOT_YET_VALID, f"{public_key.hex()} is valid from {key['valid_from_ms']!r}")
    valid_until_ms = key.get("valid_until_ms")
    if valid_until_ms is not None and time_ms >= cast(int, valid_until_ms):
        return Rejected(ResultCode.KEY_EXPIRED, f"{public_key.hex()} was valid until {valid_until_ms!r}")
    identifier = cast(str, key["organisation"])
    organisation = read(heads.organisation(identifier))
    assert organisation is not None, "a registered key has an organisation"
    if organisation["status"] != ACTIVE:
        return Rejected(ResultCode.ORGANISATION_SUSPENDED, f"{identifier} is suspended")
    methods = key.get("methods")
    return Standing(
        organisation=identifier,
        roles=frozenset(cast("list[str]", organisation["roles"])),
        purpose=cast(str, key["purpose"]),
        methods=None if methods is None else frozenset(cast("list[str]", methods)),
    )


def lacking_role(read: Read, standing: Standing, method: str) -> Rejected | None:
    """Return why the organisation's roles do not let it call a method, or None.

    A chain that began before the method did has no permission for it: nobody may call it until governance says who.
    """
    permission = read(heads.permission(method))
    roles = [] if permission is None else cast("list[str]", permission["roles"])
    if ANY_ROLE in roles or not standing.roles.isdisjoint(roles):
        return None
    return Rejected(ResultCode.ROLE_REQUIRED, f"{method} needs one of the roles {', '.join(roles) or '(none)'}")


def signs_for(read: Read, public_key: bytes, organisation: str, method: str, time_ms: int) -> bool:
    """Say whether a key may sign what an organisation says outside of transactions, by a method that goes with it.

    It is an admin or operator key of that organisation, in force, and could call the method.
    """
    standing = standing_of(read, public_key, time_ms)
    return (
        not isinstance(standing, Rejected)
        and standing.organisation == organisation
        and standing.purpose in _SIGNING_PURPOSES
        and standing.is_delegated(method)
        and lacking_role(read, standing, method) is None
    )
