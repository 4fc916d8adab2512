"""The figures of a bench as the rows of a table, each beside its aim (issue and design name the aims)."""

from dataclasses import dataclass

from cli.benches.exposure import Exposure
from cli.benches.proofs import ProofFigures
from cli.benches.serving import Rate
from cli.benches.settle import SettleFigures
from cli.benches.trace import TraceFigures


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what, how much, how many hashes or signature checks of this machine that is, and what it should be."""

    figure: str
    measured: str
    ratio: str = ""
    aim: str = ""


def rows(figures: ProofFigures) -> list[Row]:
    """Return the table of ``tradelane bench proofs``."""
    machine = figures.machine

    def hashes(microseconds: float) -> str:
        return f"{microseconds / machine.sha256_us:.0f} hashes"

    def checks(milliseconds: float) -> str:
        return f"{milliseconds * 1_000 / machine.ed25519_verify_us:.0f} checks"

    tree = figures.tree
    found = [
        Row(
            f"{batch.heads:,} of {tree.heads:,} heads changed",
            f"{batch.plan_us:.1f} us a head",
            hashes(batch.plan_us),
            "20 us at most" if batch is tree.batches[-1] else "",
        )
        for batch in tree.batches
    ]
    found += [
        Row("  the store just opened", f"{tree.cold_us:.1f} us a head", hashes(tree.cold_us)),
        Row("  hashes that it needs", f"{tree.hashes_a_head:.1f} a head"),
        Row("path of a head, mean", _kilobytes(tree.proof_bytes_mean)),
        Row("path of a head, longest", _kilobytes(tree.proof_bytes_max)),
    ]
    for bundle in figures.bundles:
        where = f"{bundle.events} events in {bundle.blocks} block{'s' if bundle.blocks > 1 else ''}"
        size = f"{_kilobytes(bundle.raw_bytes)}, gzip {_kilobytes(bundle.gzip_bytes)}"
        found += [
            Row(f"bundle, {where}", size, aim="20 kB at most"),
            Row("  checked by Python", f"{bundle.verify_ms:.1f} ms", checks(bundle.verify_ms), "50 ms at most"),
        ]
        browser_ms = figures.browser.verify_ms.get(str(bundle.blocks))
        if browser_ms is not None:
            by = f"  checked by {figures.browser.browser}"
            found.append(Row(by, f"{browser_ms:.1f} ms", checks(browser_ms), "50 ms at most"))
    if figures.browser.absent is not None:
        found.append(Row("checked by a browser", f"absent: {figures.browser.absent}", aim="50 ms at most"))
    found += [
        *_served(f"served, {figures.served_events} events, in process", figures.in_process),
        *_served("served over loopback", figures.over_loopback),
    ]
    return found


def trace_rows(figures: TraceFigures) -> list[Row]:
    """Return the table of ``tradelane bench trace``."""
    tree, recall = figures.tree, figures.recall

    def hashes(seconds: float, number: int) -> str:
        return f"{seconds * 1_000_000 / number / figures.machine.sha256_us:.0f} hashes each"

    whole_s = recall.closure_s + recall.summary_s
    return [
        Row(
            f"trace of {tree.nodes:,} nodes, {tree.events:,} events",
            f"{tree.trace_s:.2f} s",
            hashes(tree.trace_s, tree.nodes),
            "1 s at most",
        ),
        Row("  its answer as JSON", f"{tree.answer_s:.2f} s, {tree.answer_bytes / 1_000_000:.1f} MB"),
        Row(
            f"recall that reaches {recall.reached:,} things",
            f"{whole_s:.2f} s",
            hashes(whole_s, recall.reached),
            "10 s a million",
        ),
        Row(f"  what it reaches, {recall.events:,} events", f"{recall.closure_s:.2f} s"),
        Row(f"  who holds them and where, {recall.items:,} items", f"{recall.summary_s:.2f} s"),
        Row("  the first time, by the clock", f"{recall.first_s:.2f} s"),
        Row("  a page of 200 once it is known", f"{recall.page_s * 1_000:.1f} ms"),
    ]


def settle_rows(figures: SettleFigures) -> list[Row]:
    """Return the table of ``tradelane bench settle``."""
    found = []
    for cost in figures.costs:
        who = f"{cost.clients} client{'s' if cost.clients > 1 else ''}"
        share = f"{cost.payments_s / figures.floor_payments_s:.1%} of the floor"
        found += [
            Row(f"{who}: payments of {figures.legs} legs", f"{cost.payments_s:,.0f} a second", share),
            Row("  to the receipt", f"p50 {cost.receipt_p50_ms:,.0f} ms, p99 {cost.receipt_p99_ms:,.0f} ms"),
            Row("  to the receipt with its proof", f"p50 {cost.proof_p50_ms:,.0f} ms, p99 {cost.proof_p99_ms:,.0f} ms"),
        ]
        found += [Row(f"  refused: {code}", f"{number:,}") for code, number in sorted(cost.refused.items())]
    checks = f"{figures.verify_ms * 1_000 / figures.machine.ed25519_verify_us:.0f} checks"
    size = f"{_kilobytes(figures.bundle_bytes)}, gzip {_kilobytes(figures.bundle_gzip_bytes)}"
    return [
        *found,
        Row("floor by signature checks alone", f"{figures.floor_payments_s:,.0f} a second"),
        Row("proof of a payment", size, aim="8 kB"),
        Row("  checked by Python", f"{figures.verify_ms:.1f} ms", checks, "50 ms at most"),
    ]


def exposure_rows(exposure: Exposure) -> list[tuple[str, str, str, str, str]]:
    """Return the table of what a provider risks: what, median, 99th of 100, most, when that began."""
    return [
        (
            spread.what + ("" if spread.is_measured else " (scaled)"),
            f"{spread.median:.3%}",
            f"{spread.p99:.2%}",
            f"{spread.most:.2%}",
            spread.most_on,
        )
        for spread in exposure.spreads
    ]


def _served(figure: str, rate: Rate) -> list[Row]:
    by_core = "" if rate.bundles_core_s is None else f", {rate.bundles_core_s:,.0f} a core"
    return [
        Row(figure, f"{rate.bundles_s:,.0f} bundles/s{by_core}", aim="500/s at least"),
        Row("  one answer", f"p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms"),
    ]


def _kilobytes(size_bytes: float) -> str:
    return f"{size_bytes / 1_000:.1f} kB"
