"""What `tradelane bench proofs` says of the browser: the page's verifier in a real Chromium, on real bundles."""

from pathlib import Path

import pytest

from cli.benches.browser import chromium_path, measure_browser
from cli.benches.bundles import measure_bundles
from cli.benches.ledger import bench_ledger
from ledger.proof import trust_to_json

pytestmark = pytest.mark.skipif(chromium_path() is None, reason="no Chromium here")


def test_chromium_checks_bundles_and_says_how_long_it_took(tmp_path: Path) -> None:
    with bench_ledger(tmp_path, base_port=17_900) as ledger:
        bundles = {str(cost.blocks): text for cost, text in measure_bundles(ledger, 4, (1, 4))}
        trust = trust_to_json(ledger.trust)
    cost = measure_browser(bundles, trust)
    assert cost.absent is None
    assert cost.browser is not None
    assert cost.browser.startswith("Chrom")
    assert cost.verify_ms.keys() == {"1", "4"}
    assert all(0 < taken_ms < 10_000 for taken_ms in cost.verify_ms.values())
    changed = bundles["4"].replace('"after_count":0', '"after_count":1')
    assert changed != bundles["4"]
    assert measure_browser({"changed": changed}, trust).absent == "Chromium refused: history_count"
