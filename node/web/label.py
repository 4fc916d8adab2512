"""QR labels: the Digital Link of a thing on this node's public address, with the numbers for people below it.

Error correction level M and a quiet zone of four modules, as GS1 asks of codes at the point of sale (General
Specifications section 5.12). The PNG has no text, for there is no font that every node has.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Final

import segno
from markupsafe import escape

from standards.digital_link import DigitalLink, canonical_id, parse

_QUIET_ZONE: Final = 4
_TEXT_LINE: Final = 2.6
_TEXT_SIZE: Final = 1.9
_PNG_SCALE: Final = 8


def label_link(identifier: str, public_url: str) -> DigitalLink:
    """Return the Digital Link on ``public_url`` of an identifier in any spelling; check digits must be right.

    Raises
    ------
    DigitalLinkError, IdentifierError
        The identifier is no GS1 Digital Link and no EPC URN, or a value in it is wrong.

    """
    is_link = identifier.startswith(("http://", "https://"))
    link = parse(identifier if is_link else canonical_id(identifier))
    return DigitalLink(link.key, link.value, link.qualifiers, link.attributes, public_url)


def label_svg(link: DigitalLink, name: str | None = None) -> str:
    """Return the label as SVG: code, name of the product where it is known, and the numbers."""
    code = segno.make_qr(link.uri(), error="m", boost_error=False)
    rows = [bytes(row) for row in code.matrix]
    side = len(rows) + 2 * _QUIET_ZONE
    lines = [*([name] if name else []), *element_lines(link)]
    height = side + _TEXT_LINE * len(lines) + (_QUIET_ZONE / 2 if lines else 0)
    text = "".join(
        f'<text x="{side / 2}" y="{side + _TEXT_LINE * (number + 0.4):.2f}" {_fit(line, side)}>{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {height:.2f}" width="{side * 6}" '
        f'height="{height * 6:.0f}"><title>{escape(link.uri())}</title>'
        f'<rect width="{side}" height="{height:.2f}" fill="#fff"/>'
        f'<path stroke="#000" shape-rendering="crispEdges" d="{"".join(_runs(rows))}"/>'
        f'<g font-family="Helvetica,Arial,sans-serif" font-size="{_TEXT_SIZE}" text-anchor="middle">{text}</g></svg>\n'
    )


def label_png(link: DigitalLink) -> bytes:
    """Return the code as PNG."""
    buffer = io.BytesIO()
    code = segno.make_qr(link.uri(), error="m", boost_error=False)
    code.save(buffer, kind="png", scale=_PNG_SCALE, border=_QUIET_ZONE)
    return buffer.getvalue()


def element_lines(link: DigitalLink) -> list[str]:
    """Return the human-readable interpretation: each number with its application identifier in brackets."""
    return [f"({ai}) {value}" for ai, value in ((link.key, link.value), *link.qualifiers, *link.attributes)]


def _runs(rows: Sequence[bytes]) -> Iterator[str]:
    """Yield the dark runs of the code as path commands, a stroke of width 1 through the middle of each row."""
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            length = next((index for index, module in enumerate(row[x:]) if module != row[x]), len(row) - x)
            if row[x]:
                yield f"M{x + _QUIET_ZONE} {y + _QUIET_ZONE}.5h{length}"
            x += length


def _fit(line: str, side: int) -> str:
    """Return the attribute that squeezes a long line into the label."""
    room = side - _QUIET_ZONE
    return f'textLength="{room}" lengthAdjust="spacingAndGlyphs"' if len(line) * _TEXT_SIZE * 0.55 > room else ""
