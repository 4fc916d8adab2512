"""The links of a thing for machines: a linkset in JSON (RFC 9264) with the link types of the GS1 Web Vocabulary.

A level inherits what is said one level above: the links of an item are followed by those of its product (GS1-Conformant
Resolver Standard 1.1). Each link has a title and a language.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from ledger.readable import Json
from standards.digital_link import DigitalLink

LINKSET_TYPE: Final = "application/linkset+json"
VOCABULARY: Final = "https://ref.gs1.org/voc/"
PREFIX: Final = "gs1:"
_PAGE: Final = "pip"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its type without prefix, where it leads, what it is called, and the media type there."""

    type: str
    href: str
    title: str
    media_type: str


def links_of(link: DigitalLink, identifier: str, public_url: str) -> tuple[Link, ...]:
    """Return the links of a thing; the first one is the default."""
    page = _page_link(link, public_url)
    return (
        Link(_PAGE, page, "The record of this thing, for people", "text/html"),
        Link("traceability", _api(public_url, "/v1/items/trace", identifier), "Its trace as a tree", _JSON),
        Link("verificationService", _api(public_url, "/v1/items/proof", identifier), "Proof bundle", _JSON),
        Link(
            "epcis",
            f"{public_url}/epcis/events?{urlencode({'MATCH_anyEPC': identifier})}",
            "Its events in EPCIS 2.0",
            _JSON,
        ),
    )


def product_links(gtin: str, public_url: str) -> tuple[Link, ...]:
    """Return the links of a product."""
    page = _page_link(DigitalLink("01", gtin), public_url)
    return (Link(_PAGE, page, "The product, for people", "text/html"),)


def linkset(levels: list[tuple[str, tuple[Link, ...]]]) -> dict[str, Json]:
    """Return the linkset of (anchor, links) at each level, the finest first."""
    return {"linkset": [_context(anchor, links) for anchor, links in levels]}


def known_type(asked: str) -> str:
    """Return a link type without the prefix or the address of its vocabulary."""
    return asked.removeprefix(PREFIX).removeprefix(VOCABULARY)


_JSON: Final = "application/json"


def _context(anchor: str, links: tuple[Link, ...]) -> Json:
    context: dict[str, Json] = {"anchor": anchor}
    if links:
        context[VOCABULARY + "defaultLink"] = [_target(links[0])]
    for link in links:
        context[VOCABULARY + link.type] = [_target(link)]
    return context


def _target(link: Link) -> Json:
    return {"href": link.href, "title": link.title, "type": link.media_type, "hreflang": ["en"]}


def _page_link(link: DigitalLink, public_url: str) -> str:
    return DigitalLink(link.key, link.value, link.qualifiers, (), public_url).uri()


def _api(public_url: str, path: str, identifier: str) -> str:
    return f"{public_url}{path}?{urlencode({'id': identifier})}"
