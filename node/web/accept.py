"""What a client would rather have, by its ``Accept`` and ``Accept-Language`` (RFC 9110 sections 12.5.1 and 12.5.4)."""

from collections.abc import Sequence
from typing import Final

from node.web.linkset import LINKSET_TYPE

HTML: Final = "text/html"
JSON: Final = "application/json"
# In the order in which we prefer them where the client has no preference.
_OFFERED: Final = (HTML, JSON, LINKSET_TYPE)
_ENTRIES_MAX: Final = 64


def negotiate(accepts: Sequence[str]) -> str:
    """Return the media type to answer with; a client that accepts none of ours gets the page all the same."""
    ranges = read_weights(accepts)
    if not any("/" in media_range for media_range, _ in ranges):
        return HTML
    return max(_OFFERED, key=lambda offered: weight_of(offered, ranges))


def read_weights(lines: Sequence[str]) -> list[tuple[str, float]]:
    """Return what the lines of ``Accept`` or ``Accept-Language`` name, in small letters, each with its weight."""
    return [entry for line in lines for entry in map(_entry, line.split(",")[:_ENTRIES_MAX]) if entry is not None]


def weight_of(offered: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific media range that a type falls under."""
    for wanted in (offered, offered.partition("/")[0] + "/*", "*/*"):
        weights = [weight for media_range, weight in ranges if media_range == wanted]
        if weights:
            return max(weights)
    return 0.0


def _entry(text: str) -> tuple[str, float] | None:
    """Return a name with its weight, or None where it is not one."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    if not name:
        return None
    weight = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return None
    return name, weight if 0 <= weight <= 1 else 0.0
