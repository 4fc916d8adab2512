"""Which of our representations a client wants, by its ``Accept`` (RFC 9110 section 12.5.1)."""

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
    ranges = [entry for line in accepts for entry in map(_entry, line.split(",")[:_ENTRIES_MAX]) if entry is not None]
    if not ranges:
        return HTML
    return max(_OFFERED, key=lambda offered: _weight(offered, ranges))


def _entry(text: str) -> tuple[str, float] | None:
    """Return a media range with its weight, or None where it is not one."""
    media_range, *parameters = (part.strip().lower() for part in text.split(";"))
    if media_range.count("/") != 1:
        return None
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return None
    return media_range, weight if 0 <= weight <= 1 else 0.0


def _weight(offered: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that a type falls under."""
    for wanted in (offered, offered.partition("/")[0] + "/*", "*/*"):
        weights = [weight for media_range, weight in ranges if media_range == wanted]
        if weights:
            return max(weights)
    return 0.0
