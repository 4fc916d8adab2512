"""`tradelane bench` with tiny numbers: a real ledger, bundles and node; and the table that is made of figures."""

import asyncio
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cli.benches import goods, proofs
from cli.benches.browser import BrowserCost, measure_browser
from cli.benches.bundles import BundleCost, measure_bundles
from cli.benches.figures import Row, rows, trace_rows
from cli.benches.ledger import bench_ledger, filler_keys, item_id, item_life
from cli.benches.machine import Machine, best_us, faster, measure_machine
from cli.benches.serving import ITEMS, Rate, ServingError, commit_items, serve_in_process
from cli.benches.trace import RecallFigures, TraceFigures, TreeFigures
from cli.benches.tree import BatchCost, TreeCost, measure_tree
from ledger.authenticated_map import prove, verify
from ledger.state import head_key
from node.storage.store import Store
from tests.support.command_line import CommandLine
from tests.support.opened_bundles import transactions_of
from tradelane import verify_proof

BASE_PORT = 17_900


def test_the_command_measures_everything_and_leaves_nothing(
    tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tradelane.directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    # tests/browser has a real one.
    monkeypatch.setattr("cli.benches.browser.chromium_path", lambda: None)
    monkeypatch.setattr(proofs, "EVENTS", 3)
    monkeypatch.setattr(proofs, "_BLOCKS", (1, 3))
    monkeypatch.setattr(proofs, "SERVED_EVENTS", 2)
    outcome = tradelane("bench", "proofs", "--heads", "150", "--seconds", "0.1", "--json")
    assert outcome.code == 0, outcome.err
    figures = outcome.json
    assert figures["tree"]["heads"] == 150
    assert [batch["heads"] for batch in figures["tree"]["batches"]] == [1, 100]
    assert [(bundle["events"], bundle["blocks"]) for bundle in figures["bundles"]] == [(3, 1), (3, 3)]
    assert figures["browser"]["absent"] == "no Chromium here"
    one, three = figures["bundles"]
    assert 2_000 < one["gzip_bytes"] < one["raw_bytes"] < three["raw_bytes"] < 20_000
    for served in (figures["in_process"], figures["over_loopback"]):
        assert served["bundles_s"] > 1
        assert 0 < served["p50_ms"] <= served["p99_ms"]
        assert served["bundle_bytes"] > 2_000
    assert figures["machine"]["sha256_us"] > 0 < figures["machine"]["ed25519_verify_us"]
    assert "serving from a node over loopback HTTP" in outcome.err
    assert list(tradelane.directory.iterdir()) == []


def test_a_trace_and_a_recall_are_measured_whole(tradelane: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tradelane.directory))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(goods, "_LOINS", 4)
    monkeypatch.setattr(goods, "_MADE_AT_ONCE", 150)
    outcome = tradelane("bench", "trace", "--items", "400", "--json")
    assert outcome.code == 0, outcome.err
    tree, recall = outcome.json["tree"], outcome.json["recall"]
    # A fish, its loins, and each pack with its case and its pallet.
    assert tree["nodes"] == 1 + 4 + 4 * 33 * 3
    # The lot, ten batches of it, and what was made of three of these; an item is packed, and its case is not reached.
    assert (recall["items"], recall["reached"], recall["events"]) == (400, 411, 4)
    for figure in (tree["trace_s"], tree["answer_s"], recall["closure_s"], recall["summary_s"], recall["first_s"]):
        assert 0 < figure < 30
    assert list(tradelane.directory.iterdir()) == []


def test_the_table_of_a_trace_says_each_figure_beside_its_aim() -> None:
    machine = Machine("CPython 3.11.0", 2, sha256_us=0.5, ed25519_verify_us=50.0)
    tree = TreeFigures(nodes=10_000, events=16_000, trace_s=0.5, answer_s=0.3, answer_bytes=13_100_000)
    recall = RecallFigures(1_000_000, 1_000_011, 206, first_s=9.9, closure_s=3.0, summary_s=4.0, page_s=0.0017)
    assert trace_rows(TraceFigures(machine, tree, recall)) == [
        Row("trace of 10,000 nodes, 16,000 events", "0.50 s", "100 hashes each", "1 s at most"),
        Row("  its answer as JSON", "0.30 s, 13.1 MB"),
        Row("recall that reaches 1,000,011 things", "7.00 s", "14 hashes each", "10 s a million"),
        Row("  what it reaches, 206 events", "3.00 s"),
        Row("  who holds them and where, 1,000,000 items", "4.00 s"),
        Row("  the first time, by the clock", "9.90 s"),
        Row("  a page of 200 once it is known", "1.7 ms"),
    ]


@pytest.mark.parametrize("arguments", [["--heads", "0"], ["--seconds", "0"], ["--heads", "10000001"]])
def test_numbers_out_of_range_are_refused(tradelane: CommandLine, arguments: list[str]) -> None:
    assert tradelane("bench", "proofs", *arguments).code == 2


def test_the_table_says_each_figure_beside_the_machine_and_its_aim() -> None:
    machine = Machine("CPython 3.11.0", 2, sha256_us=0.5, ed25519_verify_us=50.0)
    rate = Rate(bundles_s=612.3, bundles_core_s=1_234.5, p50_ms=1.26, p99_ms=9.0, bundle_bytes=9)
    tree = TreeCost(1_000_000, 24.0, (BatchCost(1, 30.0), BatchCost(1_000, 15.0)), 4.9, 2_612.0, 3_100, 8.0)
    figures = proofs.ProofFigures(
        machine=faster(replace(machine, ed25519_verify_us=70.0), replace(machine, sha256_us=1.5)),
        tree=tree,
        bundles=(BundleCost(30, 1, 18_900, 5_600, 0.75), BundleCost(30, 6, 27_000, 10_100, 2.5)),
        browser=BrowserCost("Chrome/150", {"6": 11.7}),
        served_events=10,
        in_process=rate,
        over_loopback=replace(rate, bundles_core_s=None),
    )
    table = [(row.figure, row.measured, row.ratio, row.aim) for row in rows(figures)]
    assert table == [
        ("1 of 1,000,000 heads changed", "30.0 us a head", "60 hashes", ""),
        ("1,000 of 1,000,000 heads changed", "15.0 us a head", "30 hashes", "20 us at most"),
        ("  the store just opened", "24.0 us a head", "48 hashes", ""),
        ("  hashes that it needs", "4.9 a head", "", ""),
        ("path of a head, mean", "2.6 kB", "", ""),
        ("path of a head, longest", "3.1 kB", "", ""),
        ("bundle, 30 events in 1 block", "18.9 kB, gzip 5.6 kB", "", "20 kB at most"),
        ("  checked by Python", "0.8 ms", "15 checks", "50 ms at most"),
        ("bundle, 30 events in 6 blocks", "27.0 kB, gzip 10.1 kB", "", "20 kB at most"),
        ("  checked by Python", "2.5 ms", "50 checks", "50 ms at most"),
        ("  checked by Chrome/150", "11.7 ms", "234 checks", "50 ms at most"),
        ("served, 10 events, in process", "612 bundles/s, 1,234 a core", "", "500/s at least"),
        ("  one answer", "p50 1.3 ms, p99 9.0 ms", "", ""),
        ("served over loopback", "612 bundles/s", "", "500/s at least"),
        ("  one answer", "p50 1.3 ms, p99 9.0 ms", "", ""),
    ]
    without = rows(replace(figures, browser=BrowserCost(None, {}, "no Chromium here")))
    assert len(without) == len(table)
    assert Row("checked by a browser", "absent: no Chromium here", aim="50 ms at most") in without


def test_the_ledger_is_real_and_the_same_each_time(tmp_path: Path) -> None:
    roots = []
    for name in ("one", "two"):
        with bench_ledger(tmp_path / name, base_port=BASE_PORT, heads=50) as ledger:
            store = ledger.home.store
            for (cost, text), blocks in zip(measure_bundles(ledger, 4, (1, 4)), (1, 4), strict=True):
                facts = verify_proof(text, ledger.trust)
                assert facts.heads[0].key == head_key("item", item_id(f"bundle{blocks}"))
                assert len(facts.heads[0].records) == 4
                assert cost.raw_bytes == len(text.encode())
                assert len(transactions_of(json.loads(text))) == blocks
            for key in filler_keys(50):
                assert verify(store.tip.state_root, key, prove(store.tree_node, key)) is not None
            roots.append(store.tip.hash)
    assert roots[0] == roots[1]


def test_thirty_events_take_at_most_15_kb_at_a_million_heads(tmp_path: Path) -> None:
    with bench_ledger(tmp_path, base_port=BASE_PORT) as ledger:
        for cost, text in measure_bundles(ledger, 30, (1, 6, 30)):
            path = json.loads(text)["heads"][0]["path"]
            without_path = cost.raw_bytes - len(json.dumps(path, separators=(",", ":")))
            # Longest path of the 1,000,000 heads that `tradelane bench proofs` makes: 3.3 kB in six or seven nodes.
            longest_path = 3_400 * 4 // 3
            assert without_path + longest_path <= 15_000
            assert len(transactions_of(json.loads(text))) == cost.blocks


def test_an_item_lives_a_different_life_at_every_step() -> None:
    life = item_life("a", 30)
    assert {operation.method for operation in life} == {"provenance.capture"}
    assert len({operation.arguments["event_id"] for operation in life}) == 30
    assert all(operation.arguments["event_time_ms"] for operation in life)


async def serve_wrong_path(directory: Path) -> None:
    with bench_ledger(directory, base_port=BASE_PORT) as ledger:
        assert len(commit_items(ledger, 1)) == ITEMS
        await serve_in_process(ledger, ["/v1/items/proof?id="], 0.1)


def test_an_answer_that_is_no_bundle_is_not_counted(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="was answered with 400"):
        asyncio.run(serve_wrong_path(tmp_path))


def test_measuring_the_tree_changes_nothing(tmp_path: Path) -> None:
    with bench_ledger(tmp_path, base_port=BASE_PORT, heads=30) as ledger:
        chain_id, directory = ledger.chain.chain_id, ledger.home.config.ledger_directory
        before = ledger.chain.tip
    with closing(Store.open(directory, chain_id)) as store:
        cost = measure_tree(store, filler_keys(30))
        assert store.tip == before
    assert [batch.heads for batch in cost.batches] == [1]
    assert cost.cold_us > 0 < cost.proof_verify_us
    # Thirty heads and those of the network are a root and its children.
    assert 2 + 1 / 30 <= cost.hashes_a_head < 4
    assert 500 < cost.proof_bytes_mean <= cost.proof_bytes_max < 2_500


def test_the_best_of_several_rounds_is_kept() -> None:
    calls: list[None] = []
    assert 0 < best_us(lambda: calls.append(None), rounds=3, calls=5) < 1_000_000
    assert len(calls) == 15
    machine = measure_machine()
    assert machine.cores >= 1
    assert machine.python.startswith(("CPython 3", "PyPy 3"))
    assert item_id("x") == "https://id.gs1.org/01/09521101001006/21/x"


def test_a_browser_that_does_nothing_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    idle = tmp_path / "chromium"
    idle.write_text("#!/bin/sh\nexec sleep 60\n")
    idle.chmod(0o700)
    monkeypatch.setattr("cli.benches.browser.chromium_path", lambda: str(idle))
    assert measure_browser({}, "", patience_s=0.2).absent == "Chromium said nothing in 0 s"
