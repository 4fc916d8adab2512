"""What readings come to, by a plain model that knows all of them at once and looks at each interval by itself."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

from tests.support.contract_cold_chain_cases import LIMITS, MINUTE_MS

GAP_MS = 15 * MINUTE_MS


@dataclass
class Watch:
    """An interval of the model, with an end or without one yet."""

    from_ms: int
    until_ms: int | None = None


@dataclass
class Findings:
    """What the model says of the thing as a whole."""

    out_ms: int = 0
    unmonitored_ms: int = 0
    breaches: set[tuple[int, int, int]] = field(default_factory=set)
    is_rejected: bool = False


def judged(watch: Watch, readings: list[tuple[int, int, int]], found: Findings) -> None:
    """Add what one watch finds in all the readings of its device."""
    inside = [one for one in readings if one[1] >= watch.from_ms]
    end_ms = watch.until_ms if watch.until_ms is not None else None
    is_over = end_ms is not None and any(one[1] >= end_ms for one in inside)
    if not inside:
        return
    first_ms = inside[0][1] if end_ms is None else min(inside[0][1], end_ms)
    starts_over = end_ms is not None and inside[0][1] >= end_ms
    if first_ms - watch.from_ms > GAP_MS or starts_over:
        found.unmonitored_ms += first_ms - watch.from_ms
    if starts_over:
        return
    pieces: list[tuple[int, int, int, int] | None] = []
    for (sequence, time_ms, value), after in pairwise(inside):
        if end_ms is not None and time_ms >= end_ms:
            break
        stop_ms = after[1] if end_ms is None else min(after[1], end_ms)
        if after[1] - time_ms > GAP_MS or after[0] != sequence + 1:
            found.unmonitored_ms += stop_ms - time_ms
            pieces.append(None)
            continue
        pieces.append((sequence, time_ms, stop_ms, value))
        found.out_ms += stop_ms - time_ms if not 2_000 <= value <= 8_000 else 0
    assert not is_over or pieces
    for number, limit in enumerate(LIMITS):
        timer, side, threshold, duration_ms, gravity = cast("tuple[str, str, int, int, str]", tuple(cast(list, limit)))  # type: ignore[type-arg]
        elapsed_ms, first = 0, 0
        for piece in pieces:
            is_out = piece is not None and (piece[3] > threshold if side == "above" else piece[3] < threshold)
            if not is_out and timer == "consecutive":
                elapsed_ms, first = 0, 0
            if piece is None or not is_out:
                continue
            first = first or piece[0]
            elapsed_ms += piece[2] - piece[1]
            if elapsed_ms >= duration_ms:
                found.breaches.add((watch.from_ms, number, first))
                found.is_rejected |= gravity == "reject"
