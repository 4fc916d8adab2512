"""The rules of a block: each one that is broken is named, and a block that breaks none is committed by one door."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ledger.block import transactions_root
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.key_file import key_from_text
from ledger.keys import SecretKey
from ledger.transaction import Operation, Transaction, sign_transaction
from node.chain import Candidate, Chain
from node.home import Home, open_home
from node.setup import ISSUER, create_network
from node.storage.errors import DamagedError

NOW_MS = 1_700_000_000_000


@dataclass
class World:
    """A chain of one validator with one candidate on top of block 0."""

    home: Home
    chain: Chain
    issuer: SecretKey

    def transaction(self, nonce: int, valid_until_ms: int = NOW_MS + 60_000) -> Transaction:
        operation = Operation("settlement.issue", {"id": nonce.to_bytes(16, "big"), "account": "none", "amount": 1})
        return sign_transaction(
            self.issuer, self.chain.chain_id, nonce.to_bytes(16, "big"), valid_until_ms, [operation]
        )

    def candidate(self, *transactions: Transaction, clock_ms: int = NOW_MS + 1) -> Candidate:
        proposed = self.chain.propose(self.home.validator_key.public_key, transactions, clock_ms)
        assert proposed is not None
        return proposed

    def certificate(self, candidate: Candidate, kind: VoteKind = VoteKind.COMMIT) -> Certificate:
        header = candidate.header
        preimage = vote_preimage(kind, self.chain.chain_id, header.height, 0, header.hash)
        return assemble_certificate(header.height, 0, header.hash, {0: self.home.validator_key.sign(preimage)})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    seeds = iter(range(1_000))
    network = create_network(
        tmp_path / "network",
        now_ms=NOW_MS,
        random_bytes=lambda size: next(seeds).to_bytes(size, "big"),
        validators=1,
    )
    home = open_home(network.home(network.nodes[0]))
    yield World(home, Chain(home.store), key_from_text(network.key_path(ISSUER).read_text()))
    home.close()


def test_a_block_of_a_failed_transaction_stands_and_keeps_its_receipt(world: World) -> None:
    candidate = world.candidate(world.transaction(1), world.transaction(2))
    assert isinstance(world.chain.check(candidate.header, candidate.transactions, NOW_MS), Candidate)
    assert world.chain.commit(candidate, world.certificate(candidate)) is True
    assert world.chain.commit(candidate, world.certificate(candidate)) is False
    assert world.chain.tip == candidate.header
    stored = world.chain.store.block(1)
    assert stored is not None
    assert [receipt.code for receipt in stored.receipts] == [receipt.code for receipt in candidate.execution.receipts]
    assert all(receipt.code != 0 for receipt in stored.receipts)
    assert world.chain.is_committed(candidate.transactions[0].transaction_id)


def test_two_executions_give_the_same_block(world: World) -> None:
    transactions = [world.transaction(nonce) for nonce in range(5)]
    assert world.candidate(*transactions).header == world.candidate(*transactions).header


def test_a_proposal_leaves_out_what_may_not_be_in_it(world: World) -> None:
    good, expired = world.transaction(1), world.transaction(2, NOW_MS - 1)
    assert world.candidate(expired, good).transactions == (good,)
    assert world.chain.propose(world.home.validator_key.public_key, [expired], NOW_MS + 1) is None
    first = world.candidate(good)
    world.chain.commit(first, world.certificate(first))
    assert world.chain.propose(world.home.validator_key.public_key, [good], NOW_MS + 2) is None


def test_block_time_goes_up_even_where_the_clock_does_not(world: World) -> None:
    assert world.candidate(world.transaction(1), clock_ms=NOW_MS - 5_000).header.time_ms == NOW_MS + 1


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"chain_id": b"\x01" * 32}, "chain_id"),
        ({"height": 2}, "parent"),
        ({"parent_hash": b"\x01" * 32}, "parent"),
        ({"time_ms": NOW_MS}, "time_not_after_parent"),
        ({"time_ms": NOW_MS + 10_001}, "time_off_clock"),
        ({"proposer": b"\x01" * 32}, "proposer"),
        ({"validators_hash": b"\x01" * 32}, "validators_hash"),
        ({"next_validators_hash": b"\x01" * 32}, "next_validators_hash"),
        ({"transactions_root": b"\x01" * 32}, "transactions_root"),
        ({"receipts_root": b"\x01" * 32}, "receipts_root"),
        ({"state_root": b"\x01" * 32}, "state_root"),
        ({"transaction_count": 9}, "header"),
    ],
)
def test_each_broken_header_rule_is_named(world: World, changes: dict[str, Any], rule: str) -> None:
    candidate = world.candidate(world.transaction(1))
    assert world.chain.check(replace(candidate.header, **changes), candidate.transactions, NOW_MS) == rule


def test_each_broken_body_rule_is_named(world: World) -> None:
    one, two = world.transaction(1), world.transaction(2)
    header = world.candidate(one, two).header
    expired = world.transaction(3, NOW_MS)

    def rule(*transactions: Transaction) -> object:
        ids = [transaction.transaction_id for transaction in transactions]
        return world.chain.check(replace(header, transactions_root=transactions_root(ids)), transactions, NOW_MS)

    assert rule() == "transaction_count"
    assert rule(one, one) == "transaction_twice"
    assert rule(one, expired) == "transaction.expired"
    assert world.chain.check(header, (two, one), NOW_MS) == "transactions_root"
    first = world.candidate(one)
    world.chain.commit(first, world.certificate(first))
    again = replace(
        world.candidate(two).header, transactions_root=transactions_root([one.transaction_id]), transaction_count=1
    )
    assert world.chain.check(again, (one,), None) == "transaction.replayed"


def test_an_old_block_that_a_quorum_stands_behind_is_not_measured_against_the_clock(world: World) -> None:
    candidate = world.candidate(world.transaction(1))
    much_later_ms = NOW_MS + 3_600_000
    assert world.chain.check(candidate.header, candidate.transactions, much_later_ms) == "time_off_clock"
    assert isinstance(world.chain.check(candidate.header, candidate.transactions, None), Candidate)


@pytest.mark.fault(5, 16)
def test_a_block_from_a_peer_is_believed_for_its_certificate_alone(world: World) -> None:
    candidate = world.candidate(world.transaction(1))
    header, transactions = candidate.header, candidate.transactions
    good = world.certificate(candidate)
    check = world.chain.check_certified
    assert isinstance(check(header, good, transactions), Candidate)
    assert check(header, replace(good, height=2), transactions) == "certificate_of_another_block"
    assert check(header, replace(good, block_hash=b"\x01" * 32), transactions) == "certificate_of_another_block"
    assert check(header, replace(good, signers=(), signatures=()), transactions) == "certificate_no_quorum"
    assert check(header, replace(good, signers=(1,)), transactions) == "certificate_unknown_signer"
    # A PREPARE certificate locks, it decides nothing.
    assert check(header, world.certificate(candidate, VoteKind.PREPARE), transactions) == "certificate_bad_signature"
    forged = replace(transactions[0], signature=bytes(64))
    assert check(header, good, (forged,)) == "transaction_signature"


def test_a_second_certified_block_at_a_height_stops_the_node(world: World) -> None:
    one, two = world.candidate(world.transaction(1)), world.candidate(world.transaction(2))
    world.chain.commit(one, world.certificate(one))
    with pytest.raises(DamagedError, match="two certified blocks at height 1"):
        world.chain.commit(two, world.certificate(two))
