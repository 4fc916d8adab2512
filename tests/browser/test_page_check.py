"""The check on the consumer page in a real browser: what it says of good proofs, lies, old states and old browsers.

Pictures of what a shopper sees are kept in ``$TRADELANE_TEST_OUTPUT``, or ``build/screenshots``.
"""

import asyncio
import contextlib
import copy
import json
import os
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.benches.browser import chromium_path
from ledger.codec import Value
from ledger.proof import trust_from_genesis, trust_to_json, verify_bundle
from node.proofs import trace_bundle
from tests.golden.generate_proofs import FOLDER
from tests.support.browser import Browser, open_browser
from tests.support.example_ledger import CASE, PACK, ExampleLedger, example_ledger
from tests.support.shared_data import REPOSITORY
from tests.support.web_pages import Pages, served_pages

CHROMIUM = chromium_path()
if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("Chromium is not installed here; .ci/run installs it", allow_module_level=True)

PATH = PACK.removeprefix("https://id.gs1.org")
PICTURES = Path(os.environ.get("TRADELANE_TEST_OUTPUT", REPOSITORY / "build")) / "screenshots"
DAY_MS = 86_400_000
_IS_DONE = "document.getElementById('check').dataset.state !== 'checking'"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    with contextlib.closing(example_ledger(tmp_path_factory.mktemp("ledger"))) as built:
        yield built


@pytest.fixture
def pages(ledger: ExampleLedger) -> Iterator[Pages]:
    with served_pages(ledger) as served:
        yield served


def looking(look: Callable[[Browser], Awaitable[None]], clock_ms: int) -> None:
    """Run a test in a browser whose clock stands at a time."""

    async def run() -> None:
        assert CHROMIUM is not None
        async with open_browser(CHROMIUM) as browser:
            await browser.before_load(f"Date.now = () => {clock_ms}")
            await browser.view(390, scale=2, is_still=True)
            await look(browser)

    asyncio.run(run())


async def result(browser: Browser) -> dict[str, Any]:
    """Return what the check says, once it says anything."""
    await browser.wait_for(_IS_DONE)
    seen: dict[str, Any] = await browser.evaluate(
        """(() => ({
          state: document.getElementById('check').dataset.state,
          text: document.getElementById('check-result').innerText,
          steps: [...document.querySelectorAll('#check-steps li')].map((row) => row.innerText),
          entries: document.querySelectorAll('#check-entries li').length,
          top: document.querySelector('.outcome')?.innerText ?? '',
          width: document.documentElement.scrollWidth,
        }))()"""
    )
    assert "genuine" not in (seen["text"] + seen["top"]).lower()
    return seen


async def picture(browser: Browser, name: str, selector: str = "#check") -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / f"{name}.png").write_bytes(await browser.screenshot(selector))


def test_a_good_proof_on_a_phone_and_a_desktop(ledger: ExampleLedger, pages: Pages) -> None:
    facts = verify_bundle(trace_bundle(ledger.home.store, PACK), trust_from_genesis(ledger.home.genesis))

    async def look(browser: Browser) -> None:
        for width, scheme in ((390, "light"), (390, "dark"), (1280, "light"), (1280, "dark")):
            await browser.view(width, scale=2 if width == 390 else 1, scheme=scheme, is_still=True)
            await browser.open(pages.address + PATH)
            seen = await result(browser)
            assert seen["state"] == "verified"
            assert seen["text"].startswith(
                "Record verified\n\nAs of block 20 of 11 Nov 2026, 06:51 UTC, 5 minutes ago."
            )
            assert seen["steps"] == [f"{step.title} {step.proves}" for step in facts.steps]
            # Its eight records, and the two containers that it was in.
            assert seen["entries"] == 10
            assert seen["top"].endswith("Checked by this server, and on this device.")
            assert seen["width"] <= width
            assert browser.problems == []
            await picture(browser, f"verified-{width}-{scheme}")
            await picture(browser, f"page-{width}-{scheme}", "html")

    looking(look, pages.clock_ms)


def _without_last_record(bundle: dict[str, Any]) -> dict[str, Any]:
    lie = copy.deepcopy(bundle)
    lie["history"][0]["records"].pop()
    return lie


def _with_record_exchanged(bundle: dict[str, Any]) -> dict[str, Any]:
    lie = copy.deepcopy(bundle)
    lie["history"][0]["records"][1] = lie["history"][0]["records"][0]
    return lie


def _with_other_value(bundle: dict[str, Any]) -> dict[str, Any]:
    lie = copy.deepcopy(bundle)
    value = lie["heads"][0]["value"]
    # A letter of a text in the head, such as the disposition: "recalled" hidden looks like this.
    lie["heads"][0]["value"] = value[:-3] + ("A" if value[-3] != "A" else "B") + value[-2:]
    return lie


@pytest.mark.parametrize(
    ("name", "lie", "code", "words"),
    [
        ("event-hidden", _without_last_record, "history_count", "Entries are missing"),
        ("event-exchanged", _with_record_exchanged, "history_chain", "Entries are missing"),
        ("state-altered", _with_other_value, "head_value", "not the one that the network holds"),
        ("not-a-proof", lambda _: {"format": "other"}, "unknown_format", "damaged, incomplete or not a proof"),
    ],
)
def test_a_lying_node_is_refused_in_red(
    pages: Pages, name: str, lie: Callable[[dict[str, Any]], dict[str, Any]], code: str, words: str
) -> None:
    pages.lie = lie

    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert seen["state"] == "refused"
        assert seen["text"].startswith("Proof refused")
        assert words in seen["text"]
        assert f"Reason: {code}." in seen["text"]
        assert seen["steps"] == []
        # What the server claimed at the top does not stand any longer.
        assert "verified" not in seen["top"].lower()
        assert seen["top"].startswith("Proof refused")
        red, green, _ = await browser.evaluate(
            "getComputedStyle(document.querySelector('#check .verdict')).color.match(/\\d+/g).map(Number)"
        )
        assert red > 2 * green
        await picture(browser, f"refused-{name}")
        if name == "event-hidden":
            await picture(browser, "refused-page", "main")

    looking(look, pages.clock_ms)


def test_the_proof_of_another_thing_is_refused(ledger: ExampleLedger, pages: Pages) -> None:
    other = trace_bundle(ledger.home.store, CASE)
    pages.lie = lambda _: other

    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert (seen["state"], "Reason: other_subject." in seen["text"]) == ("refused", True)

    looking(look, pages.clock_ms)


def test_an_old_state_served_as_new(pages: Pages) -> None:
    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert seen["state"] == "old"
        assert seen["text"].startswith(
            "Record verified, with a caution\n\nAs of block 20 of 11 Nov 2026, 06:51 UTC, 3 days"
        )
        assert "this server shows an old state as new" in seen["text"]
        await picture(browser, "old-state")

    looking(look, pages.clock_ms + 3 * DAY_MS)


def test_a_trust_file_that_knows_a_later_height_unmasks_an_old_state(
    ledger: ExampleLedger, pages: Pages, tmp_path: Path
) -> None:
    trust = json.loads(trust_to_json(trust_from_genesis(ledger.home.genesis)))
    later, now = tmp_path / "later.json", tmp_path / "now.json"
    now.write_text(json.dumps(trust))
    later.write_text(json.dumps({**trust, "height": 21, "earlier": [{"height": 0, "validators": trust["validators"]}]}))

    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        assert (await result(browser))["state"] == "verified"
        await browser.choose_file("#trust-file", later)
        await browser.wait_for("document.getElementById('check').dataset.state === 'refused'")
        seen = await result(browser)
        assert "Reason: stale." in seen["text"]
        assert seen["top"].startswith("Proof refused")
        await browser.choose_file("#trust-file", now)
        await browser.wait_for("document.getElementById('check').dataset.state === 'verified'")
        seen = await result(browser)
        assert "with your trust file now.json." in seen["text"]
        assert seen["top"].startswith("Record verified")

    looking(look, pages.clock_ms)


def _absent(bundle: dict[str, Any]) -> dict[str, Any]:
    lie = copy.deepcopy(bundle)
    for head in lie["heads"]:
        head["value"] = None
    return lie


def test_a_recall_is_looked_up_and_proven_by_the_page_itself(tmp_path: Path) -> None:
    with contextlib.closing(example_ledger(tmp_path)) as ledger, served_pages(ledger) as pages:
        address = pages.address + PATH

        async def look(browser: Browser) -> None:
            await browser.view(390, scale=2, is_still=True)
            await browser.open(address)
            seen = await result(browser)
            assert "No recall of it, its lot or its product stands as of block 20: that is proven too." in seen["text"]
            pages.lie_of_recalls = lambda _: None
            await browser.open(address)
            seen = await result(browser)
            assert (seen["state"], "could not be checked" in seen["text"]) == ("old", True)

            pages.lie_of_recalls = lambda bundle: bundle
            targets: list[Value] = [["product", "09521102002002"]]
            recall = "provenance.open_recall"
            ledger.call("brand", recall, id="r1", targets=targets, severity="stop", reason="Histamine found")
            await browser.open(address)
            seen = await result(browser)
            assert seen["top"].startswith("Recalled\n")
            assert (seen["state"], "It is recalled, as of block 21." in seen["text"]) == ("old", True)
            await picture(browser, "recalled-390", "html")

            # A server that keeps it off the page is found out, and one that denies it in the proof too.
            hide = "document.querySelector('.outcome').className = 'outcome verified'"
            await browser.before_load(f"document.addEventListener('readystatechange', () => {{ {hide} }})")
            await browser.open(address)
            seen = await result(browser)
            assert (seen["state"], "Reason: recall_untold." in seen["text"]) == ("refused", True)
            pages.lie_of_recalls = _absent
            await browser.open(address)
            seen = await result(browser)
            assert (seen["state"], "Reason: head_present." in seen["text"]) == ("refused", True)

        looking(look, pages.clock_ms)


def test_a_page_that_leaves_entries_out(pages: Pages) -> None:
    async def look(browser: Browser) -> None:
        script = "addEventListener('DOMContentLoaded', () => { document.getElementById('check').dataset.count = 7; })"
        await browser.before_load(f"document.{script}")
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert seen["state"] == "old"
        assert "The page tells of 7 entries, the proof of 8." in seen["text"]

    looking(look, pages.clock_ms)


def test_a_proof_that_does_not_come(pages: Pages) -> None:
    pages.lie = lambda _: None

    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert seen["state"] == "unreachable"
        assert seen["text"].startswith("Not checked\n\nThe proof could not be fetched.")
        assert seen["top"].endswith("Checked by this server alone; its proof could not be fetched.")

    looking(look, pages.clock_ms)


_NO_ED25519 = """
const importKey = crypto.subtle.importKey;
SubtleCrypto.prototype.importKey = function (format, data, algorithm, ...rest) {
  if ((algorithm.name ?? algorithm) === 'Ed25519') throw new DOMException('Unrecognized name.', 'NotSupportedError');
  return importKey.call(this, format, data, algorithm, ...rest);
};
"""
_NO_WEBCRYPTO = "Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })"


@pytest.mark.parametrize(
    ("script", "words"), [(_NO_ED25519, "too old to check Ed25519"), (_NO_WEBCRYPTO, "pages that come by https alone")]
)
def test_a_browser_that_cannot_check_says_so(pages: Pages, script: str, words: str) -> None:
    async def look(browser: Browser) -> None:
        await browser.before_load(script)
        await browser.open(pages.address + PATH)
        seen = await result(browser)
        assert seen["state"] == "unsupported"
        assert seen["text"].startswith("Not checked\n\nThis browser cannot check the proof.")
        assert words in seen["text"]
        assert "verified" not in seen["text"].lower()
        assert seen["steps"] == []
        assert seen["top"].endswith("Checked by this server alone; this browser could not.")
        await picture(browser, f"unsupported-{'ed25519' if script is _NO_ED25519 else 'webcrypto'}")

    looking(look, pages.clock_ms)


def test_the_saved_page_works_without_a_network(ledger: ExampleLedger, pages: Pages, tmp_path: Path) -> None:
    saved, bundle_file, bad_file = tmp_path / "record-check.html", tmp_path / "proof.json", tmp_path / "bad.json"
    bundle = trace_bundle(ledger.home.store, PACK)
    bundle_file.write_text(json.dumps(bundle))
    bad_file.write_text(json.dumps(_without_last_record(bundle)))
    with urllib.request.urlopen(f"{pages.address}{PATH}?format=offline") as response:
        assert response.headers["content-disposition"] == 'attachment; filename="record-check.html"'
        saved.write_bytes(response.read())
    text = saved.read_text(encoding="utf-8")
    assert "unsafe-inline" not in text

    async def look(browser: Browser) -> None:
        await browser.go_offline()
        for width in (390, 1280):
            await browser.view(width, scale=2 if width == 390 else 1, is_still=True)
            await browser.open(saved.as_uri())
            seen = await result(browser)
            assert (seen["state"], seen["entries"], seen["width"] <= width) == ("verified", 10, True)
            await picture(browser, f"offline-{width}", "html")
        assert browser.problems == []
        assert {request.split(":")[0] for request in browser.requests} <= {"file", "data"}
        for path, state in ((bad_file, "refused"), (bundle_file, "verified"), (FOLDER / "good_item.json", "refused")):
            await browser.choose_file("#bundle-file", path)
            await browser.wait_for(f"document.getElementById('check').dataset.state === '{state}'")
        await browser.choose_file("#bundle-file", bundle_file)
        await browser.wait_for("document.getElementById('check').dataset.state === 'verified'")
        await browser.choose_file("#trust-file", FOLDER / "trust_toy.json")
        await browser.wait_for("document.getElementById('check').dataset.state === 'refused'")
        assert "Reason: other_chain." in (await result(browser))["text"]
        await picture(browser, "offline-refused", "html")

    looking(look, pages.clock_ms)


def test_the_keyboard_reaches_everything(pages: Pages) -> None:
    async def look(browser: Browser) -> None:
        await browser.open(pages.address + PATH)
        await result(browser)
        reached = []
        await browser.evaluate("document.querySelector('#check-more summary').focus()")
        await browser.press("Enter")
        await browser.wait_for("document.getElementById('check-more').open")
        await browser.press("Tab")
        reached.append(await browser.evaluate("document.activeElement.innerText"))
        await browser.press("Enter")
        await browser.press("Tab")
        reached.append(await browser.evaluate("document.activeElement.id"))
        assert reached == ["Whom you trust in this", "trust-file"]
        assert await browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await picture(browser, "open-details")

    looking(look, pages.clock_ms)


def test_who_wants_no_motion_gets_none(pages: Pages) -> None:
    async def look(browser: Browser) -> None:
        for is_still, name in ((False, "appear"), (True, "none")):
            await browser.view(390, is_still=is_still)
            await browser.open(pages.address + PATH)
            await result(browser)
            step = "document.querySelector('#check-steps li')"
            assert await browser.evaluate(f"getComputedStyle({step}).animationName") == name

    looking(look, pages.clock_ms)


def test_without_scripts_the_record_is_there_with_a_hint(pages: Pages) -> None:
    async def look(browser: Browser) -> None:
        await browser.call("Emulation.setScriptExecutionDisabled", value=True)
        await browser.open(pages.address + PATH)
        await browser.call("Emulation.setScriptExecutionDisabled", value=False)
        text = await browser.evaluate("document.body.innerText")
        assert "Record verified" in text
        assert "Your browser runs no scripts, so only this server has checked." in text
        assert "Checked by this server." in text
        assert "CHECKED ON THIS DEVICE" not in text.upper()
        await picture(browser, "without-scripts", "html")

    looking(look, pages.clock_ms)
