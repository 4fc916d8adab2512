"""Routes for people: Digital Link paths and labels. A browser gets a page, a program the same facts as JSON.

What is asked for is decided by ``linkType`` or ``format`` in the query, else by ``Accept``. A link that the product's
owner published is followed with 307, the default one too, but never past a recall. An address that is no valid
Digital Link is a 400 that says what is wrong, a thing that the ledger does not know a 404, each as a page or a problem.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final, Protocol, cast
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ledger.genesis import Genesis
from ledger.readable import Json
from node.api.problems import Problem
from node.config import NodeConfig
from node.proofs import BundleRefusedError, heads_bundle
from node.queries import find_thing
from node.recalls import recall_keys
from node.scans.log import ScanLog
from node.storage.store import Store
from node.web.accept import HTML, JSON, negotiate
from node.web.checks import bundle_of
from node.web.choosing import DEFAULT, choose
from node.web.consumer import Level as OutcomeLevel
from node.web.consumer import Told, find_product, tell
from node.web.label import label_link, label_png, label_svg
from node.web.linkset import (
    LINKSET_TYPE,
    PAGE,
    VOCABULARY,
    Level,
    Link,
    known_type,
    levels_of,
    linkset,
    own_links,
    product_links,
)
from node.web.operator import PATH as OPERATOR_PATH
from node.web.operator import OperatorPages
from node.web.product import Product
from node.web.rendering import Renderer
from node.web.scripts import build_script_routes
from standards.digital_link import DigitalLink, parse
from standards.errors import DigitalLinkError, IdentifierError

PRIMARY_KEYS: Final = (
    "00", "01", "253", "255", "401", "402", "414", "415", "417", "8003", "8004", "8006", "8010", "8013", "8017", "8018",
)  # fmt: skip
# Asking for everything gets the page, which has everything on it.
_WHOLE: Final = frozenset({"all", DEFAULT})
_VARY: Final = "Accept, Accept-Language"
# What the query says to us and not to the place that is led to.
_OUR_PARAMETERS: Final = frozenset({"linkType", "format"})
_READERS_MAX: Final = 4
_URL_LENGTH_MAX: Final = 2_048
_CHECK_SCAN: Final = (
    "Scan the code again, in good light and flat.",
    "If the code was typed in, compare each digit and letter, also capital and small ones.",
    "If it stays unknown, ask the shop or the maker: a code that nobody has recorded may be made up.",
)


class PagesNode(Protocol):
    """What the pages ask of a node (node/node.py)."""

    config: NodeConfig
    genesis: Genesis
    store: Store
    scans: ScanLog

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds UTC."""
        ...


def build_web_routes(node: PagesNode) -> list[Route]:
    """Return the routes of the pages, to stand behind those of the API."""
    pages = _Pages(node)
    routes = [
        Route(f"/{key}/{{rest:path}}", pages.endpoint(pages.digital_link), methods=["GET"]) for key in PRIMARY_KEYS
    ]
    operator = OperatorPages(node.genesis, lambda: node.store)
    return [
        *routes,
        *build_script_routes(),
        Route(OPERATOR_PATH, pages.endpoint(operator.overview), methods=["GET"]),
        Route(f"{OPERATOR_PATH}/payments/{{uetr}}", pages.endpoint(operator.payment), methods=["GET"]),
        Route("/v1/label", pages.endpoint(pages.label), methods=["GET"]),
        Route("/.well-known/gs1resolver", pages.endpoint(pages.resolver), methods=["GET"]),
    ]


class _Pages:
    """Answers requests, off the loop, for a page reads and checks for some milliseconds."""

    def __init__(self, node: PagesNode) -> None:
        self._node = node
        self._renderer = Renderer(node.genesis)
        self._limiter: anyio.CapacityLimiter | None = None

    def endpoint(self, handler: Callable[[Request], Response]) -> "Callable[[Request], object]":
        """Return a handler that runs in one of a few threads."""

        async def run(request: Request) -> Response:
            if self._limiter is None:
                self._limiter = anyio.CapacityLimiter(_READERS_MAX)
            return await anyio.to_thread.run_sync(handler, request, limiter=self._limiter)

        return run

    def digital_link(self, request: Request) -> Response:
        """Answer a Digital Link."""
        wanted = negotiate(request.headers.getlist("accept"))
        asked = dict(request.query_params)
        if asked.get("format") == "json":
            wanted = JSON
        elif asked.get("format") == "offline":
            wanted = HTML
        if known_type(asked.get("linkType", "")) == "linkset":
            wanted = LINKSET_TYPE
        try:
            link = parse(self._address(request))
        except (DigitalLinkError, IdentifierError) as error:
            return self._malformed(wanted, str(error))
        identifier = link.canonical()
        scans = self._node.scans.if_readable(identifier)
        told = tell(self._node.store, self._node.genesis, identifier, self._node.now_ms(), _printed(link), scans)
        product = find_product(self._node.store, link.value) if link.key == "01" else None
        if told is None and (product is None or link.qualifiers):
            return self._unknown(wanted, identifier, product)
        levels = self._levels(link, told, product)
        if wanted == LINKSET_TYPE:
            return _json_response(linkset(levels), {}, LINKSET_TYPE)
        found = self._followed(request, asked, levels, told)
        if isinstance(found, Response):
            return found
        return self._facts(wanted, link, told, product, is_offline=asked.get("format") == "offline")

    def _levels(self, link: DigitalLink, told: Told | None, product: Product | None) -> tuple[Level, ...]:
        """Return the levels of a link with all that leads on from them."""
        described: dict[str, str] = {}
        offered: dict[str, tuple[Link, ...]] = {}
        if product is not None:
            above = DigitalLink("01", link.value).canonical()
            described[above], offered[above] = product.name, product_links(product.gtin, self._public_url)
        if told is not None:
            identifier = link.canonical()
            described[identifier], offered[identifier] = told.facts.name, own_links(link, identifier, self._public_url)
        return levels_of(self._node.store, link, self._public_url, described, offered)

    def _followed(
        self, request: Request, asked: Mapping[str, str], levels: Sequence[Level], told: Told | None
    ) -> Response | None:
        """Answer with where the link that is asked for leads, or None where it is the page of this node."""
        accepts, languages = request.headers.getlist("accept"), request.headers.getlist("accept-language")
        target = known_type(asked.get("linkType", ""))
        if not target or target in _WHOLE:
            is_recalled = told is not None and told.facts.outcome.level == OutcomeLevel.STOP.value
            if "format" in asked or is_recalled or negotiate(accepts) != HTML:
                return None
            target = DEFAULT
        link = choose(levels, target, accepts, languages)
        if link is None:
            return None if target in (DEFAULT, PAGE) else self._no_link(negotiate(accepts), asked["linkType"])
        if link.type == PAGE and not link.is_published:
            return None
        href = _with_query(link.href, request) if link.is_published else link.href
        headers = {"vary": _VARY, "access-control-allow-origin": "*", "link": _to_linkset(levels[0].anchor)}
        return RedirectResponse(href, 307, headers=headers)

    def label(self, request: Request) -> Response:
        """Answer with the QR label of ``id`` as ``format`` svg (default) or png."""
        asked = dict(request.query_params)
        unknown = sorted(asked.keys() - {"id", "format"})
        if unknown:
            return Problem("query.unknown_parameter", f"{unknown[0][:100]!r}; known are id and format").response()
        form = asked.get("format", "svg")
        if form not in ("svg", "png"):
            return Problem("query.wrong_type", "format is svg or png").response()
        if "id" not in asked:
            return Problem("query.missing", "id is the identifier of the thing").response()
        try:
            link = label_link(asked["id"], self._public_url)
            if len(link.uri()) > _URL_LENGTH_MAX:
                raise DigitalLinkError("too_long", f"the address has more than {_URL_LENGTH_MAX} characters")
        except (DigitalLinkError, IdentifierError) as error:
            return Problem("label.identifier", str(error)).response()
        if form == "png":
            return Response(label_png(link), media_type="image/png")
        product = find_product(self._node.store, link.value) if link.key == "01" else None
        return Response(label_svg(link, None if product is None else product.name), media_type="image/svg+xml")

    def resolver(self, _: Request) -> Response:
        """Answer with what this resolver offers (GS1-Conformant Resolver Standard, resolver description file)."""
        return _json_response(
            {
                "name": f"Tradelane node {self._node.config.name}",
                "resolverRoot": self._public_url,
                "supportedPrimaryKeys": list[Json](PRIMARY_KEYS),
                "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
            },
            {},
        )

    @property
    def _public_url(self) -> str:
        return self._node.config.public_url

    def _address(self, request: Request) -> str:
        """Return the address that was asked for, on the public URL, its components still encoded."""
        raw = cast(bytes, request.scope.get("raw_path") or request.scope["path"].encode())
        path = raw.decode("latin-1").rstrip("/")
        query = cast(bytes, request.scope["query_string"]).decode("latin-1")
        if len(path) + len(query) > _URL_LENGTH_MAX:
            raise DigitalLinkError("too_long", f"the address has more than {_URL_LENGTH_MAX} characters")
        return f"{self._public_url}{path}{'?' if query else ''}{query}"

    def _facts(
        self, wanted: str, link: DigitalLink, told: Told | None, product: Product | None, *, is_offline: bool
    ) -> Response:
        """Answer with the facts as a page or as JSON."""
        is_traced = told is not None and told.facts.checked.kind == "trace"
        page_links = _page_links(link.canonical(), is_traced=is_traced)
        headers = {"link": _to_linkset(self._anchor(link))}
        if wanted == JSON:
            facts = {"product": _json(product)} if told is None else told.facts.to_json()
            return _json_response({**facts, "links": cast("dict[str, Json]", page_links)}, headers)
        if told is not None and is_offline:
            return self._offline(told)
        if told is not None:
            return self._page(self._renderer.thing(told, page_links), headers=headers)
        assert product is not None, "otherwise it is unknown"
        return self._page(self._renderer.product(product, page_links), headers=headers)

    def _offline(self, told: Told) -> Response:
        """Answer with the page that checks without a server, to be kept as a file."""
        thing = find_thing(self._node.store, told.facts.id)
        assert thing is not None, "things do not go away"
        try:
            bundle = bundle_of(self._node.store, thing)
            recalls = heads_bundle(self._node.store, dict.fromkeys(recall_keys(thing), 0))
        except BundleRefusedError as error:
            return self._page(self._renderer.message("Not now", f"There is no proof to save: {error}."), 503)
        return self._page(
            self._renderer.offline(told, bundle, recalls),
            headers={"content-disposition": 'attachment; filename="record-check.html"'},
        )

    def _anchor(self, link: DigitalLink) -> str:
        return DigitalLink(link.key, link.value, link.qualifiers, (), self._public_url).uri()

    def _malformed(self, wanted: str, detail: str) -> Response:
        if wanted != HTML:
            return Problem("link.malformed", detail).response()
        text = f"This address is not a valid GS1 code: {detail}."
        return self._page(self._renderer.message("That code cannot be right", text, _CHECK_SCAN[:2]), 400)

    def _unknown(self, wanted: str, identifier: str, product: Product | None) -> Response:
        if wanted != HTML:
            return Problem("item.unknown", identifier).response()
        text = "This ledger has no record under this code."
        if product is not None:
            text = f"There is such a product, {product.name}, but this ledger has no record of this piece of it."
        return self._page(self._renderer.message("Not found", text, _CHECK_SCAN, identifier), 404)

    def _no_link(self, wanted: str, asked: str) -> Response:
        if wanted != HTML:
            return Problem("link.type_absent", asked[:100]).response()
        text = f"There is no link of the type {asked[:100]} for this thing."
        return self._page(self._renderer.message("Not found", text), 404)

    def _page(self, html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        return HTMLResponse(html, status, {**self._renderer.headers, "vary": _VARY, **(headers or {})})


def _to_linkset(anchor: str) -> str:
    return f'<{anchor}?linkType=linkset>; rel="linkset"; type="{LINKSET_TYPE}"'


def _with_query(href: str, request: Request) -> str:
    """Return an address with the rest of the query passed on to it (GS1-Conformant Resolver Standard 1.1)."""
    passed = urlencode([pair for pair in request.query_params.multi_items() if pair[0] not in _OUR_PARAMETERS])
    address, mark, fragment = href.partition("#")
    joint = "&" if "?" in address else "?"
    return f"{address}{joint if passed else ''}{passed}{mark}{fragment}"


def _printed(link: DigitalLink) -> dict[str, str]:
    """Return what the code itself says besides its identity, by application identifier."""
    return dict((*link.qualifiers, *link.attributes))


def _page_links(identifier: str, *, is_traced: bool) -> dict[str, str]:
    query = urlencode({"id": identifier})
    return {
        "proof": f"/v1/items/{'trace/proof' if is_traced else 'proof'}?{query}",
        "trace": f"/v1/items/trace?{query}",
        "label": f"/v1/label?{query}",
        "offline": "?format=offline",
        "json": "?format=json",
    }


def _json(product: Product | None) -> Json:
    return None if product is None else cast("dict[str, Json]", asdict(product))


def _json_response(value: Json, headers: Mapping[str, str], media_type: str = JSON) -> Response:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    shared = {
        "access-control-allow-origin": "*",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
        "vary": _VARY,
    }
    return Response(content, media_type=media_type, headers={**shared, **headers})
