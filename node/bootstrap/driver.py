"""When a node fetches a snapshot, from whom, and how it comes into the ledger's place.

A node asks its peers before it starts. It takes a snapshot where it is too far behind to execute block by block, or
where the peers gave up the transactions that it would need for that.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ledger.genesis import Genesis
from node.bootstrap.fetch import Fetched, Progress, fetch_snapshot
from node.bootstrap.headers import BootstrapError
from node.bootstrap.peer import Peer
from node.bootstrap.wire import Tip
from node.config import NodeConfig
from node.network.asking import PeerError, peer_session
from node.storage.database import sync_directory

_STAGING_NAME: Final = "ledger.fetching"
_REPLACED_NAME: Final = "ledger.replaced"

Note = Callable[[str], None]
"""Told in words what is done."""


@asynccontextmanager
async def connected_peers(config: NodeConfig, genesis: Genesis) -> AsyncIterator[list[Peer]]:
    """Give the configured peers as those whom to ask for a snapshot."""
    async with peer_session(genesis.chain_id) as session:
        yield [Peer(session, peer) for peer in config.peers]


async def peers_to_ask(
    peers: Sequence[Peer], own_height: int, behind_blocks_max: int, faults_tolerated: int
) -> list[Peer]:
    """Return the peers whose snapshot would help, the furthest first; none where blocks one by one will do.

    What ``faults_tolerated`` peers claim alone is not believed.
    """
    tips = await asyncio.gather(*(_tip(peer) for peer in peers))
    answered = [(peer, tip) for peer, tip in zip(peers, tips, strict=True) if tip is not None]
    answered.sort(key=lambda entry: -entry[1].header.height)
    if len(answered) <= faults_tolerated:
        return []
    network_height = answered[faults_tolerated][1].header.height
    ahead = [(peer, tip) for peer, tip in answered if tip.header.height > own_height]
    can_execute = any(tip.earliest_height <= own_height + 1 for _, tip in ahead)
    if network_height <= own_height or (can_execute and network_height - own_height <= behind_blocks_max):
        return []
    return [peer for peer, _ in ahead]


async def replace_ledger(
    config: NodeConfig, genesis: Genesis, peers: Sequence[Peer], progress: Progress, note: Note
) -> bool:
    """Put the first good snapshot of these peers into the ledger's place; return whether there was one.

    The ledger must not be open. What stood in its place is kept beside it until the next snapshot.

    Raises
    ------
    StorageError
        The disk failed.

    """
    fetched = await first_snapshot(config, genesis, peers, progress, note)
    if fetched is None:
        return False
    replaced = config.home / _REPLACED_NAME
    shutil.rmtree(replaced, ignore_errors=True)
    if config.ledger_directory.exists():
        config.ledger_directory.rename(replaced)
    staging_directory(config).rename(config.ledger_directory)
    sync_directory(config.home)
    note(_summary(fetched))
    return True


async def first_snapshot(
    config: NodeConfig, genesis: Genesis, peers: Sequence[Peer], progress: Progress, note: Note
) -> Fetched | None:
    """Fetch the first good snapshot of these peers into ``staging_directory``; None, and no directory, without one.

    Raises
    ------
    StorageError
        The disk failed.

    """
    staging = staging_directory(config)
    for peer in peers:
        note(f"fetching a snapshot from {peer.config.url}")
        try:
            return await fetch_snapshot(staging, genesis, peer, progress)
        except (BootstrapError, PeerError) as error:
            note(f"the snapshot of {peer.config.url} cannot be used: {error}")
    shutil.rmtree(staging, ignore_errors=True)
    return None


def staging_directory(config: NodeConfig) -> Path:
    """Return where a snapshot is put while it is fetched."""
    return config.home / _STAGING_NAME


def finish_interrupted(config: NodeConfig) -> None:
    """Put the old ledger back where the power failed between the two renames that replace it."""
    replaced = config.home / _REPLACED_NAME
    if not config.ledger_directory.exists() and replaced.exists():
        replaced.rename(config.ledger_directory)
        sync_directory(config.home)


async def _tip(peer: Peer) -> Tip | None:
    try:
        return await peer.tip()
    except PeerError:
        return None


def _summary(fetched: Fetched) -> str:
    return (
        f"the state of block {fetched.tip.height} is here and checked; transactions from block "
        f"{fetched.earliest_height} on are here, earlier ones are fetched while the node runs"
    )
