"""The verifier: what it says of good bundles, and that it raises nothing but ProofError. Bad ones: the golden files."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.proof import BUNDLE_LENGTH_MAX, ProofError, to_base64url, verify_bundle
from ledger.proof.json_text import bytes_of, parse_json
from tests.support.proof_chains import GONE_KEY, ITEM_KEY, PLAIN_KEY, ProofChains, proof_chains


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProofChains]:
    with proof_chains(tmp_path_factory.mktemp("chains")) as built:
        yield built


def test_an_item_bundle_proves_the_whole_history_at_the_newest_block(chains: ProofChains) -> None:
    facts = verify_bundle(json.dumps(chains.good["item"]), chains.toy.trust)
    tip = chains.toy.store.tip
    assert (facts.kind, facts.height, facts.time_ms, facts.chain_id) == ("head", 4, tip.time_ms, tip.chain_id)
    assert (facts.header.height, facts.header.signers, facts.header.validators) == (4, 3, 4)
    (head,) = facts.heads
    assert (head.key, head.count, head.is_complete) == (ITEM_KEY, 4, True)
    assert head.value is not None
    assert head.value["count"] == 4
    assert [record.place for record in head.records] == [(1, 1, 0), (2, 0, 0), (3, 0, 1), (3, 2, 0)]
    assert [record.operation.arguments["step"] for record in head.records] == [
        "commissioning",
        "packing",
        "shipping",
        "receiving",
    ]
    assert [record.time_ms - tip.time_ms for record in head.records] == [-3_000, -2_000, -1_000, -1_000]


def test_steps_tell_what_was_proven_in_order(chains: ProofChains) -> None:
    item = verify_bundle(chains.good["item"], chains.toy.trust)
    absent = verify_bundle(chains.good["no_such_item"], chains.toy.trust)
    solo = verify_bundle(chains.good["solo_item"], chains.solo.trust)
    assert [step.title for step in item.steps] == [
        "Form",
        "Chain",
        "Certificate",
        "Signatures",
        "State",
        "History",
        "Subject",
    ]
    assert item.steps[2].proves == (
        "At least 3 of 4 validators signed block 4, the newest here. "
        "No other block can stand in its place while at most 1 of them lies."
    )
    assert [step.title for step in absent.steps] == ["Form", "Chain", "Certificate", "State", "Subject"]
    assert absent.steps[3].proves == "As of the newest block there is no such entry."
    assert solo.steps[2].proves == (
        "At least 1 of 1 validator signed block 1, the newest here. "
        "No other block can stand in its place while none of them lies."
    )


def test_absence_is_a_fact_without_a_history(chains: ProofChains) -> None:
    for name in ("no_such_item", "removed_head"):
        facts = verify_bundle(chains.good[name], chains.toy.trust)
        assert [(head.value, head.count, head.records, head.is_complete) for head in facts.heads] == [
            (None, 0, (), False)
        ]
        assert (facts.transaction, facts.origin) == (None, None)
    assert facts.heads[0].key == GONE_KEY


def test_a_head_without_a_history_is_complete(chains: ProofChains) -> None:
    (head,) = verify_bundle(chains.good["head_without_history"], chains.toy.trust).heads
    assert (head.key, head.value, head.count, head.is_complete) == (PLAIN_KEY, {"value": 2}, 0, True)


@pytest.mark.parametrize(
    ("name", "records", "is_complete"),
    [("statement", 2, False), ("statement_without_records", 0, False), ("statement_from_first", 4, True)],
)
def test_a_statement_proves_the_last_records(chains: ProofChains, name: str, records: int, is_complete: bool) -> None:
    facts = verify_bundle(chains.good[name], chains.toy.trust)
    whole = verify_bundle(chains.good["item"], chains.toy.trust)
    (head,) = facts.heads
    assert (head.count, head.is_complete) == (4, is_complete)
    assert head.records == whole.heads[0].records[4 - records :]


def test_a_transaction_is_proven_whether_it_had_an_effect_or_not(chains: ProofChains) -> None:
    for name, code in (("transaction", 0), ("transaction_failed", 7)):
        facts = verify_bundle(chains.good[name], chains.toy.trust)
        proven = facts.transaction
        assert proven is not None
        assert proven.receipt.code == code
        assert (facts.height, facts.time_ms, facts.heads) == (proven.height, proven.time_ms, ())


def test_all_validators_may_have_signed(chains: ProofChains) -> None:
    bundle = json.loads(json.dumps(chains.good["transaction_alone_in_block"]))
    header = chains.toy.store.tip
    certificate = chains.toy.certificate(header, signers=[0, 1, 2, 3]).encode()
    assert bytes_of(bundle["header"], "header", 1024) == header.encoded
    bundle["certificate"] = to_base64url(certificate)
    assert verify_bundle(bundle, chains.toy.trust).header.signers == 4


def test_a_bundle_is_as_fresh_as_its_newest_block(chains: ProofChains) -> None:
    tip = chains.toy.store.tip
    assert verify_bundle(chains.good["item"], chains.toy.trust, tip.time_ms).time_ms == tip.time_ms
    with pytest.raises(ProofError) as caught:
        verify_bundle(chains.good["item"], chains.toy.trust, tip.time_ms + 1)
    assert caught.value.code == "stale"


def test_an_earlier_bundle_stays_true_as_of_its_block(chains: ProofChains) -> None:
    facts = verify_bundle(chains.earlier, chains.toy.trust)
    assert (facts.height, facts.heads[0].count, facts.heads[0].is_complete) == (3, 4, True)


def test_text_and_object_are_the_same(chains: ProofChains) -> None:
    for name, bundle in chains.good.items():
        trust = chains.trusts[chains.trust_of(name)]
        text = json.dumps(bundle, indent=2, sort_keys=True)
        assert verify_bundle(text, trust) == verify_bundle(bundle, trust)


_JUNK: list[Any] = [
    "",
    "\ufeff{}",
    "{}",
    "null",
    "[" * 100_000,
    '{"format":' * 100_000,
    "1" * 5_000,
    '"\\ud800"',
    {},
    {"format": None},
    {"format": ["tradelane-proof/1"]},
    {1: 2},
    None,
    7,
    b"{}",
]


_LEAF_JUNK: list[Any] = [[], {}, None, "", "x", -1, 1.5, True, 1 << 70, "\ud800", [[]], {"a": 1}]


@pytest.mark.parametrize("junk", _JUNK, ids=range(len(_JUNK)))
def test_junk_raises_nothing_but_a_proof_error(chains: ProofChains, junk: Any) -> None:
    with pytest.raises(ProofError):
        verify_bundle(junk, chains.toy.trust)


def test_every_leaf_replaced_by_junk_is_refused(chains: ProofChains) -> None:
    """Whatever stands at a place of the bundle, the verifier gives a named reason and nothing else."""
    for name in ("item", "statement", "transaction", "no_such_item"):
        original = json.dumps(chains.good[name])
        for path in _paths(json.loads(original)):
            for junk in _LEAF_JUNK:
                copy = json.loads(original)
                before = _replace(copy, path, junk)
                if type(before) is type(junk) and before == junk:
                    continue
                with pytest.raises(ProofError) as caught:
                    verify_bundle(copy, chains.toy.trust)
                assert caught.value.code.isidentifier()


def test_a_text_beyond_the_limit_is_not_parsed() -> None:
    with pytest.raises(ProofError) as caught:
        parse_json("[" * (BUNDLE_LENGTH_MAX + 1), BUNDLE_LENGTH_MAX)
    assert caught.value.code == "too_long"


def test_the_order_of_fields_does_not_matter(chains: ProofChains) -> None:
    reordered = dict(reversed(chains.good["item"].items()))
    assert verify_bundle(reordered, chains.toy.trust) == verify_bundle(chains.good["item"], chains.toy.trust)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _replace(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    for step in path[:-1]:
        value = value[step]
    before = value[path[-1]]
    value[path[-1]] = new
    return before
