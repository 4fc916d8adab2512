"""Places by their coordinates: what a ``geo:`` URI (RFC 5870) says, to a tenth of a degree, and distances."""

import re
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final

_EARTH_KM: Final = 6_371.0
_GEO: Final = re.compile(r"geo:(-?[0-9]{1,2}(?:\.[0-9]{1,12})?),(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)(?:[,;].*)?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in tenths of a degree, north and east positive."""

    north: int
    east: int

    @property
    def uri(self) -> str:
        """The place as a ``geo:`` URI.

        >>> Spot(455, -92).uri
        'geo:45.5,-9.2'
        """
        return f"geo:{self.north / 10:g},{self.east / 10:g}"

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


def distance_km(one: Spot, other: Spot) -> float:
    """Return the distance of two places on the sphere (haversine)."""
    north, other_north = radians(one.north / 10), radians(other.north / 10)
    east = radians((other.east - one.east) / 10)
    half = sin((other_north - north) / 2) ** 2 + cos(north) * cos(other_north) * sin(east / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))
