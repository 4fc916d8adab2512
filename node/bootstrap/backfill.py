"""What a snapshot left out: the transactions of earlier blocks, fetched downwards while the node runs.

Each body is checked against its header, which the snapshot's chain of headers made certain. When all are there the
histories of the heads are read once and compared with the chains in the heads, for their index came unproven.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, cast

from ledger.codec import decode_own
from ledger.hashing import ZERO_HASH
from ledger.state import CHAIN_FIELD, COUNT_FIELD, next_chain
from node.bootstrap.bodies import checked_body_rows
from node.bootstrap.headers import BootstrapError
from node.bootstrap.peer import Peer
from node.network.asking import JunkError, PeerError
from node.storage.store import Store

_BLOCKS_PER_QUESTION: Final = 50
_PAUSE_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 5.0


async def fill_back(
    store: Store,
    peers: Sequence[Peer],
    down_to: Callable[[], int],
    note: Callable[[str], None],
    dropped: Callable[[str], None],
) -> None:
    """Fetch the bodies below the earliest that is here, down to a height that may rise meanwhile.

    ``note`` is told in words what a peer could not give, ``dropped`` the reason where it gave something else.

    Raises
    ------
    StorageError
        The disk failed.

    """
    count = _BLOCKS_PER_QUESTION
    while store.earliest_height > max(1, down_to()):
        last = store.earliest_height - 1
        first = max(1, down_to(), last - count + 1)
        for peer in peers:
            if await _filled(store, peer, first, last, note, dropped):
                count = _BLOCKS_PER_QUESTION
                break
        else:
            # Nobody gave them all: too much for one answer, or not there at all.
            if first == last:
                await asyncio.sleep(_PATIENCE_SECONDS)
            count = max(1, (last - first + 1) // 2)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _filled(
    store: Store, peer: Peer, first: int, last: int, note: Callable[[str], None], dropped: Callable[[str], None]
) -> bool:
    try:
        bodies = await peer.bodies(first, last)
        if len(bodies) != last - first + 1:
            return False
        for height in range(last, first - 1, -1):
            header = store.header(height)
            assert header is not None, "the headers of all blocks are here"
            store.fill_back(height, checked_body_rows(header, bodies[height - first]))
    except (PeerError, BootstrapError) as error:
        if isinstance(error, BootstrapError):
            dropped(error.rule)
        elif isinstance(error, JunkError):
            dropped(error.reason)
        note(f"the transactions of blocks {first} to {last} from {peer.config.url} cannot be used: {error}")
        return False
    return True


def broken_history(store: Store) -> bytes | None:
    """Return the key of a head whose indexed records do not give the chain that it holds, or None where all do.

    Every body must be there. It reads everything once, which takes a while; blocks may go on.
    """
    for key, encoded in store.heads(b""):
        head = cast("dict[str, object]", decode_own(encoded))
        if CHAIN_FIELD not in head:
            continue
        chain, wanted = ZERO_HASH, cast(int, head[COUNT_FIELD])
        count = 0
        for count, record in enumerate(store.history(key), 1):
            block = store.encoded_block(record.height)
            assert block is not None, "a record is of a block that is here"
            try:
                chain = next_chain(chain, block.record_hash(record), count)
            except IndexError:
                return key
            if count == wanted:
                break
        if count != wanted or chain != head[CHAIN_FIELD]:
            return key
    return None
