"""The map of a journey: which identifiers are places, and where they come to lie."""

import re

import pytest

from node.spots import Spot, spot_of
from node.web.journey_map import HEIGHT, WIDTH, map_svg

ALESUND, SHANGHAI = Spot(625, 62), Spot(312, 1218)


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ("geo:62.4722,6.1549", ALESUND),
        ("geo:31.2304,121.8,4;u=10", SHANGHAI),
        ("geo:-33.9,-0.04", Spot(-339, 0)),
        ("geo:91,0", None),
        ("geo:0,181", None),
        ("geo:1e1,2", None),
        ("https://id.gs1.org/414/9521101000016", None),
    ],
)
def test_which_identifiers_are_places(identifier: str, found: Spot | None) -> None:
    assert spot_of(identifier) == found


def test_places_lie_in_the_picture_and_north_is_up() -> None:
    drawn = map_svg([ALESUND, Spot(603, 112), SHANGHAI])
    assert drawn is not None
    circles = re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert [kind for kind, _, _ in circles] == ["dot", "from", "to"]
    at = {kind: (float(x), float(y)) for kind, x, y in circles}
    assert at["from"][0] < at["dot"][0] < at["to"][0]
    assert at["from"][1] < at["dot"][1] < at["to"][1]
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in at.values())
    assert 'aria-label="Map of 3 places, from 62.5° N, 6.2° E to 31.2° N, 121.8° E"' in drawn


def test_the_short_way_crosses_the_date_line() -> None:
    drawn = map_svg([Spot(356, 1397), Spot(376, -1224)])
    assert drawn is not None
    x = dict(re.findall(r'<circle class="(from|to)" cx="([\d.]+)"', drawn))
    assert float(x["from"]) < float(x["to"])


def test_one_place_is_no_journey() -> None:
    assert map_svg([]) is map_svg([ALESUND]) is map_svg([ALESUND, ALESUND]) is None
