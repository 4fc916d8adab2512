"""Repairing the ledger of a stopped node: what is damaged here comes from the peers, and nothing is believed.

A new ledger is built beside the damaged one, block by block from genesis: each block is read from the damaged ledger
where that still has it, else asked of the peers, and in either case it must carry its certificate and give the very
roots of its header when it is executed again. At the end the new ledger takes the place of the old one, which is kept
under another name. Whatever interrupts this, it can be run again: the blocks that were built are there.

A damaged safety store cannot be repaired, for nobody else knows what this node signed. It is kept aside and a new one
takes its place, with which the node follows before it votes (node/storage/safety_store.py).
"""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.bootstrap.backfill import broken_history
from node.bootstrap.driver import connected_peers, first_snapshot, staging_directory
from node.bootstrap.peer import Peer
from node.chain import Candidate, Chain, genesis_write
from node.config import NodeConfig, load_config
from node.home import read_genesis
from node.network.asking import PeerError
from node.network.wire import CertifiedBlock
from node.storage.check import check_ledger
from node.storage.database import sync_directory
from node.storage.errors import DamagedError, NotInitialisedError
from node.storage.safety_store import SafetyStore
from node.storage.salvage import Salvage
from node.storage.store import Store

_BLOCKS_PER_QUESTION: Final = 50

Progress = Callable[[str, int, int], None]
"""(what, how many are done, how many there are)"""
Note = Callable[[str], None]
"""Told in words what is done."""


class RepairError(Exception):
    """The ledger cannot be repaired now; the message says why and what to do. What was there is there."""


@dataclass(slots=True)
class Repaired:
    """What a repair found and did; ``fetched`` are the heights that came from peers, paths are None where none was."""

    height: int = 0
    is_ledger_sound: bool = False
    findings: list[str] = field(default_factory=list)
    resumed_height: int = 0
    own_blocks: int = 0
    fetched: list[int] = field(default_factory=list)
    snapshot_height: int | None = None
    ledger_kept: Path | None = None
    safety_kept: Path | None = None


async def repair_home(home: Path, progress: Progress, note: Note) -> Repaired:
    """Repair the stores of a home with the help of its configured peers.

    Raises
    ------
    RepairError
        A block is neither here nor with a peer.
    ConfigError, GenesisError
        The files of the home cannot be used.
    StorageError
        The node runs, or the disk failed.

    """
    config = load_config(home)
    async with connected_peers(config, read_genesis(home)) as peers:
        return await repair_stores(config, peers, progress, note)


async def repair_stores(config: NodeConfig, peers: Sequence[Peer], progress: Progress, note: Note) -> Repaired:
    """Do what ``repair_home`` does, with these peers."""
    repaired = Repaired()
    with ExitStack() as stack:
        # Held all the time, so that no node starts on the directories that are being exchanged.
        safety = _usable_safety(config, repaired, note)
        stack.callback(safety.close)
        voted = 0 if safety.last_vote is None else safety.last_vote[0]
        store = _sound_ledger(config, repaired, progress)
        builder = _Builder(config, peers, voted, progress, note, repaired)
        if store is None:
            await builder.rebuild()
            return repaired
        stack.callback(store.close)
        repaired.is_ledger_sound = store.tip.height >= voted - 1
        if not repaired.is_ledger_sound:
            await builder.extend(store, None, voted - 1)
        repaired.height = store.tip.height
    return repaired


def _usable_safety(config: NodeConfig, repaired: Repaired, note: Note) -> SafetyStore:
    directory = config.safety_directory
    try:
        return SafetyStore.open(directory)
    except NotInitialisedError:
        note(f"there is no safety store in {directory}; a new one is made")
    except DamagedError as error:
        repaired.safety_kept = _move_aside(directory)
        note(f"{error}; it is kept as {repaired.safety_kept}, and a new one is made")
    return SafetyStore.open(directory, create=True)


def _sound_ledger(config: NodeConfig, repaired: Repaired, progress: Progress) -> Store | None:
    """Return the open ledger where nothing is wrong with it, else None with the findings."""
    try:
        store = Store.open(config.ledger_directory, read_genesis(config.home).chain_id)
    except NotInitialisedError as error:
        repaired.findings.append(str(error))
        return None
    except DamagedError as error:
        repaired.findings.append(str(error))
        return None
    repaired.findings = full_check(store, progress)
    if repaired.findings:
        store.close()
        return None
    return store


def full_check(store: Store, progress: Progress) -> list[str]:
    """Return all that is wrong with a ledger, in words; where every body is here, the histories are read as well."""
    findings = check_ledger(store, progress)
    if not findings and store.earliest_height == 0:
        broken = broken_history(store)
        if broken is not None:
            findings.append(f"the history of the head {broken!r} does not give the chain that it holds")
    return findings


class _Builder:
    """Builds a ledger out of the blocks that can still be read and those that peers give."""

    def __init__(
        self,
        config: NodeConfig,
        peers: Sequence[Peer],
        voted_height: int,
        progress: Progress,
        note: Note,
        repaired: Repaired,
    ) -> None:
        self._config = config
        self._genesis = read_genesis(config.home)
        self._peers = list(peers)
        self._voted_height = voted_height
        self._progress = progress
        self._note = note
        self._repaired = repaired

    async def rebuild(self) -> None:
        """Build a whole ledger and put it into the place of the damaged one."""
        staging = self._config.repair_directory
        store = self._staged(staging)
        try:
            salvage = self._salvage()
            try:
                target = max(self._voted_height - 1, 0 if salvage is None else salvage.tip_height or 0)
                try:
                    await self.extend(store, salvage, target)
                except RepairError as error:
                    store.close()
                    if not await self._take_snapshot(staging):
                        raise
                    self._note(f"{error}; the state of the peers was taken instead of older blocks")
                    store = Store.open(staging, self._genesis.chain_id)
                    await self.extend(store, salvage, target)
            finally:
                if salvage is not None:
                    salvage.close()
            self._repaired.height = store.tip.height
        finally:
            store.close()
        self._put_in_place(staging)

    async def extend(self, store: Store, salvage: Salvage | None, target: int) -> None:
        """Add blocks to a sound ledger until ``target`` at least, and those beyond it that can still be read.

        The block that this node voted on last may be decided: it is taken where a peer has it, and not missed else.
        """
        chain = Chain(store)
        while True:
            height = store.tip.height + 1
            own = None if salvage is None else salvage.block(height)
            if own is not None and self._commit(chain, CertifiedBlock(*own)) is None:
                self._repaired.own_blocks += 1
            elif height <= target:
                await self._fetch(chain, height, self._last_unreadable(salvage, height, target))
            elif height == self._voted_height:
                with suppress(RepairError):
                    await self._fetch(chain, height, height)
                return
            else:
                return
            self._progress("blocks", store.tip.height, max(target, store.tip.height))

    def _staged(self, staging: Path) -> Store:
        """Return the ledger that an interrupted repair left, or a new one with block 0."""
        if staging.exists():
            try:
                store = Store.open(staging, self._genesis.chain_id)
            except (DamagedError, NotInitialisedError):
                shutil.rmtree(staging)
            else:
                self._repaired.resumed_height = store.tip.height
                return store
        return Store.create(staging, genesis_write(self._genesis))

    def _salvage(self) -> Salvage | None:
        try:
            return Salvage(self._config.ledger_directory)
        except (DamagedError, OSError):
            self._note("nothing of the damaged ledger can be read; all blocks come from the peers")
            return None

    def _last_unreadable(self, salvage: Salvage | None, height: int, target: int) -> int:
        last = height
        while last < min(target, height + _BLOCKS_PER_QUESTION - 1) and (
            salvage is None or salvage.block(last + 1) is None
        ):
            last += 1
        return last

    def _commit(self, chain: Chain, block: CertifiedBlock) -> str | None:
        """Execute and write a block; return the rule that it breaks, None where it breaks none."""
        verdict = chain.check_certified(block.header, block.certificate, block.transactions)
        if not isinstance(verdict, Candidate):
            return verdict
        chain.commit(verdict, block.certificate)
        return None

    async def _fetch(self, chain: Chain, first: int, last: int) -> None:
        """Take blocks from the first peer that has a good one; raises RepairError where none has."""
        reasons = []
        for peer in self._peers:
            try:
                blocks = await peer.blocks(first, last)
            except PeerError as error:
                reasons.append(str(error))
                continue
            for block in blocks:
                broken = self._commit(chain, block)
                if broken is not None:
                    self._note(f"block {block.header.height} of {peer.config.url} breaks the rule {broken}")
                    break
                self._repaired.fetched.append(chain.tip.height)
            if chain.tip.height >= first:
                return
            reasons.append(f"{peer.config.url} has no good block {first}")
        raise RepairError(
            f"block {first} can neither be read here nor fetched: {'; '.join(reasons) or 'no peer is configured'}. "
            f"Start the peers and run the repair again; it goes on where it stopped"
        )

    async def _take_snapshot(self, staging: Path) -> bool:
        """Put the state of a peer into the place of what was built; without one, what was built stays."""
        fetched = await first_snapshot(
            self._config,
            self._genesis,
            self._peers,
            lambda what, count, total: self._progress(what, count, total or 0),
            self._note,
        )
        if fetched is None:
            return False
        shutil.rmtree(staging)
        staging_directory(self._config).rename(staging)
        self._repaired.snapshot_height = fetched.tip.height
        self._repaired.own_blocks = 0
        self._repaired.fetched.clear()
        return True

    def _put_in_place(self, staging: Path) -> None:
        """Exchange the directories; between the two renames there is none, which the next repair sees and finishes."""
        if self._config.ledger_directory.exists():
            self._repaired.ledger_kept = _move_aside(self._config.ledger_directory)
        staging.rename(self._config.ledger_directory)
        sync_directory(self._config.home)


def _move_aside(directory: Path) -> Path:
    """Rename a damaged directory to one that says so and since when; return its new path."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = directory.with_name(f"{directory.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = directory.with_name(f"{directory.name}.damaged-{stamp}-{number}")
    directory.rename(aside)
    sync_directory(directory.parent)
    return aside
