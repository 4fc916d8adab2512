"""Places by their coordinates: what a ``geo:`` URI (RFC 5870) says, to a tenth of a degree."""

import re
from dataclasses import dataclass
from typing import Final

_GEO: Final = re.compile(r"geo:(-?[0-9]{1,2}(?:\.[0-9]{1,12})?),(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)(?:[,;].*)?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in tenths of a degree, north and east positive."""

    north: int
    east: int

    @property
    def text(self) -> str:
        """The place for people, such as ``62.5° N, 6.2° E``."""
        north, south = ("N", "S"), ("E", "W")
        return ", ".join(
            f"{abs(value) // 10}.{abs(value) % 10}\u00b0 {names[value < 0]}"
            for value, names in ((self.north, north), (self.east, south))
        )


def spot_of(identifier: str) -> Spot | None:
    """Return where a ``geo:`` URI is, or None for anything else."""
    match = _GEO.fullmatch(identifier)
    if match is None:
        return None
    north, east = float(match[1]), float(match[2])
    if abs(north) > 90 or abs(east) > 180:
        return None
    return Spot(round(north * 10), round(east * 10))
