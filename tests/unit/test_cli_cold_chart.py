"""The curve in the terminal and as a file, of curves made by hand."""

from xml.etree import ElementTree

from cli.cold_chart import svg_file, terminal_chart
from cli.cold_curve import Curve, Point
from standards.strip_chart import Sample, by_column, scale_of

HOUR_MS = 3_600_000


def curve(
    *values: int, gaps: tuple[tuple[int, int], ...] = (), limits: tuple[int, int] | None = (2_000, 8_000)
) -> Curve:
    points = tuple(Point(index * HOUR_MS, value, index + 1, "d", "p") for index, value in enumerate(values))
    return Curve(points, gaps, (), limits, is_label=True)


def lines(of: Curve, breaches: tuple[tuple[int, int], ...] = ()) -> list[str]:
    return [line.plain for line in terminal_chart(of, breaches)]


def test_one_reading_stands_in_the_middle() -> None:
    shown = lines(curve(5_000))
    assert next(line for line in shown if "•" in line).index("•") == 9 + 35
    assert len(shown) == 17, "fourteen rows, the axis, its ends and the legend"


def test_a_gap_that_is_shorter_than_a_column_is_seen() -> None:
    values = [5_000] * 1_000
    shown = lines(curve(*values, gaps=((500 * HOUR_MS, 501 * HOUR_MS),)))
    assert all("░" not in line for line in shown[:14])
    assert shown[14].strip() == "░"
    assert shown[-1].endswith("┄ label 2 to 8 °C  ░ not monitored")


def test_a_moment_outside_is_seen_beside_hours_within() -> None:
    values = [5_000] * 5_000
    values[2_500], values[4_000] = 8_001, 1_999
    shown = lines(curve(*values))
    assert [sum(line.count("#") for line in shown[:7]), sum(line.count("#") for line in shown[7:14])] == [1, 1]


def test_without_limits_and_with_limits_far_away() -> None:
    assert lines(curve(5_000, 6_000, limits=None))[-1].strip() == "• reading"
    far = lines(curve(5_000, 6_000, limits=(-80_000, -60_000)))
    assert sum(line.count("#") for line in far[:14]) == 2
    assert not any("┄" in line for line in far[:14]), "a limit far away would squeeze the curve"


def test_a_constant_is_no_division_by_nothing() -> None:
    scale = scale_of([Sample(7, 4_000, 4_000)], None)
    assert (scale.across(7), scale.up(4_000), scale.up(99_000), scale.up(-99_000)) == (0.5, 0.5, 1.0, 0.0)
    kept = by_column(
        [Sample(0, 1, 2), Sample(1, -5, 9), Sample(100, 3, 3)], scale_of([Sample(0, 1, 2), Sample(100, 3, 3)], None), 10
    )
    assert kept == {0: Sample(0, -5, 9), 9: Sample(100, 3, 3)}


def test_a_file_is_xml_whatever_the_title() -> None:
    drawn = ElementTree.fromstring(svg_file('<&"x', curve(5_000, 9_000), ((HOUR_MS, HOUR_MS),)))
    texts = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    assert texts[0] == '<&"x'
    assert texts[1:] == ["1.0 °C", "2.0 °C", "8.0 °C", "10.0 °C", "1970-01-01 00:00:00Z", "1970-01-01 01:00:00Z"]
