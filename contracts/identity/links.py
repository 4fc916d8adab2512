"""Links: where the Digital Link of a product, a lot or an item leads, said by whoever registered the product.

What is published replaces what was, as a whole, so that what stands is what was last signed. A resolver finds one
answer for a type, a language and a media type, since no two links of a level share all three.

Heads: ``links`` {organisation, links: [{type, href, title, language?, media_type?, default?}], count, chain}.
"""

import re
from typing import Final

from contracts import heads
from contracts.arguments import Arguments, mapping, refuse
from contracts.context import Context
from contracts.identifiers import product_of
from contracts.results import Rejected, ResultCode
from ledger.codec import Value

LINKS_MAX: Final = 64

_LEVEL: Final = re.compile(r"https://id\.gs1\.org/01/[0-9]{14}(?:/(?:10|21|235)/[A-Za-z0-9._~%-]{1,90})?")
_TYPE: Final = re.compile(r"[a-z][A-Za-z0-9]{1,63}")
# What a browser follows; never a script, and nothing that could end a header or an attribute.
_ADDRESS: Final = re.compile(
    r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]{0,1000})?"
)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,32}/[a-z0-9][a-z0-9.+-]{0,95}")
# The resolver itself answers these.
_RESERVED_TYPES: Final = frozenset({"all", "defaultLink", "defaultLinkMulti", "linkset"})


def publish_links(context: Context, arguments: dict[str, Value]) -> Value:
    """Say where the Digital Link of one's own product, or of a lot or an item of it, leads."""
    read = Arguments(arguments)
    level = read.pattern("id", _LEVEL)
    links = read.listed("links", LINKS_MAX, _link)
    read.end()
    _require_decided(links)
    require_own_product(context, level)
    context.record(heads.links(level), {"organisation": context.member, "links": list[Value](links)})
    return None


def require_own_product(context: Context, identifier: str) -> None:
    """Reject unless the sender registered the product that an identifier is about."""
    gtin = product_of(identifier)
    product = None if gtin is None else context.get(heads.product(gtin))
    if product is None:
        raise Rejected(ResultCode.UNKNOWN_PRODUCT, f"{gtin or identifier} is not registered")
    if product["owner"] != context.member:
        raise Rejected(ResultCode.NOT_PRODUCT_OWNER, f"{gtin} was registered by {product['owner']!r}")


def _link(value: object, what: str) -> dict[str, Value]:
    read = Arguments(mapping(value, what, 6))
    kind = read.pattern("type", _TYPE)
    if kind in _RESERVED_TYPES:
        refuse(f"{what}: {kind} is answered by the resolver itself")
    link: dict[str, Value] = {
        "type": kind,
        "href": read.pattern("href", _ADDRESS),
        "title": read.text("title", 200),
    }
    language = read.optional_pattern("language", _LANGUAGE)
    media_type = read.optional_pattern("media_type", _MEDIA_TYPE)
    is_default = read.boolean("default", default=False)
    read.end()
    if language is not None:
        link["language"] = language
    if media_type is not None:
        link["media_type"] = media_type
    return {**link, "default": True} if is_default else link


def _require_decided(links: tuple[dict[str, Value], ...]) -> None:
    """Refuse what would leave a resolver to choose between two links."""
    kinds = [(link["type"], link.get("language"), link.get("media_type")) for link in links]
    if len(set(kinds)) != len(kinds):
        refuse("two links have the same type, language and media_type")
    defaults = [(link.get("language"), link.get("media_type")) for link in links if "default" in link]
    if len(set(defaults)) != len(defaults):
        refuse("two default links have the same language and media_type")
