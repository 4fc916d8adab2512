"""Toy execution: a block is one invented transaction, the state a chain of hashes."""

from dataclasses import replace

from consensus.messages import Proposal
from ledger.block import Header, transactions_root
from ledger.hashing import ZERO_HASH, tagged_hash
from ledger.validators import ValidatorSet

CHAIN_ID = b"\x53" * 32


def genesis() -> Header:
    """Return block 0."""
    return Header(
        CHAIN_ID, 0, 0, ZERO_HASH, ZERO_HASH, 0, ZERO_HASH, ZERO_HASH, ZERO_HASH, ZERO_HASH, ZERO_HASH
    )  # fmt: skip


def make_block(tip: Header, proposer: bytes, validators: ValidatorSet, *what: object) -> Proposal:
    """Return a block on ``tip`` whose content is told apart by ``what``."""
    ids = (tagged_hash("toy", repr(what).encode()),)
    header = Header(
        chain_id=tip.chain_id,
        height=tip.height + 1,
        time_ms=tip.time_ms + 1,
        parent_hash=tip.hash,
        proposer=proposer,
        transaction_count=1,
        transactions_root=transactions_root(ids),
        receipts_root=ZERO_HASH,
        state_root=_execute(tip, ids),
        validators_hash=validators.hash,
        next_validators_hash=validators.hash,
    )
    return Proposal(header, ids)


def make_bad_block(tip: Header, proposer: bytes, validators: ValidatorSet, *what: object) -> Proposal:
    """Return a block whose state root is wrong."""
    good = make_block(tip, proposer, validators, *what)
    return replace(good, header=replace(good.header, state_root=tagged_hash("toy", b"bad")))


def check_block(tip: Header, proposal: Proposal) -> str | None:
    """Return the rule that a block breaks, or None."""
    if proposal.header.parent_hash != tip.hash or proposal.header.height != tip.height + 1:
        return "parent_hash"
    return None if proposal.header.state_root == _execute(tip, proposal.transaction_ids) else "state_root"


def _execute(tip: Header, ids: tuple[bytes, ...]) -> bytes:
    return tagged_hash("toy state", tip.state_root, *ids)
