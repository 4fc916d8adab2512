"""A schematic map of a journey, drawn here: no tiles, no coastlines, nobody else is asked where a shopper's goods were.

Places are those whose identifier is a ``geo:`` URI (RFC 5870); the others are in the list alone. They are shown to a
tenth of a degree, about ten kilometres, and joined in their order by straight lines, which are no routes.
"""

from collections.abc import Iterable
from math import cos, radians
from typing import Final

from markupsafe import Markup

from node.spots import Spot, spot_of
from node.web.journey import SOURCE, Step

WIDTH: Final = 320
HEIGHT: Final = 180
_MARGIN: Final = 24
_PLACES_MAX: Final = 40
_SPAN_MIN: Final = 1.0
_GRID_DEGREES: Final = (0.5, 1, 2, 5, 10, 15, 30, 45)
_GRID_LINES_MAX: Final = 6


def spots_of(steps: Iterable[Step]) -> list[Spot]:
    """Return the places of a thing's own journey by time, each once in a row."""
    found: list[Spot] = []
    for step in sorted(steps, key=lambda one: one.at_ms):
        spot = None if step.place is None or step.scope == SOURCE or step.is_declared_wrong else spot_of(step.place.id)
        if spot is not None and found[-1:] != [spot]:
            found.append(spot)
    return found[-_PLACES_MAX:]


def map_svg(spots: list[Spot]) -> Markup | None:
    """Return the map as SVG, made of numbers alone, or None where there are not two places to join."""
    if len(set(spots)) < 2:
        return None
    points = [(spot.east / 10, spot.north / 10) for spot in spots]
    easts = [east for east, _ in points]
    if max(easts) - min(easts) > 180:
        # The short way round crosses the date line.
        points = [(east + 360 if east < 0 else east, north) for east, north in points]
    view = _View(points)
    places = [view.place(point) for point in points]
    way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places[1:-1])
    first, last = places[0], places[-1]
    ends = f'<circle class="from" cx="{first[0]:.1f}" cy="{first[1]:.1f}" r="5"/>'
    ends += f'<circle class="to" cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="6"/>'
    label = f"Map of {len(set(spots))} places, from {spots[0].text} to {spots[-1].text}"
    return Markup(  # noqa: S704 (numbers alone, formatted here)
        f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'{view.grid()}<path class="way" d="{way}"/>{dots}{ends}</svg>'
    )


class _View:
    """Degrees to the picture: equal scale in both directions at the middle of the journey."""

    def __init__(self, points: list[tuple[float, float]]) -> None:
        easts, norths = [east for east, _ in points], [north for _, north in points]
        self._east, self._north = (min(easts) + max(easts)) / 2, (min(norths) + max(norths)) / 2
        self._narrow = max(cos(radians(self._north)), 0.2)
        wide = max((max(easts) - min(easts)) * self._narrow, _SPAN_MIN)
        high = max(max(norths) - min(norths), _SPAN_MIN)
        self._scale = min((WIDTH - 2 * _MARGIN) / wide, (HEIGHT - 2 * _MARGIN) / high)

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return where a point lies in the picture."""
        east, north = point
        x = WIDTH / 2 + (east - self._east) * self._narrow * self._scale
        return x, HEIGHT / 2 - (north - self._north) * self._scale

    def grid(self) -> str:
        """Return the lines of latitude and longitude at whole steps."""
        half_high, half_wide = HEIGHT / 2 / self._scale, WIDTH / 2 / self._scale / self._narrow
        step = next((one for one in _GRID_DEGREES if half_wide * 2 / one <= _GRID_LINES_MAX), _GRID_DEGREES[-1])
        lines = []
        for number in range(int((self._east - half_wide) // step) + 1, int((self._east + half_wide) // step) + 1):
            x, _ = self.place((number * step, self._north))
            lines.append(f"M{x:.1f} 0V{HEIGHT}")
        for number in range(int((self._north - half_high) // step) + 1, int((self._north + half_high) // step) + 1):
            _, y = self.place((self._east, number * step))
            lines.append(f"M0 {y:.1f}H{WIDTH}")
        return f'<path class="grid" d="{"".join(lines)}"/>'
