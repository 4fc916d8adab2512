"""Inner codes: a code that is hidden in the package of one piece, committed to beforehand and told once.

The ledger has a hash of it, from which nobody finds a code of 80 bits, so whoever scratches it free can compare it
without telling anybody. Revealing it puts the code itself on the ledger: it is used up then, and whoever comes with it
later is told when that was.

Heads: ``inner_code`` {organisation, commitment, committed_ms, revealed_ms?, revealed_by?, code?, count, chain}.
"""

from typing import Final

from contracts import heads
from contracts.arguments import Arguments, fixed, identifier, refuse, row
from contracts.context import Context
from contracts.identity.links import require_own_product
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.hashing import tagged_hash

CODES_MAX: Final = 1_000
CODE_BYTES: Final = 10


def inner_code_commitment(identifier_: str, code: bytes) -> bytes:
    """Return what the ledger holds of a code (10 bytes) before it is revealed; the id is what keeps it to one piece."""
    return tagged_hash("inner_code", code, identifier_.encode())


def commit_codes(context: Context, arguments: dict[str, Value]) -> Value:
    """Commit to the inner codes of pieces of one's own products; none is ever exchanged."""
    read = Arguments(arguments)
    codes = read.listed("codes", CODES_MAX, _commitment)
    read.end()
    if not codes or len({name for name, _ in codes}) != len(codes):
        refuse("codes are 1 or more, no piece twice")
    for name, commitment in codes:
        require_own_product(context, name)
        key = heads.inner_code(name)
        if context.get(key) is not None:
            raise Rejected(ResultCode.INNER_CODE_EXISTS, f"{name} has an inner code")
        made: dict[str, Value] = {
            "organisation": context.member,
            "commitment": commitment,
            "committed_ms": context.block.time_ms,
        }
        context.record(key, made)
    return None


def reveal_code(context: Context, arguments: dict[str, Value]) -> Value:
    """Use up the inner code of a piece."""
    read = Arguments(arguments)
    name = read.identifier("id")
    code = read.fixed("code", CODE_BYTES)
    read.end()
    head = context.get(heads.inner_code(name))
    if head is None:
        raise Rejected(ResultCode.UNKNOWN_INNER_CODE, f"{name} has no inner code")
    if inner_code_commitment(name, code) != head["commitment"]:
        raise Rejected(ResultCode.INNER_CODE_WRONG, f"it is not the code inside {name}")
    if "revealed_ms" in head:
        raise Rejected(ResultCode.INNER_CODE_REVEALED, f"it was revealed at {head['revealed_ms']!r} ms")
    head.update(code=code, revealed_ms=context.block.time_ms, revealed_by=context.member)
    context.record(heads.inner_code(name), head)
    return None


def _commitment(value: object, what: str) -> tuple[str, bytes]:
    name, commitment = row(value, what, 2)
    return identifier(name, what), fixed(commitment, what, 32)
