"""Expiry: what was held and not resolved in time is freed at the start of the block, before any transaction.

So nobody ever sees a hold that is over, and a resolve in a block whose time has reached the expiry finds it expired,
whatever else is in the block. Due holds end in the order of (expiry, id), all of them: how many there can be is bounded
where they are placed. The heads change without a record of theirs, since records belong to transactions: that a hold
is over follows from its own record and the block's time (docs/adr/0010).
"""

from collections.abc import Iterator
from typing import Final, cast

from contracts import heads
from contracts.context import BlockContext
from contracts.settlement.accounts import count_holds
from contracts.settlement.posting import Sides, add_to_totals
from ledger.state import Head, HeadSource, Overlay, split_key

EXPIRED: Final = "expired"


def next_expiry_ms(source: HeadSource) -> int | None:
    """Return the time (UTC) at which the next of the committed holds expires, or None where none is held."""
    return next((expires_ms for expires_ms, _ in _committed(source)), None)


def expire_due(block: BlockContext, source: HeadSource, overlay: Overlay) -> None:
    """Free every hold whose expiry is not after the block's time."""
    for expires_ms, identifier in _committed(source):
        if expires_ms > block.time_ms:
            return
        _expire(overlay, expires_ms, identifier)


def _committed(source: HeadSource) -> Iterator[tuple[int, bytes]]:
    """Yield (expiry, id) of the committed holds, the earliest first."""
    for key, _ in source.heads(heads.EXPIRY_PREFIX):
        _, expires_ms, identifier = split_key(key)
        yield int(expires_ms), bytes.fromhex(identifier)


def _expire(overlay: Overlay, expires_ms: int, identifier: bytes) -> None:
    held = _there(overlay, heads.held_amount(identifier))
    debit_key, credit_key = (heads.account(cast(str, held[side])) for side in ("debit", "credit"))
    sides = Sides(_there(overlay, debit_key), _there(overlay, credit_key), debit_key, credit_key)
    add_to_totals(sides, "pending", -cast(int, held["amount"]))
    count_holds(sides.debit, -1)
    overlay.put(debit_key, sides.debit)
    overlay.put(credit_key, sides.credit)
    overlay.put(heads.held_amount(identifier), {**held, "status": EXPIRED})
    overlay.delete(heads.expiry(expires_ms, identifier))


def _there(overlay: Overlay, key: bytes) -> Head:
    head = overlay.get(key)
    assert head is not None, f"a hold names a head that is not there: {key!r}"
    return head
