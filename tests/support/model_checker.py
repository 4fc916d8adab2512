"""Check the model of the view change with spin: the model as it stands, its planted bugs, and its witnesses.

``python -m tests.support.model_checker`` prints a table. Rules: every state is looked at (no bitstate, no bound that
was reached), and an answer that does not say so is an error, not a pass.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.shared_data import REPOSITORY

MODEL: Final = REPOSITORY / "models" / "view_change.pml"
TOOLS: Final = ("spin", "gcc")

# The invariant that each planted bug breaks first. Each of them also ends in a fork: ``agreement`` on its own.
BUGS: Final = {
    "BUG_DROPS_THE_LOCK": "lock_shown",
    "BUG_CLEARS_THE_LOCK": "lock_shown",
    "BUG_ANY_JUSTIFICATION": "agreement",
    "BUG_LOWEST_CERTIFICATE": "agreement",
    "BUG_ONE_VIEW_CHANGE_SUFFICES": "agreement",
    "BUG_QUORUM_OF_F_PLUS_ONE": "certificate",
    "BUG_VOTES_IN_A_VIEW_IT_LEFT": "agreement",
    "BUG_FORGETS_ITS_VOTES": "one_value_a_slot",
}
# What good must be possible: spin has to refute the claim that it never happens.
WITNESSES: Final = ("WITNESS_DECIDED_IN_THE_LAST_VIEW", "WITNESS_LOCK_GIVEN_UP", "WITNESS_DECIDED_IN_EVERY_VIEW")

_SECONDS_MAX: Final = 300
_DEPTH_MAX: Final = 10_000


class ModelCheckError(Exception):
    """Spin or the compiler did not do its work, so nothing was checked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of spin found: the invariant that is broken or None, the states looked at, lines never reached."""

    broken: str | None
    states: int
    seconds: float
    unreached: tuple[str, ...]


def missing_tools() -> list[str]:
    """Return the programs that a check needs and this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def check(*switches: str, model: Path = MODEL) -> Verdict:
    """Check the model with these ``-D`` switches over all of its states, up to the first broken invariant.

    Raises
    ------
    ModelCheckError
        Something went wrong, or the search was not complete.

    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        began = time.monotonic()
        _run(place, "spin", *(f"-D{switch}" for switch in switches), "-a", str(model))
        # An error is found at once; only the model without one is searched to its end and worth optimising.
        _run(place, "gcc", "-O0" if switches else "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
        answer = _run(place, "./pan", f"-m{_DEPTH_MAX}")
        return _verdict(answer, time.monotonic() - began)


def _run(place: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise ModelCheckError(f"{command[0]} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _verdict(answer: str, seconds: float) -> Verdict:
    errors = re.search(r"errors: (\d+)$", answer, re.MULTILINE)
    states = re.search(r"(\S+) states, stored", answer)
    violated = re.search(r"assertion violated \(?(\w+)", answer)
    is_cut_short = "max search depth" in answer or (violated is None and "not completed" in answer)
    if errors is None or states is None or "Full statespace search" not in answer or is_cut_short:
        raise ModelCheckError(f"the search is not complete:\n{answer}")
    unreached = re.findall(r'^\t\S+:(\d+), state \d+, "(.*)"$', answer, re.MULTILINE)
    return Verdict(
        None if violated is None else violated[1],
        int(float(states[1])),
        seconds,
        tuple(f"{line}: {text}" for line, text in unreached if text != "-end-"),
    )


def main() -> int:
    """Check everything and print a table; the status says whether all is as it must be."""
    if missing := missing_tools():
        print(f"not checked: {' and '.join(missing)} must be installed", file=sys.stderr)
        return 1
    wanted: list[tuple[tuple[str, ...], str | None]] = [((), None)]
    wanted += [((bug,), name) for bug, name in BUGS.items()]
    wanted += [((bug, "AGREEMENT_ONLY"), "agreement") for bug in BUGS]
    wanted += [((witness,), "witness") for witness in WITNESSES]
    failures = 0
    print(f"{'model':<46} {'must find':<17} {'found':<17} {'states':>9} {'seconds':>8}")
    for switches, name in wanted:
        verdict = check(*switches)
        row = f"{name or '-':<17} {verdict.broken or '-':<17} {verdict.states:>9,} {verdict.seconds:>8.1f}"
        wrong = verdict.broken != name
        failures += wrong
        print(f"{' '.join(switches) or 'as it stands':<46} {row}{'   WRONG' if wrong else ''}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
