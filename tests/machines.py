"""All state machines for so many steps together, counted: ``python -m tests.machines --steps 20000``.

The suite runs each of them for a short while, and shows that it fails without its rules. Here chance is new each time:
the seed is printed, and a run of a seed can be had again. A step is a rule that ran with all invariants held after it.

What of settlement.md section 7 a machine checks is in ``MACHINES``. The others have no operations to draw: I14 is not
built as written (docs/compliance.md); I15 tests/property/test_party_data.py; I16 and I19 the simulator, ``make sim
KIND=--contracts`` and ``KIND=--real``; I17 tests/property/test_bank_messages.py and tests/golden.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.property.test_contracts_accounts import Settlement
from tests.property.test_contracts_cold_chain import ColdChain
from tests.property.test_contracts_netting import Windows
from tests.property.test_contracts_payments import Exchanges
from tests.property.test_contracts_trade import Trade
from tests.property.test_provenance_machine import Provenance

_STEPS_A_RUN: Final = 50
_RUNS_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and what it checks; ``share`` is its part of all steps, in hundredths."""

    kind: type[RuleBasedStateMachine]
    checks: str
    share: int


MACHINES: Final = (
    Machine(Settlement, "I1 to I7, I18, I20", 35),
    Machine(Exchanges, "I8 to I10", 15),
    Machine(Trade, "I11, I12", 15),
    Machine(Windows, "I13", 15),
    Machine(Provenance, "packing, custody, recall, readings, declarations", 15),
    Machine(ColdChain, "timers, gaps, budgets", 5),
)


@dataclass(slots=True)
class Counted:
    """What a machine has done."""

    steps: int = 0
    runs: int = 0
    seconds: float = 0.0


def run_machine(machine: Machine, steps: int, first_seed: int) -> Counted:
    """Run a machine for at least so many steps; raises what its model or an invariant has to say."""
    counted = Counted()
    began = time.monotonic()

    class Counting(machine.kind):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            counted.runs += 1
            # The invariants are checked once before the first step.
            counted.steps -= 1

        def check_invariants(self, *arguments: Any, **named: Any) -> None:
            super().check_invariants(*arguments, **named)
            counted.steps += 1

    chosen = settings(
        max_examples=min(_RUNS_AT_ONCE, -(-steps // _STEPS_A_RUN)),
        stateful_step_count=_STEPS_A_RUN,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    number = first_seed
    while counted.steps < steps:
        run_state_machine_as_test(seed(number)(Counting), settings=chosen)
        number += 1
    counted.seconds = time.monotonic() - began
    return counted


def main(arguments: Sequence[str]) -> int:
    """Run all machines and print what each did."""
    parser = argparse.ArgumentParser(prog="tests.machines", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=20_000, help="of all machines together (20000)")
    parser.add_argument("--seed", type=int, default=None, help="the first seed (drawn)")
    asked = parser.parse_args(arguments)
    first_seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {first_seed}")
    total = Counted()
    for machine in MACHINES:
        found = run_machine(machine, -(-asked.steps * machine.share // 100), first_seed)
        total = Counted(total.steps + found.steps, total.runs + found.runs, total.seconds + found.seconds)
        name = f"{machine.kind.__name__} ({machine.checks})"
        print(f"{name:62} {found.steps:7,} steps {found.runs:5,} runs {found.seconds:6.1f} s", flush=True)
    print(f"{'all, nothing broken':62} {total.steps:7,} steps {total.runs:5,} runs {total.seconds:6.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
