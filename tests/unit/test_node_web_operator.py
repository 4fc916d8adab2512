"""The operator's pages: what is on them, that they go on where they end, and that nothing on them is markup."""

import asyncio
import re

import httpx
import pytest
from starlette.applications import Starlette

from node.web import operator
from node.web.operator import after_text
from tests.support.operator_ledger import busy_ledger, empty_ledger, operator_routes
from tests.support.trade_world import uetr
from tests.support.world_store import WorldStore


def get(ledger: WorldStore, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=operator_routes(ledger)))
        async with httpx.AsyncClient(transport=transport, base_url="http://node.test") as client:
            return await client.get(path)

    return asyncio.run(ask())


def lines(response: httpx.Response, section: str) -> list[str]:
    """Return the rows of a section as texts."""
    part = response.text.split(f'<section id="{section}">')[1].split("</section>")[0]
    rows = re.findall(r'<tr role="row">(<td.*?)</tr>', part, re.DOTALL)
    return [" | ".join(re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td.*?</td>", row)) for row in rows]


@pytest.fixture(scope="module")
def ledger() -> WorldStore:
    return busy_ledger()


def test_what_is_under_way_is_shown_and_what_has_ended_is_not(ledger: WorldStore) -> None:
    page = get(ledger, "/operator")
    assert page.status_code == 200
    held, disputed = lines(page, "payments")
    assert held == (
        f"{uetr(1)} | shop/eur | maker/hkd | 10.00 EUR | 85.01 HKD | held | 2026-01-01 00:00:07 UTC | "
        "2026-01-01 16:40:00 UTC"
    )
    assert disputed.startswith(f"{uetr(2)} | ")
    assert "| disputed |" in disputed
    (hold,) = lines(page, "holds")
    assert hold == f"{(b'h' * 16).hex()} | shop/eur | maker/eur | 300.00 EUR | 2026-01-01 00:01:15 UTC"
    assert lines(page, "windows") == ["noon | EUR | multilateral | 1 | open | 2026-01-01 00:01:00 UTC"]
    accounts = {row.split(" | ")[0]: row for row in lines(page, "accounts")}
    assert accounts["shop/eur"] == "shop/eur | shop | 9670.00 | 320.00 | 0.00 | 9990.00 | EUR | open"
    assert accounts["carrier/eur"].endswith(" | frozen")
    assert accounts["issuer/EUR"].startswith("issuer/EUR | bank | -10000.00 | ")
    assert f"As of block {ledger.store.tip.height}, 2026-01-01 00:00:19 UTC" in page.text


def test_a_page_keeps_to_itself(ledger: WorldStore) -> None:
    for path in ("/operator", f"/operator/payments/{uetr(1)}"):
        page = get(ledger, path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        assert "<script" not in page.text
        assert "{{" not in page.text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "&lt;b&gt;PO-26-1187&lt;/b&gt;" in get(ledger, f"/operator/payments/{uetr(1)}").text


def test_a_payment_is_told_step_by_step_with_its_times(ledger: WorldStore) -> None:
    page = get(ledger, f"/operator/payments/{uetr(2).upper()}")
    assert page.status_code == 200
    steps = re.findall(r'<p class="step-what">(.*?)</p><p class="quiet">(.*?)</p>', page.text)
    assert [re.sub(r"<[^>]+>", "", what) for what, _ in steps] == ["trade.open by shop", "trade.dispute by maker"]
    assert steps[0][1] == "2026-01-01 00:00:09.000 UTC, block 7"
    assert steps[1][1] == "2026-01-01 00:00:12.000 UTC, block 9, 3.000 s after the first"


def test_long_lists_go_on_by_a_link(ledger: WorldStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator, "ROWS_MAX", 2)
    seen: list[str] = []
    path = "/operator"
    for _ in range(10):
        page = get(ledger, path)
        seen += [row.split(" | ")[0] for row in lines(page, "accounts")]
        found = re.search(r'<a href="([^"]+)">More accounts</a>', page.text)
        if found is None:
            break
        path = found[1].replace("&amp;", "&").split("#")[0]
        assert "back to the beginning" in get(ledger, path).text
    assert seen == sorted(seen)
    assert {"carrier/eur", "issuer/EUR", "lp/hkd", "shop/eur"} < set(seen)
    assert len(seen) == len(set(seen))


def test_an_empty_ledger_and_what_is_not_there() -> None:
    ledger = empty_ledger()
    page = get(ledger, "/operator")
    for text in ("No payment waits for anything.", "Nothing is held.", "No window is open"):
        assert text in page.text
    for path, status in (
        ("/operator?lists=1", 400),
        ("/operator?accounts=x", 400),
        ("/operator?holds=%00", 400),
        (f"/operator/payments/{uetr(9)}", 404),
        ("/operator/payments/%00", 404),
        ("/operator/payments/<script>", 404),
    ):
        answer = get(ledger, path)
        assert answer.status_code == status, path
        assert "<script" not in answer.text
        assert 'href="/operator"' in answer.text


def test_times_after_the_first_step_in_words() -> None:
    assert [after_text(ms) for ms in (0, 59_999, 61_000, 3_600_000, 90_000_000)] == [
        "0.000 s",
        "59.999 s",
        "1 min 1 s",
        "1 h 0 min",
        "1 d 1 h",
    ]
