"""Labels: what is printed is what a phone reads, in the sizes and levels that GS1 asks for."""

import re
import zlib
from xml.etree import ElementTree

import pytest
import segno

from node.web.label import element_lines, label_link, label_png, label_svg
from standards.errors import DigitalLinkError, IdentifierError

URL = "https://trace.example"
PACK = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
SVG = "{http://www.w3.org/2000/svg}"


def modules_of(svg: str) -> set[tuple[int, int]]:
    """Return the dark modules (x, y) that the path of a label draws."""
    path = next(element for element in ElementTree.fromstring(svg) if element.tag == SVG + "path")
    dark: set[tuple[int, int]] = set()
    drawn = path.attrib["d"]
    runs = re.findall(r"M(\d+) (\d+)\.5h(\d+)", drawn)
    assert "".join(f"M{x} {y}.5h{length}" for x, y, length in runs) == drawn
    for x, y, length in runs:
        dark.update((int(x) + step, int(y)) for step in range(int(length)))
    return dark


@pytest.mark.parametrize(
    "identifier",
    [PACK, "urn:epc:id:sgtin:9521102.000200.3pGU9njkd3HUsrnL", "http://another.example/some/stem" + PACK[18:]],
)
def test_every_spelling_gives_the_link_on_our_address(identifier: str) -> None:
    assert label_link(identifier, URL).uri() == URL + PACK[18:]


def test_lot_and_expiry_stay_in_the_code() -> None:
    link = label_link(PACK[:36] + "/10/LOT-1" + PACK[36:] + "?17=280503", URL)
    assert link.uri() == f"{URL}/01/09521102002002/10/LOT-1/21/3pGU9njkd3HUsrnL?17=280503"
    assert element_lines(link) == ["(01) 09521102002002", "(10) LOT-1", "(21) 3pGU9njkd3HUsrnL", "(17) 280503"]


@pytest.mark.parametrize(
    "identifier", ["", "urn:uuid:1", "https://example.org/", "no link", "https://id.gs1.org/01/1/21/2"]
)
def test_what_is_no_digital_link_has_no_label(identifier: str) -> None:
    with pytest.raises((DigitalLinkError, IdentifierError)):
        label_link(identifier, URL)


def test_a_wrong_check_digit_is_never_printed() -> None:
    with pytest.raises(IdentifierError, match="check digit"):
        label_link(PACK.replace("002002", "002003"), URL)


def test_the_svg_draws_the_code_of_the_link_with_its_quiet_zone() -> None:
    link = label_link(PACK, URL)
    expected = segno.make_qr(link.uri(), error="m", boost_error=False)
    dark = {(x + 4, y + 4) for y, row in enumerate(expected.matrix) for x, module in enumerate(row) if module}
    assert modules_of(label_svg(link)) == dark
    assert expected.error == "M"


def test_the_caption_is_text_whatever_the_product_is_called() -> None:
    svg = label_svg(label_link(PACK, URL), name='<script>alert("1")</script> & sons')
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "rect", "path", "g", "text"}
    texts = [element.text for element in root.iter(SVG + "text")]
    assert texts == ['<script>alert("1")</script> & sons', "(01) 09521102002002", "(21) 3pGU9njkd3HUsrnL"]


def test_the_png_has_the_same_modules() -> None:
    link = label_link(PACK, URL)
    png = label_png(link)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, depth = int.from_bytes(png[16:20], "big"), png[24]
    side = len(segno.make_qr(link.uri(), error="m", boost_error=False).matrix) + 8
    assert (width, depth) == (side * 8, 1)
    at, data = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    rows, stride = zlib.decompress(data), (width + 7) // 8 + 1
    dark = {(x, y) for y in range(side) for x in range(side) if not rows[y * 8 * stride + 1 + x] & 0x80}
    assert dark == modules_of(label_svg(link))
