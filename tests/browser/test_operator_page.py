"""The operator's pages in a real browser: a phone, a desktop, light and dark; nothing is loaded, all can be read."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from cli.benches.browser import chromium_path
from tests.support.browser import open_browser
from tests.support.javascript_verifier import served
from tests.support.operator_ledger import busy_ledger, empty_ledger, operator_routes
from tests.support.page_texts import contrast, luminance, read_texts
from tests.support.trade_world import uetr

CHROMIUM = chromium_path()
if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("Chromium is not installed here; .ci/run installs it", allow_module_level=True)

_LINKS = "[...document.querySelectorAll('nav a, .more a, .back a')].map(a => a.getBoundingClientRect().height)"
_ROW = "getComputedStyle(document.querySelector('#accounts tbody tr')).display"


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    """Return the addresses of a busy ledger's pages and of an empty one's."""
    with served(operator_routes(busy_ledger())) as busy, served(operator_routes(empty_ledger())) as empty:
        yield busy, empty


def test_the_pages_on_phones_and_desktops(addresses: tuple[str, str]) -> None:
    busy, empty = addresses

    async def look() -> list[Any]:
        assert CHROMIUM is not None
        grounds, displays = [], []
        async with open_browser(CHROMIUM) as browser:
            for width, scheme in ((320, "light"), (768, "dark"), (1024, "light")):
                await browser.view(width, scheme=scheme)
                for address in (f"{busy}/operator", f"{busy}/operator/payments/{uetr(2)}", f"{empty}/operator"):
                    await browser.open(address)
                    assert await browser.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
                    own = address.split("/operator", maxsplit=1)[0]
                    assert [url for url in browser.requests if not url.startswith(("data:", own))] == []
                    assert browser.problems == []
                    assert min(await browser.evaluate(_LINKS)) >= 44
                    texts = await read_texts(browser)
                    assert [text for text in texts if contrast(text["colour"], text["ground"]) < 4.5] == []
                    assert min(text["size"] for text in texts) >= 12
                grounds.append(luminance(texts[0]["ground"]))
                await browser.open(f"{busy}/operator")
                displays.append(await browser.evaluate(_ROW))
        return [grounds, displays]

    grounds, displays = asyncio.run(look())
    assert displays == ["block", "block", "table-row"], "cards, and a table where there is room"
    assert [ground > 0.9 for ground in grounds] == [True, False, True]
