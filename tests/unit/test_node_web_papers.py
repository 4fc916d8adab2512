"""What the page of a thing tells of its certificates, of customs and of emissions, and of its cold record."""

from pathlib import Path

from tests.support.example_ledger import create_ledger, example_document
from tests.support.example_papers import put_papers
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
