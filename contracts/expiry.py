"""Expiry: what is over ends at the start of the block, before any transaction (docs/adr/0010).

So nobody ever reads as open what is over: holds of money, and offers of goods. What is due ends in the order of
(expiry, id), holds first, all of it: how much there can be is bounded where it is placed. The heads change without a
record of theirs, since records belong to transactions: that something is over follows from the operation that placed it
and the block's time.
"""

from collections.abc import Iterator
from typing import Final

from contracts import heads
from contracts.context import BlockContext
from contracts.provenance import custody
from contracts.settlement import expiry as holds
from ledger.state import HeadSource, Overlay, split_key

_PREFIXES: Final = (heads.EXPIRY_PREFIX, heads.OFFER_EXPIRY_PREFIX)


def next_expiry_ms(source: HeadSource) -> int | None:
    """Return the time (UTC) at which the next of what is committed is over, or None where nothing ends by time."""
    firsts = (next(_committed(source, prefix), None) for prefix in _PREFIXES)
    return min((first[0] for first in firsts if first is not None), default=None)


def expire_due(block: BlockContext, source: HeadSource, overlay: Overlay) -> None:
    """End everything whose expiry is not after the block's time."""
    for expires_ms, identifier in _due(block, source, heads.EXPIRY_PREFIX):
        holds.end_hold(overlay, expires_ms, bytes.fromhex(identifier))
    for expires_ms, identifier in _due(block, source, heads.OFFER_EXPIRY_PREFIX):
        custody.end_offer(overlay, expires_ms, identifier)


def _due(block: BlockContext, source: HeadSource, prefix: bytes) -> Iterator[tuple[int, str]]:
    for expires_ms, identifier in _committed(source, prefix):
        if expires_ms > block.time_ms:
            return
        yield expires_ms, identifier


def _committed(source: HeadSource, prefix: bytes) -> Iterator[tuple[int, str]]:
    """Yield (expiry, id) of what is committed, the earliest first."""
    for key, _ in source.heads(prefix):
        _, expires_ms, identifier = split_key(key)
        yield int(expires_ms), identifier
