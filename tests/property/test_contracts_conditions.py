"""Conditions against a twin that knows two values only: what holds, and what would if everything open came about."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.results import Rejected, ResultCode
from contracts.trade.condition import (
    ATTESTATIONS_MAX,
    CONDITION_BYTES_MAX,
    DEPTH_MAX,
    NODES_MAX,
    Attestation,
    Attested,
    Evidence,
    Judgement,
    Node,
    Threshold,
    judge,
    read_condition,
    roots_of,
    things_of,
)
from ledger.codec import Value, decode, encode
from tests.support.contracts_world import key_of

THINGS = ("a", "b", "c")
FIRMS = ("carrier", "maker", "shop")
KEYS = tuple(key_of(name).public_key for name in ("one", "two"))
NOW_MS = 1_000

things = st.lists(st.sampled_from(THINGS), min_size=1, max_size=3, unique=True)
firms = st.lists(st.sampled_from(FIRMS), max_size=3, unique=True)


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["event", "event", "acceptance", "document", "preimage", "signatures", "time"]))
    if kind == "event":
        node = {"kind": kind, "things": draw(things), "step": "arriving", "attestors": draw(st.integers(1, 3))}
        cold = draw(st.sampled_from([None, "unbroken", "within_budget"]))
        return node if cold is None else {**node, "cold_chain": cold}
    if kind == "acceptance":
        return {"kind": kind, "things": draw(things)}
    if kind == "document":
        return {"kind": kind, "type": "bill_of_lading", "roles": ["customs"]}
    if kind == "preimage":
        return {"kind": kind, "sha256": b"h" * 32}
    if kind == "time":
        return {"kind": kind, "after_ms": draw(st.sampled_from([NOW_MS - 1, NOW_MS, NOW_MS + 1]))}
    keys, organisations = draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)), draw(firms)
    if not keys and not organisations:
        keys = [KEYS[0]]
    count = draw(st.integers(1, len(keys) + len(organisations)))
    return {"kind": kind, "keys": keys, "organisations": organisations, "count": count}


@st.composite
def conditions(draw: st.DrawFn) -> list[dict[str, Any]]:
    nodes = draw(st.lists(leaves(), min_size=1, max_size=5))
    depths = [1] * len(nodes)
    for _ in range(draw(st.integers(0, 4))):
        of = draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=4, unique=True))
        nodes.append({"kind": "threshold", "of": of, "count": draw(st.integers(1, len(of)))})
        depths.append(1 + max(depths[place] for place in of))
    return nodes


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    places = st.integers(0, 5)
    rows = draw(st.sets(st.tuples(places, st.integers(0, 2), st.sampled_from(FIRMS)), max_size=25))
    signers = st.one_of(st.sampled_from(KEYS), st.sampled_from(FIRMS))
    return Evidence(
        [Attestation(node, thing, firm, draw(st.integers(1, 9)), b"e") for node, thing, firm in sorted(rows)],
        draw(st.sets(places, max_size=4)),
        {(place, signer) for place, signer in draw(st.sets(st.tuples(places, signers), max_size=8))},
        draw(st.sets(places, max_size=2)),
    )


colds = st.dictionaries(st.sampled_from(THINGS), st.sampled_from(Judgement))


def twin(
    nodes: list[dict[str, Any]], place: int, evidence: Evidence, cold: dict[str, Judgement], *, hopes: bool
) -> bool:
    """Say whether a node holds; with ``hopes`` whether it would if all that is still open came about."""
    node = nodes[place]
    kind = node["kind"]
    if kind == "threshold":
        return bool(sum(twin(nodes, one, evidence, cold, hopes=hopes) for one in node["of"]) >= node["count"])
    if kind in ("event", "acceptance"):
        if place in evidence.met:
            return True
        for index, thing in enumerate(node["things"]):
            seen = [row for row in evidence.attested if row.node == place and row.thing == index]
            is_cold = cold.get(thing, Judgement.OPEN) if "cold_chain" in node else Judgement.MET
            if is_cold is Judgement.IMPOSSIBLE:
                return False
            if not hopes and (len(seen) < node.get("attestors", 1) or is_cold is Judgement.OPEN):
                return False
        return True
    if hopes:
        return True
    if kind == "time":
        return bool(node["after_ms"] <= NOW_MS)
    if kind == "signatures":
        return bool(len([1 for at, _ in evidence.signed if at == place]) >= node["count"])
    return place in evidence.shown


def cold_of(cold: dict[str, Judgement]) -> Callable[[str, str, int | None], Judgement]:
    def verdict(thing: str, predicate: str, time_ms: int | None) -> Judgement:
        assert predicate in ("unbroken", "within_budget")
        assert time_ms is None or time_ms > 0
        return cold.get(thing, Judgement.OPEN)

    return verdict


@settings(max_examples=400)
@given(conditions(), evidences(), colds)
def test_every_node_is_judged_as_the_twin_says(
    value: list[dict[str, Any]], evidence: Evidence, cold: dict[str, Judgement]
) -> None:
    nodes = read_condition(cast(Value, value))
    for place, found in enumerate(judge(nodes, evidence, NOW_MS, cold_of(cold))):
        holds = twin(value, place, evidence, cold, hopes=False)
        could = twin(value, place, evidence, cold, hopes=True)
        assert not holds or could
        assert found is (Judgement.MET if holds else Judgement.OPEN if could else Judgement.IMPOSSIBLE)


@given(conditions())
def test_a_condition_survives_the_ledger_and_names_its_things_and_roots(value: list[dict[str, Any]]) -> None:
    nodes = read_condition(cast(Value, value))
    assert read_condition(decode(encode(value))) == nodes
    named = {one for node in value if node["kind"] == "threshold" for one in node["of"]}
    assert set(roots_of(nodes)) == set(range(len(value))) - named
    assert set(things_of(nodes)) == {thing for node in value for thing in node.get("things", [])}


def test_the_time_of_the_event_is_that_of_the_last_attestation_that_is_needed() -> None:
    asked: list[int | None] = []

    def verdict(thing: str, predicate: str, time_ms: int | None) -> Judgement:
        assert (thing, predicate) == ("a", "unbroken")
        asked.append(time_ms)
        return Judgement.MET

    node: Value = {"kind": "event", "things": ["a"], "step": "s", "attestors": 2, "cold_chain": "unbroken"}
    nodes = read_condition([node])
    rows = [Attestation(0, 0, "maker", 7, b""), Attestation(0, 0, "shop", 3, b"")]
    for count in (1, 2):
        judge(nodes, Evidence(rows[:count]), NOW_MS, verdict)
    assert asked == [None, 7]


EVENT: dict[str, Value] = {"kind": "event", "things": ["a"], "step": "arriving"}
TIME: dict[str, Value] = {"kind": "time", "after_ms": 1}


def deep(levels: int) -> list[Value]:
    """Return a condition with this many levels."""
    return [TIME, *({"kind": "threshold", "of": cast(Value, [place]), "count": 1} for place in range(levels - 1))]


def test_the_limits_themselves_are_allowed() -> None:
    assert len(read_condition([TIME] * NODES_MAX)) == NODES_MAX
    assert isinstance(read_condition(deep(DEPTH_MAX))[-1], Threshold)
    things_ = cast("list[Value]", [str(number) for number in range(16)])
    nodes: tuple[Node, ...] = read_condition([{**EVENT, "things": things_, "attestors": 8}])
    assert isinstance(nodes[0], Attested)
    assert len(nodes[0].things) * nodes[0].attestors == ATTESTATIONS_MAX


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([TIME] * (NODES_MAX + 1), ResultCode.CONDITION_TOO_LARGE),
        (deep(DEPTH_MAX + 1), ResultCode.CONDITION_TOO_LARGE),
        ([{**EVENT, "things": [str(n) for n in range(32)], "attestors": 5}], ResultCode.CONDITION_TOO_LARGE),
        ([{**EVENT, "step": "x" * 400}] * (CONDITION_BYTES_MAX // 400), ResultCode.CONDITION_TOO_LARGE),
        ([{**EVENT, "roles": ["king"]}], ResultCode.UNKNOWN_ROLE),
        ([{"kind": "signatures", "keys": [bytes(32)], "count": 1}], ResultCode.KEY_UNACCEPTABLE),
        ([], ResultCode.BAD_ARGUMENTS),
        ({}, ResultCode.BAD_ARGUMENTS),
        ([7], ResultCode.BAD_ARGUMENTS),
        ([{}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "king"}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "surprise": 1}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "things": []}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "things": ["a", "a"]}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "attestors": 0}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "attestors": 2, "organisations": ["maker"]}], ResultCode.BAD_ARGUMENTS),
        ([{**EVENT, "cold_chain": "cold"}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "document", "type": "invoice"}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "document", "type": "invoice", "hash": b"", "roles": ["customs"]}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "signatures", "count": 1}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "signatures", "organisations": ["a", "a"], "count": 1}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "signatures", "organisations": ["a"], "count": 2}], ResultCode.BAD_ARGUMENTS),
        ([{"kind": "threshold", "of": [0], "count": 1}], ResultCode.BAD_ARGUMENTS),
        ([TIME, {"kind": "threshold", "of": [1], "count": 1}], ResultCode.BAD_ARGUMENTS),
        ([TIME, {"kind": "threshold", "of": [0, 0], "count": 1}], ResultCode.BAD_ARGUMENTS),
        ([TIME, {"kind": "threshold", "of": [0], "count": 2}], ResultCode.BAD_ARGUMENTS),
        ([TIME, {"kind": "threshold", "of": [], "count": 1}], ResultCode.BAD_ARGUMENTS),
    ],
)
def test_what_is_no_condition_is_refused(value: Value, code: ResultCode) -> None:
    with pytest.raises(Rejected) as refused:
        read_condition(value)
    assert refused.value.code is code
