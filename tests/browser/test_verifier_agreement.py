"""The JavaScript verifier in a real browser gives the verdict, the reason and the facts of the Python one."""

import asyncio
import contextlib
import copy
import gzip
import json
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.benches.browser import chromium_path
from ledger.keys import verify
from ledger.proof import Act, ProofError, stays_of, trust_to_json
from ledger.state import head_key
from ledger.transaction import Operation
from node.proofs import head_bundle
from node.web.scripts import STATIC
from tests.golden.generate_proofs import FOLDER
from tests.golden.test_ledger_signature_vectors import inputs
from tests.support.browser import open_browser
from tests.support.chain_builder import ChainBuilder, record
from tests.support.javascript_verifier import Question, browser_answers, python_answer, served
from tests.support.odd_records import odd_histories
from tests.support.proof_mutations import changed_bundle, changed_text

CHROMIUM = chromium_path()
if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("Chromium is not installed here; .ci/run installs it", allow_module_level=True)

CASES: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["cases"]


def question(case: dict[str, Any]) -> Question:
    texts = [(FOLDER / case[name]).read_text(encoding="utf-8") for name in ("file", "trust")]
    return texts[0], texts[1], case["time_ms_min"], case["height_min"]


def answers(questions: list[Question]) -> list[Any]:
    async def ask() -> list[Any]:
        assert CHROMIUM is not None
        with served() as address:
            async with open_browser(CHROMIUM) as browser:
                await browser.open(address)
                return await browser_answers(browser, questions)

    return asyncio.run(ask())


def disagreements(questions: list[Question]) -> list[tuple[Any, Any, str, str]]:
    """Return where the two differ, with the bundle and the trust file."""
    pairs = zip(questions, answers(questions), map(python_answer, questions), strict=True)
    return [(python, browser, asked[0], asked[1]) for asked, browser, python in pairs if browser != python]


def test_every_golden_bundle() -> None:
    found = answers([question(case) for case in CASES])
    expected = [case["reason"] or case["facts"] for case in CASES]
    names = [case["file"] for case in CASES]
    assert dict(zip(names, found, strict=True)) == dict(zip(names, expected, strict=True))


def test_the_module_is_small_as_it_is_sent_and_alone() -> None:
    text = (STATIC / "verify.js").read_text(encoding="utf-8")
    assert len(text.encode()) <= 25_000
    assert len(gzip.compress(text.encode(), mtime=0)) < 9_000
    assert "import " not in text
    assert "fetch" not in text
    assert "http" not in text


_BARE = """
(async (bundle, trust) => {
  const { verifyBundle } = await import('/verify.js');
  return verifyBundle(bundle, trust).then(() => 'accepted', (error) => error.code);
})
"""


def test_a_trace_is_not_believed_without_its_check() -> None:
    bundle, trust, *_ = question(next(case for case in CASES if case["file"] == "good_packed_trace.json"))

    async def ask() -> str:
        assert CHROMIUM is not None
        with served() as address:
            async with open_browser(CHROMIUM) as browser:
                await browser.open(address)
                found: str = await browser.evaluate(f"({_BARE})({json.dumps(bundle)}, {json.dumps(trust)})")
                return found

    assert asyncio.run(ask()) == "no_trace"


# What reaches the readers' own edges: types, sizes, integers beyond 2^53 and 2^63, texts of other normal forms, of half
# characters, and of more code units than code points.
_VALUES: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 10_000, 10_001, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63), 1.5, "", "A", "AA"),
    *("\u00e9", "e\u0301", "\ud800", "\U0001f41f" * 65, "\U0001f41f" * 40, [], {}, [[]], {"a": 1}),
)
_CHARACTERS = 'Aa0-_"{}[],: \\+=.eu\u00e9\x00\x1f\U0001f41f'


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a JSON value as its holder and the step to it."""
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        yield value, step
        yield from _places(item)


def _oddly_changed(document: Any, chance: random.Random) -> str:
    """Return the text of a document with one odd value, with a field doubled, or with an odd character in the text."""
    changed = copy.deepcopy(document)
    holder, step = chance.choice(list(_places(changed)))
    kind = chance.randrange(4)
    if kind == 0:
        del holder[step]
    elif kind <= 2:
        holder[step] = chance.choice(_VALUES)
    text = json.dumps(changed, ensure_ascii=chance.random() < 0.5).encode(errors="replace").decode()
    at = chance.randrange(len(text))
    if kind == 3:
        text = text[:at] + chance.choice(_CHARACTERS) + text[at + chance.randrange(2) :]
    elif chance.randrange(8) == 0:
        at = text.find(", ", at)
        text = text[:at] + text[at:].replace(", ", ', "kind": 1, "kind": 2, ', 1)
    return text


def mutations(seed: str, count: int) -> list[Question]:
    """Return golden bundles, and now and then their trust files, changed by chance."""
    chance = random.Random(seed)
    good = [question(case) for case in CASES if case["reason"] is None]
    documents = [json.loads(bundle) for bundle, *_ in good]
    found: list[Question] = []
    while len(found) < count:
        at = chance.randrange(len(good))
        bundle, trust, time_ms_min, height_min = good[at]
        kind = chance.randrange(10)
        if kind == 0:
            trust = _oddly_changed(json.loads(trust), chance)
        elif kind == 1:
            trust = changed_text(trust, chance)
        elif kind == 2:
            bundle = changed_text(bundle, chance)
        elif kind <= 5:
            bundle = _oddly_changed(documents[at], chance)
        else:
            bundle = json.dumps(changed_bundle(documents[at], documents, chance)[0])
        found.append((bundle, trust, time_ms_min, height_min))
    return found


def test_changed_bundles() -> None:
    asked = mutations("agreement", 3_000)
    assert disagreements(asked) == []
    reasons = {answer for answer in map(python_answer, asked) if isinstance(answer, str)}
    assert len(reasons) >= 50


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_many_changed_bundles(seed: int) -> None:
    assert disagreements(mutations(f"soak {seed}", 10_000)) == []


_TIMES = """
(async (bundle, trust) => {
  const { verifyBundle } = await import('/verify.js');
  const times = [];
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    await verifyBundle(bundle, trust);
    times.push(performance.now() - start);
  }
  return times;
})
"""


def test_thirty_events_in_thirty_blocks_take_at_most_50_ms(tmp_path: Path) -> None:
    key = b"item\0thing"
    with contextlib.closing(ChainBuilder(tmp_path)) as chain:
        for number in range(30):
            chain.block(*(chain.transaction(record(other, note="x" * 300)) for other in (b"item\0%d" % number, key)))
        bundle, trust = json.dumps(head_bundle(chain.store, key)), trust_to_json(chain.trust)

    async def measure() -> list[float]:
        assert CHROMIUM is not None
        with served() as address:
            async with open_browser(CHROMIUM) as browser:
                await browser.open(address)
                found: list[float] = await browser.evaluate(f"({_TIMES})({json.dumps(bundle)}, {json.dumps(trust)})")
                return found

    times_ms = asyncio.run(measure())
    print(f"first {times_ms[0]:.1f} ms, best {min(times_ms):.1f} ms, median {sorted(times_ms)[20]:.1f} ms")
    assert min(times_ms) <= 50


# The rules of containers alone, on what no block holds: a copy of the module gives them away.
_STAYS = """
(async (cases) => {
  const text = (await (await fetch('/trace.js')).text()).replace('./verify.js', `${location.origin}/verify.js`);
  const copy = new Blob([text, 'export { staysOf, itemKey, itemOf };'], { type: 'text/javascript' });
  const { staysOf, itemKey, itemOf } = await import(URL.createObjectURL(copy));
  const { ProofError } = await import('/verify.js');
  const maps = (value) => {
    if (Array.isArray(value)) return value.map(maps);
    if (!value || typeof value !== 'object') return value;
    return new Map(Object.entries(value).map(([name, item]) => [name, maps(item)]));
  };
  return cases.map((histories) => {
    const recordsOf = (key) => {
      if (!Object.hasOwn(histories, itemOf(key))) throw new ProofError('parent_missing');
      return histories[itemOf(key)].map(([method, told, output]) => ({
        method, arguments: maps(told), output: maps(output),
      }));
    };
    try {
      return staysOf(itemKey('t0'), recordsOf);
    } catch (error) {
      return error instanceof ProofError ? error.code : error.stack;
    }
  });
})
"""


def stays_in_python(histories: dict[str, list[list[Any]]]) -> Any:
    acts = {
        head_key("item", thing): [Act(Operation(method, arguments), output) for method, arguments, output in records]
        for thing, records in histories.items()
    }
    try:
        return [[stay.item, stay.container, stay.since_ms, stay.until_ms] for stay in stays_of("t0", acts.get)]
    except ProofError as error:
        return error.code


def test_what_odd_records_say_of_containers() -> None:
    cases = [odd_histories(random.Random(f"containers {number}")) for number in range(1_000)]

    async def ask() -> list[Any]:
        assert CHROMIUM is not None
        with served() as address:
            async with open_browser(CHROMIUM) as browser:
                await browser.open(address)
                found: list[Any] = await browser.evaluate(f"({_STAYS})({json.dumps(cases)})")
                return found

    expected = [stays_in_python(histories) for histories in cases]
    assert asyncio.run(ask()) == expected
    assert sum(len(stays) for stays in expected if isinstance(stays, list)) > 500
    assert expected.count("parent_missing") > 5


# The module keeps its rule of signatures to itself; a copy of it gives it away.
_JUDGE = """
(async (signatures) => {
  const text = await (await fetch('/verify.js')).text();
  const copy = new Blob([text, 'export { isSigned };'], { type: 'text/javascript' });
  const { isSigned, unhex } = await import(URL.createObjectURL(copy));
  return Promise.all(signatures.map(([key, message, signature]) => isSigned(key, signature, unhex(message))));
})
"""


def test_the_published_edge_cases_of_ed25519() -> None:
    judged = [row for row in inputs() if len(row[2]) == 32 and len(row[4]) == 64]
    signatures = [[part.hex() for part in row[2:]] for row in judged]

    async def ask() -> list[bool]:
        assert CHROMIUM is not None
        with served() as address:
            async with open_browser(CHROMIUM) as browser:
                await browser.open(address)
                found: list[bool] = await browser.evaluate(f"({_JUDGE})({json.dumps(signatures)})")
                return found

    expected = [verify(key, message, signature) for _, _, key, message, signature in judged]
    found = asyncio.run(ask())
    assert [row[:2] for row, one, other in zip(judged, found, expected, strict=True) if one != other] == []
    assert sum(found) == 88 + 1 + 43
