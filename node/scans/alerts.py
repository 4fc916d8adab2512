"""What is odd about the scans of a thing: risks with their reasons, never a verdict.

A code can be copied and its copy scanned. What gives a copy away is that two scans cannot be of one thing, that a thing
is scanned which the ledger says is no more, or that nobody has recorded it. Most odd scans are mistakes, so that the
first advice is to scan again (the order of the European medicines verification system's alerts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from contracts.identity.scans import HOUR_MS
from contracts.provenance.life import ENDED
from node.scans.log import Scan
from node.spots import Spot, distance_km

UNKNOWN: Final = "unknown_serial"
NOT_IN_TRADE: Final = "not_in_trade"
IMPOSSIBLE_TRAVEL: Final = "impossible_travel"
MANY_SCANS: Final = "many_scans"

_FASTEST_KM_PER_H: Final = 900.0
_UNCERTAIN_KM: Final = 32.0
"""Both places are known to a tenth of a degree."""
# As many scans within as many milliseconds.
_MANY: Final = ((3, 24 * HOUR_MS), (10, 7 * 24 * HOUR_MS))


@dataclass(frozen=True, slots=True)
class Alert:
    """A risk: ``code`` is one of the words above, ``at_ms`` the scan that showed it (None: no scan did)."""

    code: str
    text: str
    at_ms: int | None


def alerts_of(scans: Sequence[Scan], status: str | None) -> tuple[Alert, ...]:
    """Return what is odd about a thing's scans, oldest first; its status is None where the ledger does not know it."""
    last_ms = scans[-1].at_ms if scans else None
    found = []
    if status is None:
        found.append(
            Alert(UNKNOWN, "Nobody has recorded this code. Scan it again; if it stays so, ask its maker.", last_ms)
        )
    elif status in ENDED and scans:
        found.append(Alert(NOT_IN_TRADE, f"It is recorded as {status}, and its code is scanned all the same.", last_ms))
    placed = [(scan.at_ms, scan.spot) for scan in scans if scan.spot is not None]
    travelled = next((pair for pair in pairwise(placed) if _is_impossible(*pair)), None)
    if travelled is not None:
        (before_ms, before), (after_ms, after) = travelled
        minutes = -(-(after_ms - before_ms) // 60_000)
        text = (
            f"Its code was scanned at {before.text} and {minutes} min later at {after.text}, "
            f"{round(distance_km(before, after))} km away: one of the two may be a copy."
        )
        found.append(Alert(IMPOSSIBLE_TRAVEL, text, after_ms))
    many_ms = _many_ms([one.at_ms for one in scans])
    if many_ms is not None:
        found.append(Alert(MANY_SCANS, f"Its code was scanned {len(scans)} times, often within a short time.", many_ms))
    return tuple(found)


def _is_impossible(before: tuple[int, Spot], after: tuple[int, Spot]) -> bool:
    hours = (after[0] - before[0]) / HOUR_MS
    return distance_km(before[1], after[1]) - _UNCERTAIN_KM > _FASTEST_KM_PER_H * hours + _UNCERTAIN_KM


def _many_ms(times: Sequence[int]) -> int | None:
    """Return when there first were many scans within a short time, or None."""
    found = [
        times[last]
        for number, span_ms in _MANY
        for last in range(number - 1, len(times))
        if times[last] - times[last - number + 1] <= span_ms
    ]
    return min(found, default=None)
