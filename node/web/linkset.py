"""The links of a thing for machines: a linkset in JSON (RFC 9264) with the link types of the GS1 Web Vocabulary.

A level inherits what is said one level above: the links of an item are followed by those of its lot and its product
(GS1-Conformant Resolver Standard 1.1). At each level what the product's owner published stands before what this node
offers by itself. Where the owner published a default link it is the level's; else the page of this node is. So a thing
that is on record is shown here, unless somebody published a default link for just this thing or its lot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, cast
from urllib.parse import urlencode

from contracts import heads
from ledger.readable import Json
from ledger.state import Head
from node.queries import get_head
from node.storage.store import Store
from standards.digital_link import DigitalLink

LINKSET_TYPE: Final = "application/linkset+json"
VOCABULARY: Final = "https://ref.gs1.org/voc/"
PREFIX: Final = "gs1:"
PAGE: Final = "pip"


@dataclass(frozen=True, slots=True)
class Link:
    """One link: its type without prefix, where it leads, what it is called, the media type and the language there.

    ``is_published`` says that the product's owner published it, and this node does not answer for where it leads.
    """

    type: str
    href: str
    title: str
    media_type: str | None
    language: str | None = "en"
    is_default: bool = False
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A product, a lot or an item: its address at this node, what it is called, and its links."""

    anchor: str
    description: str
    links: tuple[Link, ...]

    @property
    def defaults(self) -> tuple[Link, ...]:
        """The default links, one for each language and media type; the first is for whoever has no preference."""
        return tuple(link for link in self.links if link.is_default)


def own_links(link: DigitalLink, identifier: str, public_url: str) -> tuple[Link, ...]:
    """Return what this node offers of a thing on record; the first one is its page."""
    return (
        Link(PAGE, _anchor(link, public_url), "The record of this thing, for people", "text/html"),
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
    """Return what this node offers of a product."""
    page = _anchor(DigitalLink("01", gtin), public_url)
    return (Link(PAGE, page, "The product, for people", "text/html"),)


def levels_of(
    store: Store, link: DigitalLink, public_url: str, described: dict[str, str], offered: dict[str, tuple[Link, ...]]
) -> tuple[Level, ...]:
    """Return the levels of a Digital Link that have links, the finest first.

    ``offered`` are this node's own links and ``described`` the names, both by canonical identifier.
    """
    found = []
    for above in _levels(link):
        identifier = above.canonical()
        links = (*_published(store, identifier), *offered.get(identifier, ()))
        if links:
            if not any(entry.is_default for entry in links) and offered.get(identifier):
                links = tuple(replace(entry, is_default=True) if _is_page(entry) else entry for entry in links)
            else:
                # The page needs an address of its own where the plain one leads elsewhere.
                links = tuple(
                    replace(entry, href=entry.href + "?format=page") if _is_page(entry) else entry for entry in links
                )
            found.append(Level(_anchor(above, public_url), described.get(identifier, identifier), links))
    return tuple(found)


def linkset(levels: Sequence[Level]) -> dict[str, Json]:
    """Return the linkset of some levels."""
    return {"linkset": [_context(level) for level in levels]}


def known_type(asked: str) -> str:
    """Return a link type without the prefix or the address of its vocabulary."""
    return asked.removeprefix(PREFIX).removeprefix(VOCABULARY)


_JSON: Final = "application/json"


def _is_page(link: Link) -> bool:
    return link.type == PAGE and not link.is_published


def _levels(link: DigitalLink) -> list[DigitalLink]:
    """Return a link and those above it, each without the qualifiers below it and without attributes."""
    found = [replace(link, qualifiers=link.qualifiers[:length]) for length in range(len(link.qualifiers), -1, -1)]
    return list({entry.canonical(): replace(entry, attributes=(), other=()) for entry in found}.values())


def _published(store: Store, identifier: str) -> tuple[Link, ...]:
    """Return what the owner of the product published for one level."""
    head = get_head(store, heads.links(identifier)) if "\0" not in identifier else None
    return () if head is None else tuple(_read(row) for row in cast("list[Head]", head["links"]))


def _read(row: Head) -> Link:
    return Link(
        cast(str, row["type"]),
        cast(str, row["href"]),
        cast(str, row["title"]),
        cast("str | None", row.get("media_type")),
        cast("str | None", row.get("language")),
        is_default=row.get("default") is True,
        is_published=True,
    )


def _context(level: Level) -> Json:
    context: dict[str, Json] = {"anchor": level.anchor, "itemDescription": level.description}
    if level.defaults:
        context[VOCABULARY + "defaultLink"] = [_target(level.defaults[0])]
    if level.defaults[1:]:
        context[VOCABULARY + "defaultLinkMulti"] = [_target(link) for link in level.defaults]
    for link in level.links:
        targets = context.setdefault(VOCABULARY + link.type, [])
        assert isinstance(targets, list), "the names of relations are none of a context's own members"
        targets.append(_target(link))
    return context


def _target(link: Link) -> Json:
    target: dict[str, Json] = {"href": link.href, "title": link.title}
    if link.media_type is not None:
        target["type"] = link.media_type
    return target if link.language is None else {**target, "hreflang": [link.language]}


def _anchor(link: DigitalLink, public_url: str) -> str:
    return DigitalLink(link.key, link.value, link.qualifiers, (), public_url).uri()


def _api(public_url: str, path: str, identifier: str) -> str:
    return f"{public_url}{path}?{urlencode({'id': identifier})}"
