"""Light clients: a chain whose validators change again and again, followed step by step and in leaps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts import heads
from ledger.proof import Facts, ProofError, TrustRoot, verify_bundle
from node.proofs import (
    BundleRefusedError,
    head_bundle,
    item_bundle,
    records_up_to,
    statement_bundle,
    trust_bundle,
)
from tests.support.chain_builder import ChainBuilder, record

ITEM = "urn:epc:id:sgtin:9521141.012345.9"
KEY = heads.item(ITEM)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ChainBuilder]:
    """Return a chain of seven validators (f = 2), one record of the item a block, everybody signs."""
    builder = ChainBuilder(tmp_path / "chain", validators=7)
    yield builder
    builder.close()


def go_on(chain: ChainBuilder, blocks: int = 1, change_to: range | None = None) -> None:
    """Add blocks, of which the last one changes the validators where a change is given."""
    for number in range(blocks):
        is_last = number == blocks - 1
        others = chain.validators_numbered(change_to) if change_to is not None and is_last else None
        chain.block(chain.transaction(record(KEY)), next_validators=others, signers=range(7))


def kinds(bundle: Any) -> list[str]:
    """Return the kinds of a bundle's changes of the validators."""
    return [change["kind"] for change in bundle["validator_changes"]]


def follow(chain: ChainBuilder, trust: TrustRoot) -> Facts:
    """Return the facts by which a client comes from its trust root to the tip."""
    return verify_bundle(trust_bundle(chain.store, trust.height), trust)


def test_a_client_follows_every_change_and_verifies_old_and_new_records(chain: ChainBuilder) -> None:
    trusts = [chain.trust]
    for first in range(1, 8):
        go_on(chain, 2, range(first, first + 7))
        go_on(chain)
        facts = follow(chain, trusts[-1])
        assert facts.trust.height == facts.height == chain.store.tip.height
        assert facts.trust.validators == chain.validators
        trusts.append(facts.trust)
    # One change at a time was never worth a leap, so every set of the past is known.
    assert [entry.height for entry in trusts[-1].earlier] == [0, 2, 5, 8, 11, 14, 17, 20]
    bundle = item_bundle(chain.store, ITEM)
    assert kinds(bundle) == ["next"] * 7
    for trust in trusts:
        facts = verify_bundle(bundle, trust)
        assert (facts.heads[0].count, facts.heads[0].is_complete) == (21, True)
        assert facts.trust.height == 21
    # A client that knows every set needs none of the changes.
    assert verify_bundle({**bundle, "validator_changes": []}, trusts[-1]).heads[0].is_complete


def test_a_client_leaps_where_enough_of_those_it_trusts_have_signed(chain: ChainBuilder) -> None:
    for first in range(1, 5):
        go_on(chain, 1, range(first, first + 7))
    go_on(chain)
    bundle = trust_bundle(chain.store)
    assert kinds(bundle) == ["skip"]
    leapt = verify_bundle(bundle, chain.trust).trust
    assert (leapt.height, leapt.validators) == (5, chain.validators)
    assert [entry.height for entry in leapt.earlier] == [0, 4]
    # The records in between stand in blocks signed by sets over which it leapt; the newest block alone proves them.
    facts = verify_bundle(item_bundle(chain.store, ITEM), leapt)
    assert facts.heads[0].is_complete
    assert [record.height for record in facts.heads[0].records] == [1, 2, 3, 4, 5]
    assert verify_bundle({**item_bundle(chain.store, ITEM), "validator_changes": []}, leapt).heads == facts.heads


def test_too_far_a_leap_is_made_in_steps(chain: ChainBuilder) -> None:
    for first in range(1, 6):
        go_on(chain, 1, range(first, first + 7))
    go_on(chain)
    # Two of the first seven are left, and two may lie.
    bundle = trust_bundle(chain.store)
    assert kinds(bundle) == ["next"] * 5
    assert verify_bundle(bundle, chain.trust).trust.validators == chain.validators


def test_while_the_validators_change_the_tip_is_followed_in_steps(chain: ChainBuilder) -> None:
    go_on(chain, 3, range(1, 8))
    facts = follow(chain, chain.trust)
    # Who signs the next block is in the header of this one alone; the client stays where it knows that.
    assert (facts.height, facts.trust.height, facts.trust.validators) == (3, 0, chain.trust.validators)
    go_on(chain)
    facts = follow(chain, chain.trust)
    assert (facts.height, facts.trust.height, facts.trust.validators) == (4, 4, chain.validators)


def test_a_light_client_does_not_go_back(chain: ChainBuilder) -> None:
    go_on(chain)
    old = trust_bundle(chain.store)
    go_on(chain)
    newer = follow(chain, chain.trust).trust
    assert verify_bundle(old, newer).trust is newer
    with pytest.raises(ProofError) as caught:
        verify_bundle(old, newer, 0, newer.height)
    assert caught.value.code == "stale"


def test_a_node_that_is_behind_cannot_bring_a_client_forward(chain: ChainBuilder) -> None:
    go_on(chain)
    with pytest.raises(BundleRefusedError) as caught:
        trust_bundle(chain.store, 2)
    assert caught.value.code == "no_such_height"


def test_a_statement_between_two_heights(chain: ChainBuilder) -> None:
    go_on(chain, 9)
    chain.block(chain.transaction(record(KEY), record(KEY)), signers=range(7))
    assert [records_up_to(chain.store, KEY, height) for height in (0, 1, 9, 10, 99)] == [0, 1, 9, 11, 11]
    assert records_up_to(chain.store, heads.item("urn:none"), 5) == 0
    for after, last in ((0, 10), (3, 7), (9, 10), (10, 10)):
        count = max(0, records_up_to(chain.store, KEY, after) - 1)
        (head,) = verify_bundle(statement_bundle(chain.store, KEY, count), chain.trust).heads
        between = head.records_between(after, last)
        assert between is not None
        assert [entry.height for entry in between] == [h for h in [*range(1, 11), 10] if after < h <= last]
    (head,) = verify_bundle(statement_bundle(chain.store, KEY, 5), chain.trust).heads
    assert head.records_between(4, 9) is None
    (absent,) = verify_bundle(head_bundle(chain.store, b"none"), chain.trust).heads
    assert absent.records_between(0, 9) is None
