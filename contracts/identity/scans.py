"""Counts of scans, anchored by the hour: what a firm counted, before anybody knows what it will be asked.

The scans themselves stay off the ledger (ADR 0016). Once an hour is over, whoever counted signs the root of a map from
the codes that were scanned in it to how often, and can then neither add a scan to that hour nor leave one out.

Heads: ``scan_counts`` {hour_ms, root, codes, scans, anchored_ms}.
"""

from typing import Final

from contracts import heads
from contracts.arguments import Arguments, refuse
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from ledger.codec import Value, encode

HOUR_MS: Final = 3_600_000
SCANS_MAX: Final = 1_000_000_000
ROOT_BYTES: Final = 32


def hour_of(at_ms: int) -> int:
    """Return when the hour of a time began, milliseconds UTC."""
    return at_ms - at_ms % HOUR_MS


def counted(scans: int, first_ms: int, last_ms: int) -> bytes:
    """Return what the map of an hour holds of a code: how often it was scanned, first and last."""
    return encode([scans, first_ms, last_ms])


def anchor_scans(context: Context, arguments: dict[str, Value]) -> Value:
    """Anchor the scans that the sender counted in an hour that is over; once for an hour."""
    read = Arguments(arguments)
    hour_ms = read.integer("hour_ms")
    root = read.fixed("root", ROOT_BYTES)
    codes = read.integer("codes", 1, SCANS_MAX)
    scans = read.integer("scans", 1, SCANS_MAX)
    read.end()
    if hour_ms != hour_of(hour_ms):
        refuse(f"hour_ms is when an hour began, a multiple of {HOUR_MS}")
    if scans < codes:
        refuse("scans are at least one for each of the codes")
    if context.block.time_ms < hour_ms + HOUR_MS:
        raise Rejected(ResultCode.HOUR_NOT_OVER, f"the block is of {context.block.time_ms} ms")
    key = heads.scan_counts(context.member, hour_ms)
    if context.get(key) is not None:
        raise Rejected(ResultCode.SCANS_ANCHORED, f"{context.member} anchored the scans of the hour from {hour_ms} ms")
    made: dict[str, Value] = {
        "hour_ms": hour_ms,
        "root": root,
        "codes": codes,
        "scans": scans,
        "anchored_ms": context.block.time_ms,
    }
    context.put(key, made)
    return None
