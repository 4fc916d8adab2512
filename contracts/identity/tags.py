"""NFC tags: which piece a tag was put on, said once by whoever registered the product.

The ledger has the tag's UID and the number of its key, never a key: whether a message was made by the tag is checked by
whoever holds the key, and then this says which piece the tag belongs to.

Heads: ``tag`` {organisation, id, key_version, bound_ms, count, chain}.
"""

from typing import Final

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.identity.links import require_own_product
from contracts.results import Rejected, ResultCode
from ledger.codec import Value

UID_BYTES: Final = 7
KEY_VERSION_MAX: Final = 255


def bind_tag(context: Context, arguments: dict[str, Value]) -> Value:
    """Say that a tag is on a piece of one's own product; it is never moved to another."""
    read = Arguments(arguments)
    uid = read.fixed("uid", UID_BYTES)
    name = read.identifier("id")
    key_version = read.integer("key_version", 0, KEY_VERSION_MAX)
    read.end()
    require_own_product(context, name)
    if context.get(heads.tag(uid)) is not None:
        raise Rejected(ResultCode.TAG_EXISTS, f"tag {uid.hex()} is on a piece")
    bound: dict[str, Value] = {
        "organisation": context.member,
        "id": name,
        "key_version": key_version,
        "bound_ms": context.block.time_ms,
    }
    context.record(heads.tag(uid), bound)
    return None
