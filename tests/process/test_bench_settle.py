"""`tradelane bench settle` on real processes: payments of seven legs arrive, and each has a proof that holds."""

import json
import subprocess
from pathlib import Path

import pytest

from cli.processes import program, program_environment

pytestmark = pytest.mark.slow


def test_payments_are_committed_and_proven_and_nothing_is_left(tmp_path: Path) -> None:
    environment = {**program_environment(), "TMPDIR": str(tmp_path)}
    command = program("bench", "settle", "--seconds", "0.2", "--clients", "1", "--json")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["settle"]
    (cost,) = figures["costs"]
    assert (cost["clients"], figures["legs"], cost["refused"]) == (1, 7, {})
    assert cost["payments"] >= 1
    assert 0 < cost["receipt_p50_ms"] <= cost["proof_p50_ms"] <= cost["proof_p99_ms"]
    assert 2_000 < figures["bundle_gzip_bytes"] < figures["bundle_bytes"] < 8_000
    assert figures["verify_ms"] > 0
    assert list(tmp_path.iterdir()) == []
