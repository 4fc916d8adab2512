"""What becomes of a hold that was not resolved in time: its money is free again (contracts/expiry.py says when)."""

from typing import Final, cast

from contracts import heads
from contracts.settlement.accounts import count_holds
from contracts.settlement.posting import Sides, add_to_totals
from ledger.state import Head, Overlay

EXPIRED: Final = "expired"


def end_hold(overlay: Overlay, expires_ms: int, identifier: bytes) -> None:
    """Free what a hold held."""
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
