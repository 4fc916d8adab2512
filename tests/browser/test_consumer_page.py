"""The consumer page in a real browser: it fits a small phone, loads nothing else, and can be read in light and dark."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.benches.browser import chromium_path
from tests.support.browser import Browser, open_browser
from tests.support.example_ledger import PACK, create_ledger, example_ledger
from tests.support.example_papers import put_papers
from tests.support.page_texts import contrast, luminance, read_texts
from tests.support.web_pages import Pages, served_pages

CHROMIUM = chromium_path()
if CHROMIUM is None and "CI" not in os.environ:
    pytest.skip("Chromium is not installed here; .ci/run installs it", allow_module_level=True)

PATH = PACK.removeprefix("https://id.gs1.org")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pages]]:
    """Return the addresses of a page that is verified and of one with warnings."""
    verified = example_ledger(tmp_path_factory.mktemp("verified"))
    warned = create_ledger(tmp_path_factory.mktemp("warned"))
    warned.capture("maker", 1, 4)
    warned.capture("brand", 5, 27)
    put_papers(warned)
    with (
        contextlib.closing(verified),
        contextlib.closing(warned),
        served_pages(verified) as one,
        served_pages(warned) as two,
    ):
        yield {"verified": one, "warned": two}


async def facts(browser: Browser) -> dict[str, Any]:
    """Return what the browser made of the page."""
    width = await browser.evaluate("document.documentElement.scrollWidth")
    texts = await read_texts(browser)
    links = await browser.evaluate("[...document.querySelectorAll('nav a')].map(a => a.getBoundingClientRect().height)")
    return {"width": width, "texts": texts, "links": links, "requests": browser.requests, "problems": browser.problems}


def test_the_page_on_phones_and_desktops(pages: dict[str, Pages]) -> None:
    async def look() -> None:
        assert CHROMIUM is not None
        async with open_browser(CHROMIUM) as browser:
            for address in (
                pages["verified"].address + PATH,
                pages["warned"].address + PATH,
                pages["verified"].address + PATH[:-1] + "X",
            ):
                for width, scheme in ((320, "light"), (360, "dark"), (1280, "light")):
                    await browser.view(width, scheme=scheme)
                    await browser.open(address)
                    seen = await facts(browser)
                    assert seen["width"] <= width
                    own = f"{address.split('/01/')[0]}/"
                    assert [request for request in seen["requests"] if not request.startswith(("data:", own))] == []
                    assert [problem for problem in seen["problems"] if "404" not in problem] == []
                    assert min(seen["links"], default=44) >= 44
                    faint = [text for text in seen["texts"] if contrast(text["colour"], text["ground"]) < 4.5]
                    assert faint == []
                    assert min(text["size"] for text in seen["texts"]) >= 12

    asyncio.run(look())


def test_dark_is_dark_and_paper_is_white(pages: dict[str, Pages]) -> None:
    async def look() -> list[list[float]]:
        assert CHROMIUM is not None
        grounds = []
        async with open_browser(CHROMIUM) as browser:
            for scheme, media in (("light", ""), ("dark", ""), ("dark", "print")):
                await browser.view(360, scheme=scheme, media=media)
                await browser.open(pages["verified"].address + PATH)
                texts = await read_texts(browser)
                grounds.append(texts[0]["ground"])
                assert await browser.evaluate("document.querySelector('.verdict').textContent") == "Record verified"
        return grounds

    light, dark, paper = (luminance(ground) for ground in asyncio.run(look()))
    assert (light > 0.9, dark < 0.05, paper) == (True, True, 1.0)


def test_the_screenshot_of_the_readme_shows_this_page() -> None:
    image = Path(__file__).resolve().parents[2] / "docs" / "images" / "consumer-page.png"
    data = image.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(data[16:20], "big") == 720
    assert len(data) <= 200_000
