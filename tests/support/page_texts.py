"""Every text on a page with its colours and size, as a browser shows it, and whether it can be read."""

from typing import Any, Final, cast

from tests.support.browser import Browser

# The text of every element that holds text itself, its colour, and the colour that it stands on.
_TEXTS: Final = """
(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll('*')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((element) => ({
      text: element.textContent.trim().slice(0, 40),
      colour: parse(getComputedStyle(element).color).slice(0, 3),
      ground: ground(element),
      size: parseFloat(getComputedStyle(element).fontSize),
    }));
})()
"""


async def read_texts(browser: Browser) -> list[dict[str, Any]]:
    """Return {text, colour, ground, size} of every element that holds text itself."""
    return cast("list[dict[str, Any]]", await browser.evaluate(_TEXTS))


def luminance(colour: list[float]) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast of two colours (WCAG 2.2), at least 1."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
