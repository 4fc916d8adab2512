"""Membership: organisations, their roles and their keys.

Organisations come in by the founders or by governance. After that an organisation looks after its own keys: admin keys
add and revoke others, operator keys work, device keys may call the listed methods alone. One lasting, unlimited admin
key always remains, so that nobody can lock themselves out.

Heads: ``organisation`` {name, roles, status, admin_keys, keys, registered_ms, gln?, lei?, country?} and ``key``
{organisation, purpose, added_ms, methods?, valid_from_ms?, valid_until_ms?, label?, revoked_ms?}.
"""

import re
from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, pattern, refuse
from contracts.context import Context
from contracts.identifiers import COUNTRY, optional_gln, optional_lei
from contracts.permissions import ROLES
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, is_public_key, signed_preimage, verify
from ledger.state import Head

KEYS_MAX: Final = 1_000
METHODS_MAX: Final = 32
PURPOSES: Final = frozenset({"admin", "operator", "device"})
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"

_METHOD_PATTERN: Final = re.compile(r"[a-z_]{1,30}\.(?:[a-z_]{1,33}|\*)")


def register_organisation(context: Context, arguments: dict[str, Value]) -> Value:
    """Add an organisation with its first admin key. Founders and governance only."""
    read = Arguments(arguments)
    identifier = read.identifier("id", ORGANISATION_LENGTH_MAX)
    details = _details(read, name=read.text("name", 200))
    roles = _roles(read)
    admin_key = read.fixed("admin_key", PUBLIC_KEY_BYTES)
    read.end()
    if context.get(heads.organisation(identifier)) is not None:
        raise Rejected(ResultCode.ORGANISATION_EXISTS, f"{identifier} is registered")
    organisation: Head = {
        **details,
        "roles": list(roles),
        "status": ACTIVE,
        "admin_keys": [],
        "keys": 0,
        "registered_ms": context.block.time_ms,
    }
    _register_key(context, identifier, organisation, admin_key, {"purpose": "admin"})
    return None


def update_organisation(context: Context, arguments: dict[str, Value]) -> Value:
    """Change an organisation's public details: its admin its own, governance anyone's and the roles besides."""
    read = Arguments(arguments)
    identifier = acting_organisation(context, read, "id")
    changes = _details(read, name=read.optional_text("name", 200))
    if read.has("roles"):
        roles = _roles(read)
        if not context.has_authority:
            raise Rejected(ResultCode.AUTHORITY_REQUIRED, "an organisation cannot give itself roles")
        changes["roles"] = list(roles)
    read.end()
    organisation = _organisation(context, identifier)
    organisation.update(changes)
    context.record(heads.organisation(identifier), organisation)
    return None


def suspend_organisation(context: Context, arguments: dict[str, Value]) -> Value:
    """Take an organisation's keys out of use until it is reinstated. Founders and governance only."""
    return _set_status(context, arguments, ACTIVE, SUSPENDED, ResultCode.ALREADY_SUSPENDED)


def reinstate_organisation(context: Context, arguments: dict[str, Value]) -> Value:
    """End a suspension. Founders and governance only."""
    return _set_status(context, arguments, SUSPENDED, ACTIVE, ResultCode.NOT_SUSPENDED)


def add_key(context: Context, arguments: dict[str, Value]) -> Value:
    """Register a key that has proved, by a signature over the organisation's id, that somebody holds it.

    The proof signs ``signed_preimage("possession", chain id, organisation id)``. The founders leave it out at genesis,
    where the chain id is not known yet. Nobody can register the same key twice, which keeps a leaked and revoked key
    from coming back.
    """
    read = Arguments(arguments)
    identifier = acting_organisation(context, read)
    key = read.fixed("key", PUBLIC_KEY_BYTES)
    proof = read.optional_fixed("proof", SIGNATURE_BYTES)
    fields = _key_fields(read)
    read.end()
    organisation = _organisation(context, identifier)
    _require_no_escalation(context, fields)
    if not (proof is None and context.block.height == 0):
        message = signed_preimage("possession", context.block.chain_id, identifier.encode())
        if proof is None or not verify(key, message, proof):
            raise Rejected(ResultCode.POSSESSION_UNPROVEN, f"no proof that {identifier} holds {key.hex()}")
    _register_key(context, identifier, organisation, key, fields)
    return None


def revoke_key(context: Context, arguments: dict[str, Value]) -> Value:
    """Take a key out of use for good."""
    read = Arguments(arguments)
    identifier = acting_organisation(context, read)
    key = read.fixed("key", PUBLIC_KEY_BYTES)
    read.end()
    organisation = _organisation(context, identifier)
    head = context.get(heads.public_key(key))
    if head is None:
        raise Rejected(ResultCode.KEY_NOT_FOUND, f"{key.hex()} is not registered")
    if head["organisation"] != identifier:
        raise Rejected(ResultCode.KEY_OF_ANOTHER, f"{key.hex()} belongs to {head['organisation']!r}")
    if "revoked_ms" in head:
        raise Rejected(ResultCode.KEY_ALREADY_REVOKED, f"{key.hex()} was revoked at {head['revoked_ms']!r}")
    admin_keys = cast("list[bytes]", organisation["admin_keys"])
    if key in admin_keys:
        if len(admin_keys) == 1:
            raise Rejected(ResultCode.LAST_ADMIN_KEY, f"{identifier} has no other lasting admin key")
        organisation["admin_keys"] = [other for other in admin_keys if other != key]
    context.record(heads.organisation(identifier), organisation)
    head["revoked_ms"] = context.block.time_ms
    context.put(heads.public_key(key), head)
    return None


def acting_organisation(context: Context, read: Arguments, name: str = "organisation") -> str:
    """Return the organisation that the operation is for: the signer's own, or with authority the one named."""
    if context.has_authority:
        return read.identifier(name, ORGANISATION_LENGTH_MAX)
    named = read.optional_identifier(name, ORGANISATION_LENGTH_MAX)
    if named not in (None, context.member):
        raise Rejected(ResultCode.AUTHORITY_REQUIRED, f"{context.member} cannot act for {named}")
    return context.member


def require_active(context: Context, identifier: str) -> None:
    """Reject unless the organisation is registered and not suspended."""
    if _organisation(context, identifier)["status"] != ACTIVE:
        raise Rejected(ResultCode.ORGANISATION_SUSPENDED, f"{identifier} is suspended")


def _organisation(context: Context, identifier: str) -> Head:
    organisation = context.get(heads.organisation(identifier))
    if organisation is None:
        raise Rejected(ResultCode.UNKNOWN_ORGANISATION, f"{identifier} is not registered")
    return organisation


def _details(read: Arguments, *, name: str | None) -> Head:
    found = {
        "name": name,
        "gln": optional_gln(read),
        "lei": optional_lei(read),
        "country": read.optional_pattern("country", COUNTRY),
    }
    return {field: value for field, value in found.items() if value is not None}


def _roles(read: Arguments) -> tuple[str, ...]:
    read_role = re.compile(r"[a-z_]{1,40}")
    roles = sorted(set(read.listed("roles", len(ROLES), lambda value, what: pattern(value, what, read_role))))
    for role in roles:
        if role not in ROLES:
            raise Rejected(ResultCode.UNKNOWN_ROLE, f"{role} is not one of {', '.join(sorted(ROLES))}")
    return tuple(roles)


def _key_fields(read: Arguments) -> Head:
    fields: Head = {"purpose": read.choice("purpose", PURPOSES)}
    methods = read.listed("methods", METHODS_MAX, lambda value, what: pattern(value, what, _METHOD_PATTERN))
    if methods:
        fields["methods"] = cast("list[Value]", sorted(set(methods)))
    elif fields["purpose"] == "device":
        refuse("a device key lists the methods that it may call")
    valid_from_ms = read.optional_integer("valid_from_ms")
    valid_until_ms = read.optional_integer("valid_until_ms")
    if valid_until_ms is not None and valid_until_ms <= (valid_from_ms or 0):
        refuse("valid_until_ms is after valid_from_ms")
    optional = {
        "valid_from_ms": valid_from_ms,
        "valid_until_ms": valid_until_ms,
        "label": read.optional_text("label", 100),
    }
    fields.update({field: value for field, value in optional.items() if value is not None})
    return fields


def _require_no_escalation(context: Context, fields: Head) -> None:
    """Reject a key that could do more than the limited key that adds it."""
    if context.sender is None:
        return
    sender = context.get(heads.public_key(context.sender))
    assert sender is not None, "the sender was judged by its head"
    if "methods" not in sender:
        return
    own = frozenset(cast("list[str]", sender["methods"]))
    wanted = cast("list[str]", fields.get("methods", ["*.*"]))
    for method in wanted:
        if method not in own and method.partition(".")[0] + ".*" not in own:
            raise Rejected(ResultCode.METHOD_NOT_DELEGATED, f"a key limited to {', '.join(sorted(own))} adds {method}")


def _register_key(context: Context, identifier: str, organisation: Head, key: bytes, fields: Head) -> None:
    """Put the key's head and the organisation's, which counts its keys and knows its lasting admin keys."""
    if not is_public_key(key):
        raise Rejected(ResultCode.KEY_UNACCEPTABLE, f"{key.hex()} is no key that can be trusted to be one")
    if context.get(heads.public_key(key)) is not None:
        raise Rejected(ResultCode.KEY_EXISTS, f"{key.hex()} is registered")
    count = cast(int, organisation["keys"])
    if count >= KEYS_MAX:
        raise Rejected(ResultCode.TOO_MANY_KEYS, f"{identifier} has registered {count} keys")
    organisation["keys"] = count + 1
    lasting = not fields.keys() & {"methods", "valid_from_ms", "valid_until_ms"}
    if fields["purpose"] == "admin" and lasting:
        organisation["admin_keys"] = [*cast("list[Value]", organisation["admin_keys"]), key]
    context.record(heads.organisation(identifier), organisation)
    added: Head = {"organisation": identifier, "added_ms": context.block.time_ms, **fields}
    context.put(heads.public_key(key), added)


def _set_status(context: Context, arguments: dict[str, Value], before: str, after: str, otherwise: ResultCode) -> Value:
    read = Arguments(arguments)
    identifier = read.identifier("id", ORGANISATION_LENGTH_MAX)
    read.end()
    organisation = _organisation(context, identifier)
    if organisation["status"] != before:
        raise Rejected(otherwise, f"{identifier} is {organisation['status']!r}")
    organisation["status"] = after
    context.record(heads.organisation(identifier), organisation)
    return None
