"""How soon clusters are well again after the network is healed, over a fixed set of seeds, and what is too slow.

The figures stand in liveness.json, which changes only on purpose.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.sim.run import Result

_KEPT: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "liveness.json").read_text("utf-8"))
_WORSE_BY: Final = 1.25

LIVENESS_SEEDS: Final = range(*_KEPT["seeds"])


def liveness_worsened(results: Sequence[Result]) -> str | None:
    """Return which figure is worse than the one kept by a quarter or more, or None."""
    times_ms = sorted(result.recovery_ms for result in results)
    for name, place in (("p50_ms", len(times_ms) // 2), ("p99_ms", len(times_ms) * 99 // 100)):
        if times_ms[place] > _WORSE_BY * _KEPT[name]:
            return f"liveness ({name} {times_ms[place]}, kept {_KEPT[name]})"
    return None
