"""What the page of a thing tells of its certificates, of customs and of emissions, and of its cold record."""

from pathlib import Path

from tests.support.cold_story import MINUTE_MS, tell
from tests.support.cold_story import PACK as COLD_PACK
from tests.support.example_ledger import create_ledger, example_document
from tests.support.example_papers import put_papers
from tests.support.running_node import running_node
from tests.unit.test_node_web_pages import HTML, PACK_PATH, client_of, facts_of, text_of


def test_papers_are_told_with_who_stands_behind_them(tmp_path: Path) -> None:
    ledger = create_ledger(tmp_path / "papers")
    ledger.capture("maker", 1, 4)
    ledger.hand_over("maker", "brand", example_document()["epcisBody"]["eventList"][0]["epcList"])
    ledger.capture("brand", 5, 8)
    put_papers(ledger)
    page = client_of(ledger).get(PACK_PATH, headers=HTML)
    text = text_of(page)
    for said in (
        "Caution Blue Monsoon Seafood has revoked a document about it: Old certificate. Replaced by a newer one",
        "Old certificate Revoked by Blue Monsoon Seafood: Replaced by a newer one. Certificate",
        "Sustainable fishery Evidenced by Blue Monsoon Seafood, which says that Ocean Watch <i> issued it.",
        "Certificate \u00b7 number MSC-C-1 \u00b7 valid until 1 Jan 2030",
        "Declared, not decided yet Way Sri Lanka \u2192 Netherlands Origin Maldives Commodity code 030487 (HS2022)",
        # 0.4 kg over 12,430 km at 7.8 g/tkm and over 70 km at 62 g/tkm.
        "41 g CO 2 e",
        "By sea, 12,430 km 39 g Blue Monsoon Seafood, modelled, factor: Example factors 2026",
        "By road, 70 km 2 g Blue Monsoon Seafood, from average values, factor: Example factors 2026",
    ):
        assert said in text, said
    assert "Watch <i>" not in page.text
    papers = facts_of(client_of(ledger))["papers"]
    assert papers["carbon"]["grams"] == 41
    assert [one["state"] for one in papers["documents"]] == ["revoked", "evidenced"]
    ledger.close()


def test_the_cold_record_is_told_and_drawn_with_its_gaps_and_breaches(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        path = COLD_PACK.removeprefix("https://id.gs1.org")
        tell(node)
        facts = node.get(path, format="json").json()
        assert facts["cold"] == {
            "disposition": "QUARANTINE",
            "readings": 8,
            "lowest_milli_celsius": 4_500,
            "highest_milli_celsius": 9_500,
            "out_of_range_ms": 30 * MINUTE_MS,
            "budget_ms": 120 * MINUTE_MS,
            "unmonitored_ms": 30 * MINUTE_MS,
            "breaches": 1,
            "unacknowledged": 1,
            "stays": 0,
            "is_whole": True,
        }
        assert [one["code"] for one in facts["outcome"]["reasons"]] == ["cold_quarantine"]
        page = node.get(path)
    text = text_of(page)
    assert "4.5 to 9.5 °C 8 readings; out of range for 30 min of the 2 h that its maker allows." in text
    assert "1 limit broken, 1 not looked into yet. Nobody measured for 30 min." in text
    counts = {kind: page.text.count(f'class="{kind}"') for kind in ("in", "out", "gap", "breach")}
    assert counts == {"in": 5, "out": 3, "gap": 1, "breach": 1}
