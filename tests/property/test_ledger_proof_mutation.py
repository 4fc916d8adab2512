"""No single change to a good bundle is accepted with other facts.

Changes are made where they hurt: a bit of the bytes behind a base64url text, a number beside the right one, an entry
left out, doubled or exchanged; and, blindly, a character of the text. A change that is accepted must leave every fact
as it was.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.proof import Facts, ProofError, TrustRoot, to_base64url, verify_bundle
from ledger.proof.json_text import bytes_of
from tests.support.proof_chains import ProofChains, proof_chains

_NAMES = ("item", "statement", "transaction", "transaction_failed", "no_such_item", "solo_item")
_MUTATIONS = 600
_TEXT_MUTATIONS = 600


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProofChains]:
    with proof_chains(tmp_path_factory.mktemp("chains")) as built:
        yield built


@pytest.mark.parametrize("name", _NAMES)
def test_a_changed_bundle_is_refused_or_says_the_same(chains: ProofChains, name: str) -> None:
    trust = chains.solo.trust if name == "solo_item" else chains.toy.trust
    chance = random.Random(f"mutation of {name}")
    original = json.dumps(chains.good[name])
    facts = verify_bundle(original, trust)
    accepted_at: set[str] = set()
    refusals = 0
    for _ in range(_MUTATIONS):
        bundle = json.loads(original)
        place = _mutate(bundle, chance)
        if json.dumps(bundle) == original:
            continue
        verdict = _verdict(bundle, trust)
        if verdict is None:
            refusals += 1
        else:
            assert verdict == facts, f"a change at {place} was accepted with other facts"
            accepted_at.add(place)
    assert not accepted_at
    assert refusals > _MUTATIONS // 2


@pytest.mark.parametrize("name", _NAMES)
def test_a_changed_text_is_refused_or_says_the_same(chains: ProofChains, name: str) -> None:
    trust = chains.solo.trust if name == "solo_item" else chains.toy.trust
    chance = random.Random(f"text of {name}")
    original = json.dumps(chains.good[name])
    facts = verify_bundle(original, trust)
    refusals = 0
    for _ in range(_TEXT_MUTATIONS):
        position = chance.randrange(len(original))
        character = chance.choice('ABab09-_"{}[],: \\+=.e\u00e9\x00')
        verdict = _verdict(original[:position] + character + original[position + 1 :], trust)
        if verdict is None:
            refusals += 1
        else:
            assert verdict == facts
    assert refusals > _TEXT_MUTATIONS // 2


def _verdict(bundle: Any, trust: TrustRoot) -> Facts | None:
    try:
        return verify_bundle(bundle, trust)
    except ProofError:
        return None


def _mutate(bundle: Any, chance: random.Random) -> str:
    """Change one place of the bundle and return the name of the field that it belongs to."""
    holder, step, name = chance.choice(list(_places(bundle)))
    value = holder[step]
    if isinstance(value, list) and value:
        _mutate_list(value, chance)
    elif isinstance(value, int):
        holder[step] = chance.choice([value - 1, value + 1, value * 2, 0, 1, 2, 3, 4])
    elif isinstance(value, str) and name not in {"format", "kind"}:
        holder[step] = _flip(value, chance)
    else:
        holder[step] = chance.choice([None, 0, "", [], {}, "head", "transaction", "statement"])
    return name


def _mutate_list(value: list[Any], chance: random.Random) -> None:
    one, other = chance.randrange(len(value)), chance.randrange(len(value))
    match chance.randrange(4):
        case 0:
            del value[one]
        case 1:
            value.insert(other, value[one])
        case 2:
            value[one], value[other] = value[other], value[one]
        case _:
            value[one] = value[other]


def _flip(text: str, chance: random.Random) -> str:
    data = bytearray(bytes_of(text, "text", 1 << 20))
    if not data:
        return "AA"
    position = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            del data[position]
        case 1:
            data.insert(position, chance.randrange(256))
        case _:
            data[position] ^= 1 << chance.randrange(8)
    return to_base64url(bytes(data))


def _places(value: Any, name: str = "") -> Iterator[tuple[Any, Any, str]]:
    steps: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for step, inner in steps:
        inner_name = step if isinstance(step, str) else name
        yield value, step, inner_name
        yield from _places(inner, inner_name)
