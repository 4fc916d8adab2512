"""Whatever is sent to a running node: an answer below 500, a problem with a known code, no change by a refusal.

What a handler raises reaches the test, so a mistake of ours cannot pass for an answer.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.transaction import Operation
from node.api.problems import KINDS
from node.event_query import PARAMETERS
from tests.support.running_node import RunningNode, running_node
from tests.unit.test_node_api_problems import document, event

ITEM = "https://id.gs1.org/01/09506000134352/21/7"

PATHS = [
    "/v1/transactions",
    "/v1/transactions/{}",
    "/v1/transactions/{}/proof",
    "/v1/items",
    "/v1/items/history",
    "/v1/items/trace",
    "/v1/items/proof",
    "/v1/items/cold-chain",
    "/v1/items/cold-chain/breaches",
    "/v1/items/cold-chain/readings",
    "/v1/devices",
    "/v1/devices/{}",
    "/v1/cold-profiles",
    "/v1/cold-profiles/{}",
    "/v1/products/{}",
    "/v1/organisations",
    "/v1/organisations/{}",
    "/v1/accounts",
    "/v1/accounts/{}",
    "/v1/accounts/{}/entries",
    "/v1/accounts/{}/holds",
    "/v1/accounts/{}/proof",
    "/v1/holds/{}",
    "/v1/offers",
    "/v1/offers/{}",
    "/v1/recalls",
    "/v1/recalls/{}",
    "/v1/recalls/{}/closure",
    "/v1/closure",
    "/v1/sites/events",
    "/v1/blocks",
    "/v1/blocks/{}",
    "/v1/validators",
    "/v1/proposals",
    "/v1/evidence",
    "/v1/parameters",
    "/v1/genesis",
    "/v1/trust",
    "/v1/status",
    "/v1/label",
    "/epcis/capture",
    "/epcis/capture/{}",
    "/epcis/events",
    "/epcis/events/{}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/01/{}",
    "/01/09506000134352/21/{}",
    "/00/{}",
    "/{}",
]
NAMES = sorted(
    {"id", "limit", "cursor", "min_height", "direction", "depth", "before", "owner", "from", "to", "party", "item"}
    | {
        "status",
        "after_count",
        "from_ms",
        "since_ms",
        "until_ms",
        "at_height",
        "at_ms",
        "fan_out",
        "things",
        "site",
        "target",
        "key",
        "format",
        "linkType",
        "perPage",
        "nextPageToken",
        "wait",
        *PARAMETERS,
    }
)
NASTY = [
    "",
    "0",
    "-1",
    "1e3",
    "01",
    "9" * 19,
    "9" * 5_000,
    "²",
    "null",
    "..",
    "../../etc/passwd",
    "\u202e",
    "\ufdd0",
    "e\u0301",
    "a" * 3_000,
    "<script>",
    "{{7*7}}",
    "%",
    "AAAA",
    "AAAAAAAAAAAAAAAAAAAAAA",
    "brand",
    "brand/USD",
    "latest",
    "all",
    "urn:uuid:first",
    "urn:epc:id:sgtin:9506000.013435.7",
    "2026-11-04T09:20:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999Z",
    ITEM,
    "https://id.gs1.org/01/09506000134353",
    "https://id.gs1.org/00/" + "1" * 18,
    "0" * 64,
]
TEXT = st.one_of(st.sampled_from(NASTY), st.text(max_size=20))
# Waiting is tested elsewhere; here it would only take long.
VALUES = {"wait": st.sampled_from(["0", "0.01", "-1", "x", "1_0", "31"])}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with pytest.MonkeyPatch.context() as patch, running_node(tmp_path_factory.mktemp("fuzz")) as running:
        patch.setattr("node.api.answers._HEIGHT_WAIT_S", 0.01)
        assert running.capture(document(event("first"), event("second", action="ADD"))).status_code == 200
        running.commit("brand", Operation("settlement.open_account", {"id": "brand/USD/extra", "currency": "USD"}))
        yield running


def check(node: RunningNode, response: httpx.Response, before: tuple[int, bytes]) -> None:
    assert response.status_code < 500 or response.status_code == 503, (response.status_code, response.text)
    if response.status_code < 400:
        return
    if response.headers["content-type"].startswith("text/html"):  # a page for people
        assert response.status_code in (400, 404)
    else:
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["status"] == response.status_code == KINDS[problem["code"]].status
        assert problem["detail"]
    assert len(response.content) < 20_000
    if response.status_code != 409:
        assert (node.height, node.node.store.tip.state_root) == before


@st.composite
def targets(draw: st.DrawFn) -> str:
    path = draw(st.sampled_from(PATHS))
    if "{}" in path:
        part = draw(TEXT)
        path = path.replace("{}", quote(part, safe=draw(st.sampled_from(["", "/", "/:?#%"]))))
    names = draw(st.lists(st.one_of(st.sampled_from(NAMES), TEXT), max_size=3))
    pairs = [f"{quote(name, safe='')}={quote(draw(VALUES.get(name, TEXT)), safe='')}" for name in names]
    raw = draw(st.sampled_from(["", "", "", "%ff", "%00", "&", "=", "%", "+", "%ed%a0%80"]))
    query = "&".join([*pairs, raw] if raw else pairs)
    return f"{path}?{query}" if query else path


HEADERS = st.dictionaries(
    st.sampled_from(
        ["accept", "prefer", "host", "range", "if-none-match", "gs1-epc-format", "content-length", "authorization"]
    ),
    st.one_of(
        st.sampled_from(
            ["", "*/*", "application/ld+json", "text/html", "wait=0", "wait=99999999", "[", "-1", "Bearer "]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10),
    ),
    max_size=3,
)


@settings(max_examples=600)
@given(targets(), st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS"]), HEADERS)
def test_no_address_breaks_a_node(node: RunningNode, target: str, method: str, headers: dict[str, str]) -> None:
    before = (node.height, node.node.store.tip.state_root)
    try:
        url = httpx.URL(target)
    except httpx.InvalidURL:
        return
    response = node.request(method, str(url), headers=headers)
    if method == "HEAD":
        assert response.status_code < 500
    else:
        check(node, response, before)


JSON_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.sampled_from(NASTY),
    st.text(max_size=8),
)
JSON_VALUES = st.recursive(
    JSON_LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
JUNK = st.one_of(
    st.binary(max_size=64),
    JSON_VALUES.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.builds(lambda depth, bracket: bracket * depth, st.integers(1, 5_000), st.sampled_from([b"[", b'{"a":'])),
)


@settings(max_examples=300)
@given(
    st.one_of(
        JUNK,
        JSON_VALUES.map(lambda value: json.dumps({"transaction": value}).encode("utf-8", "surrogatepass")),
        st.binary(max_size=200).map(lambda data: json.dumps({"transaction": base64.b64encode(data).decode()}).encode()),
    ),
    st.sampled_from(["application/json", "application/json; charset=latin-1", "application/msgpack", "text/plain", ""]),
)
def test_no_body_breaks_the_door_of_transactions(node: RunningNode, body: bytes, media_type: str) -> None:
    before = (node.height, node.node.store.tip.state_root)
    response = node.request("POST", "/v1/transactions", headers={"content-type": media_type}, content=body)
    check(node, response, before)
    assert response.status_code >= 400


@settings(max_examples=300)
@given(st.data())
def test_no_byte_changed_in_a_transaction_gets_in(node: RunningNode, data: st.DataObject) -> None:
    before = (node.height, node.node.store.tip.state_root)
    operation = Operation("provenance.register_product", {"gtin": "09506000134352", "name": "Ahi"})
    encoded = bytearray(node.transaction("brand", operation, nonce=bytes(16)).encoded)
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([len(encoded), len(encoded), position]))
    response = node.submit(bytes(encoded[:cut]), wait_s=1)
    check(node, response, before)
    assert response.status_code in (400, 401, 403, 413, 422)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths_of(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths_of(inner, (*path, index))


FULL = document(
    event(
        "mutated",
        epcList=["a:1", "a:2"],
        quantityList=[{"epcClass": "a:c", "quantity": 1.5, "uom": "KGM"}],
        bizLocation={"id": "a:l"},
        bizTransactionList=[{"type": "po", "bizTransaction": "a:b"}],
        sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": 3.5, "uom": "CEL"}]}],
        errorDeclaration={"declarationTime": "2026-11-04T09:20:00Z"},
    )
)
PATHS_OF_FULL = sorted(paths_of(json.loads(FULL)), key=str)


@settings(max_examples=400)
@given(st.data())
def test_no_document_breaks_the_gateway(node: RunningNode, data: st.DataObject) -> None:
    changed = json.loads(FULL)
    path = data.draw(st.sampled_from(PATHS_OF_FULL))
    value = data.draw(JSON_VALUES)
    if path:
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        if data.draw(st.booleans()) or isinstance(holder, list):
            holder[path[-1]] = value
        else:
            holder[data.draw(TEXT)] = holder.pop(path[-1])
    else:
        changed = value
    body = json.dumps(changed).encode("utf-8", "surrogatepass")
    before = (node.height, node.node.store.tip.state_root)
    response = node.capture(body, wait_s=5)
    check(node, response, before)
    if response.status_code == 200:
        # What was captured can be shown again.
        assert node.get("/epcis/events", GE_recordTime=response.json()["createdAt"]).status_code == 200


@settings(max_examples=100)
@given(JUNK)
def test_no_junk_breaks_the_gateway(node: RunningNode, body: bytes) -> None:
    before = (node.height, node.node.store.tip.state_root)
    response = node.capture(body, wait_s=1)
    check(node, response, before)
    assert response.status_code == 400
