"""Spans of time as text, for the page and the terminal alike."""

from typing import Final

_MINUTE_MS: Final = 60_000


def duration_text(span_ms: int) -> str:
    """Return a span in days, hours and minutes; less than a minute in seconds.

    >>> duration_text(5_400_000), duration_text(86_400_000), duration_text(1_500)
    ('1 h 30 min', '1 d', '1.5 s')
    """
    if span_ms < _MINUTE_MS:
        return f"{span_ms / 1_000:g} s"
    hours, minutes = divmod(span_ms // _MINUTE_MS, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
