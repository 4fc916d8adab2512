"""A home with a ledger of real blocks, made without a running node: one validator, fixed keys and times."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from consensus.effects import SafetyRecord
from ledger.certificate import VoteKind, assemble_certificate, vote_preimage
from ledger.key_file import key_from_text
from ledger.transaction import Operation, sign_transaction
from node.chain import Chain
from node.home import Home, open_home
from node.setup import FOUNDERS, ISSUER, Network, create_network
from node.storage.database import Database

START_MS = 1_790_000_000_000
BLOCK_MS = 1_000


def solo_network(directory: Path) -> Network:
    """Create a network of one validator; the same bytes each time."""
    counter = iter(range(1_000_000))

    def random_bytes(size: int) -> bytes:
        return hashlib.shake_256(b"%d" % next(counter)).digest(size)

    return create_network(directory, now_ms=START_MS, random_bytes=random_bytes, validators=1)


def open_account(number: int) -> Operation:
    """Return the operation that opens an account of the maker."""
    return Operation("settlement.open_account", {"id": f"maker/{number}", "currency": "USD"})


def issue(number: int) -> Operation:
    """Return the operation that issues money to the issuer's own account, which thereby has a history."""
    account = next(founder.account for founder in FOUNDERS if founder.id == ISSUER)
    return Operation("settlement.issue", {"id": number.to_bytes(16, "big"), "account": account, "amount": 100})


def add_blocks(network: Network, count: int, operation: Callable[[int], Operation] = open_account) -> int:
    """Open the home, commit blocks of one transaction each, vote for them, close it; return the height."""
    home = open_home(network.home(network.nodes[0]))
    try:
        for _ in range(count):
            add_block(home, network, operation)
        return home.store.tip.height
    finally:
        home.close()


def settle(network: Network) -> None:
    """Let the ledger of the closed home lie in whole tables, with an empty log.

    LevelDB merges its files in a thread when it likes, and leaves those that it merged for a while. A test that
    damages a file has to know what is in it.
    """
    with closing(Database(network.home(network.nodes[0]) / "ledger")) as database:
        database.compact(b"\0", b"\xff")


def add_block(home: Home, network: Network, operation: Callable[[int], Operation] = open_account) -> None:
    """Commit one block of one transaction on an open home, with the vote for it."""
    chain = Chain(home.store)
    height = chain.tip.height + 1
    time_ms = START_MS + height * BLOCK_MS
    organisation = ISSUER if operation is issue else "maker"
    key = key_from_text(network.key_path(organisation).read_text())
    transaction = sign_transaction(
        key, chain.chain_id, height.to_bytes(16, "big"), time_ms + 60_000, [operation(height)]
    )
    candidate = chain.propose(home.validator_key.public_key, [transaction], time_ms)
    assert candidate is not None
    assert candidate.execution.receipts[0].code == 0, candidate.execution.details
    block_hash = candidate.header.hash
    vote = home.validator_key.sign(vote_preimage(VoteKind.COMMIT, chain.chain_id, height, 0, block_hash))
    home.safety.persist([SafetyRecord(height, 0, "commit", vote)])
    chain.commit(candidate, assemble_certificate(height, 0, block_hash, {0: vote}))
