"""The example documents keep what examples/README.md and the demonstration promise."""

import re
from decimal import Decimal
from typing import Any

import pytest

from standards.digital_link import parse
from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.operations import events_to_operations, operation_to_event
from standards.gs1 import require_gln
from tests.support.contracts_world import World, genesis, key_of
from tests.support.shared_data import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
STAR = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
CASE = "https://id.gs1.org/01/19521102002009/21/fMDeyrYDZfX7"
PALLET = "https://id.gs1.org/00/395211020000004175"


def example(name: str) -> EpcisDocument:
    return parse_document((EXAMPLES / name).read_bytes())


def captures(name: str) -> list[dict[str, Any]]:
    return [dict(arguments) for _, arguments in events_to_operations(example(name))]


def test_the_shipment_has_what_the_demonstration_needs() -> None:
    operations = captures("tuna-shipment.json")
    assert len(operations) == 27
    assert {arguments["type"] for arguments in operations} == {
        "ObjectEvent",
        "AggregationEvent",
        "AssociationEvent",
        "TransactionEvent",
        "TransformationEvent",
    }
    packed = {
        (arguments["parent"], child)
        for arguments in operations
        if (arguments["type"], arguments.get("action")) == ("AggregationEvent", "ADD")
        for child in arguments["children"]
    }
    assert (CASE, STAR) in packed
    assert (PALLET, CASE) in packed
    assert len(packed) == 15
    [transformation] = [arguments for arguments in operations if arguments["type"] == "TransformationEvent"]
    assert STAR in transformation["outputs"]
    temperatures = [
        Decimal(report[name])
        for arguments in operations[2:]
        for sensor in arguments.get("sensors", [])
        for report in sensor["reports"]
        for name in ("value", "min", "max", "mean")
        if report["type"] == "Temperature" and name in report
    ]
    assert len(temperatures) == 24
    assert max(temperatures) <= -18


def test_the_shipment_is_in_order_and_long_past() -> None:
    operations = captures("tuna-shipment.json")
    times = [arguments["event_time_ms"] for arguments in operations]
    assert times == sorted(times)
    [sale] = captures("retail-sale.json")
    assert (sale["epcs"], sale["biz_step"], sale["disposition"]) == ([STAR], "retail_selling", "retail_sold")
    assert times[-1] < sale["event_time_ms"] < 1_794_528_000_000
    assert operations[0]["biz_step"] == "commissioning"
    assert STAR in operations[-1]["epcs"]


def test_every_thing_is_commissioned_before_it_is_named() -> None:
    known: set[object] = set()
    for arguments in captures("tuna-shipment.json"):
        if arguments["type"] == "ObjectEvent" and arguments["action"] == "ADD":
            known.update(arguments["epcs"])
        known.update(arguments.get("outputs", []))
        named = [arguments.get(name, []) for name in ("epcs", "children", "inputs")]
        assert known.issuperset(thing for things in named for thing in things)
        assert arguments.get("parent") is None or arguments["parent"] in known


@pytest.mark.parametrize("name", ["tuna-shipment.json", "retail-sale.json"])
def test_identifiers_are_canonical_and_have_their_check_digits(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    links = set(re.findall(r"https://id\.gs1\.org/[^\"]+", text))
    assert len(links) >= 3
    assert [link for link in links if parse(link).canonical() != link] == []


@pytest.mark.parametrize("name", ["tuna-shipment.json", "retail-sale.json"])
def test_the_examples_come_back_exactly(name: str) -> None:
    document = example(name)
    for captured, (_, arguments) in zip(document.events, events_to_operations(document), strict=True):
        assert operation_to_event(arguments) == captured.written


def test_the_readme_names_the_organisations_of_the_document() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    shipment = (EXAMPLES / "tuna-shipment.json").read_text(encoding="utf-8")
    organisations = re.findall(r"^\| ([\w ]+) \| (\d{13}) \| (\w+) \|", readme, re.MULTILINE)
    assert [role for _, _, role in organisations] == ["maker", "brand", "carrier", "warehouse", "retailer"]
    for name, gln, _ in organisations:
        require_gln(gln)
        assert f"https://id.gs1.org/417/{gln}" in shipment
        assert f'"{name}"' in shipment
    sites = re.findall(r"https://id\.gs1\.org/414/(\d{13})", shipment)
    assert [gln for gln in sites if gln not in readme] == []
    for thing in (STAR, CASE, PALLET):
        assert thing in readme


def test_captured_as_the_readme_says_the_shipment_breaks_no_rule() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    organisations = {
        name: (f"gln-{gln}", role)
        for name, gln, role in re.findall(r"^\| ([\w ]+) \| (\d{13}) \| (\w+) \|", readme, re.MULTILINE)
    }
    world = World(
        start=genesis(
            *(
                (
                    "membership.register_organisation",
                    {"id": member, "name": name, "roles": [role], "admin_key": key_of(member).public_key},
                )
                for name, (member, role) in organisations.items()
            )
        ),
        time_ms=1_794_528_000_000,
    )
    operations = captures("tuna-shipment.json")
    goods = [operations[0]["epcs"], [PALLET], [PALLET], operations[22]["children"]]
    table = readme.partition("## The journey")[2]
    rows = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    outputs: list[object] = []
    handed: list[str] = []
    for numbers, _, who, what in rows[2:]:
        if numbers:
            first, last = map(int, numbers.split("-"))
            calls = [("provenance.capture", operation) for operation in operations[first - 1 : last]]
            outputs += [world.must(organisations[who][0], call) for call in calls]
            continue
        giver, taker = (organisations[name][0] for name in what.split(", ")[1].split(" to "))
        name = f"hand-over {len(handed)}"
        terms = {"id": name, "to": taker, "kind": "custody", "items": goods[len(handed)]}
        world.must(giver, ("custody.offer", {**terms, "expires_ms": world.time_ms + 1}))
        world.must(taker, ("custody.accept", {"id": name}))
        handed.append(taker)
    assert outputs == [None] * 27
    assert len(handed) == 4
    assert world.item(STAR)["custodian"] == organisations["Domstadt Markt"][0]
