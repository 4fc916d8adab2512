"""`make machines`: every machine is run and counted, and one that finds something stops the run."""

import pytest

from contracts.settlement import posting
from tests.machines import MACHINES, main, run_machine


def test_every_machine_is_run_for_its_share_of_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(machine.share for machine in MACHINES) == 100
    assert main(["--steps", "20", "--seed", "7"]) == 0
    first, *rows, last = capsys.readouterr().out.splitlines()
    assert first == "seed 7"
    assert [row.split(" ")[0] for row in rows] == [machine.kind.__name__ for machine in MACHINES]
    steps = [int(row.split(" steps ")[0].split()[-1].replace(",", "")) for row in rows]
    assert all(found >= 20 * machine.share // 100 for found, machine in zip(steps, MACHINES, strict=True))
    assert f"{sum(steps):,} steps" in last


def test_what_a_machine_finds_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "_check_totals", lambda leg, sides: None)
    with pytest.raises(AssertionError):
        run_machine(MACHINES[0], 4_000, 7)
