"""A trace as a tree for people: nothing shown twice, nothing left out without a word, nothing wider than asked."""

import io
from typing import Any

import pytest
from rich.console import Console

from cli.formatting import thing_text, time_text
from cli.tracing import temperature_text, trace_tree
from tradelane.fields import Fields
from tradelane.results import read_trace

PACK = "https://id.gs1.org/01/09521102002002/21/3pGU9njkd3HUsrnL"
CASE = "https://id.gs1.org/01/19521102002009/21/fMDeyrYDZfX7"


def event(transaction: str, step: str = "packing", **changes: Any) -> dict[str, Any]:
    return {
        "height": 5,
        "index": 0,
        "operation": 0,
        "transaction": transaction,
        "time_ms": 1_795_000_000_000,
        "at_ms": 1_793_700_000_000,
        "organisation": "brand",
        "method": "provenance.capture",
        "violations": [],
        "event": {"type": "ObjectEvent", "biz_step": step, "biz_location": "https://id.gs1.org/414/9521102000015"},
        **changes,
    }


def node(identifier: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "kind": "item",
        "relation": None,
        "interval": None,
        "status": "active",
        "product": None,
        "product_name": None,
        "custodian": None,
        "owner": None,
        "count": 1,
        "events": [],
        "marks": [],
        "containers": [],
        "made_from": [],
        "made_into": [],
        "contents": [],
        **changes,
    }


def drawn(root: dict[str, Any], width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as captured:
        console.print(trace_tree(read_trace(Fields({**root, "height": 20}, "trace"))))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_thing_with_its_events_and_its_container() -> None:
    interval = {"since_ms": 1_793_700_000_000, "until_ms": None}
    case = node(CASE, relation="packed", interval=interval, events=[event("bb")])
    root = node(PACK, product_name="Tuna [400 g]", custodian="retailer", owner="brand", events=[event("aa")])
    assert drawn({**root, "containers": [case]}) == [
        "Tuna [400 g] GTIN 09521102002002 serial 3pGU9njkd3HUsrnL",
        "active, held by retailer, owned by brand",
        "as of block 20",
        "├── 2026-11-03 10:00  packing  brand  GLN 9521102000015",
        "└── was in GTIN 19521102002009 serial fMDeyrYDZfX7",
        "    from 2026-11-03 10:00 to now",
        "    └── 2026-11-03 10:00  packing  brand  GLN 9521102000015",
    ]


def test_things_that_went_the_same_way_are_told_once() -> None:
    twins = [node(f"urn:loin:{number}", relation="transformed", events=[event("aa"), event("bb")]) for number in (1, 2)]
    other = node("urn:loin:3", relation="transformed", events=[event("aa")])
    lines = drawn(node(PACK, made_from=[*twins, other]))
    assert lines[3:] == [
        "├── made from urn:loin:1",
        "│   ├── 2026-11-03 10:00  packing  brand  GLN 9521102000015",
        "│   └── 2026-11-03 10:00  packing  brand  GLN 9521102000015",
        "├── made from urn:loin:2",
        "│   └── the same 2 events as urn:loin:1",
        "└── made from urn:loin:3",
        "    └── 2026-11-03 10:00  packing  brand  GLN 9521102000015",
    ]


def test_a_trace_that_stops_short_says_so() -> None:
    marks = [
        {"reason": "limit", "what": "events", "omitted": 12},
        {"reason": "unknown", "what": "thing", "omitted": None},
    ]
    assert drawn(node(PACK, marks=marks))[3:] == [
        "├── … 12 events: more than is shown here",
        "└── … thing: the ledger knows nothing under this name",
    ]


def test_handovers_violations_and_declarations_are_seen() -> None:
    custody = {"offer": "o", "act": "accept", "from": "brand", "to": "carrier", "kind": "custody", "condition": "cold"}
    accepted = event("aa", method="custody.accept", event=None, custody=custody, organisation="carrier")
    offered = event("bb", method="custody.offer", event=None, custody={**custody, "act": "offer"})
    broken = event("cc", violations=["not_custodian"])
    wrong = event("dd", event={"type": "ObjectEvent", "is_declared_wrong": True})
    assert drawn(node(PACK, events=[accepted, offered, broken, wrong]))[3:] == [
        "├── 2026-11-03 10:00  custody accepted  carrier  from brand  cold",
        "├── 2026-11-03 10:00  custody offered  brand  to carrier",
        "├── 2026-11-03 10:00  packing  brand  GLN 9521102000015  not_custodian",
        "└── 2026-11-03 10:00  ObjectEvent  brand  declared wrong by whoever captured it",
    ]


def test_markup_of_strangers_is_text() -> None:
    hostile = event("aa", step="[link=http://evil]x[/link]", organisation="[red]brand")
    lines = drawn(node("urn:[bold]x", events=[hostile], product_name="[/]"))
    assert lines[0] == "[/] urn:[bold]x"
    assert "[red]brand" in lines[3]


@pytest.mark.parametrize("width", [60, 80])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    deep = node(PACK, product_name="A name that is rather long for what it names", events=[event("aa")])
    for _ in range(4):
        deep = node(CASE, containers=[deep], events=[event("bb", step="a_step_with_a_long_name")])
    assert max(map(len, drawn(deep, width))) <= width


@pytest.mark.parametrize(
    ("reports", "text"),
    [
        ([], ""),
        ([{"type": "Temperature", "value": "-18.5", "uom": "CEL"}], "-18.5 °C"),
        ([{"type": "Temperature", "min": "-25.3", "max": "-23.8", "uom": "CEL"}], "-25.3..-23.8 °C"),
        (
            [{"type": "Temperature", "value": "5", "uom": "FAH"}, {"type": "Temperature", "value": 7, "uom": "FAH"}],
            "5..7 °F",
        ),
        ([{"type": "AbsoluteHumidity", "value": "7", "uom": "A93"}], ""),
        ([{"type": "Temperature", "value": "cold", "uom": "CEL"}, "x"], ""),
    ],
)
def test_temperatures_are_a_range(reports: list[Any], text: str) -> None:
    assert temperature_text({"sensor_reports": reports}) == text


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        (PACK, "GTIN 09521102002002 serial 3pGU9njkd3HUsrnL"),
        ("https://id.gs1.org/00/395211020000004175", "SSCC 395211020000004175"),
        ("https://id.gs1.org/01/09521102002002/10/L1", "GTIN 09521102002002 lot L1"),
        ("urn:uuid:1", "urn:uuid:1"),
    ],
)
def test_things_are_named_as_people_do(identifier: str, text: str) -> None:
    assert thing_text(identifier) == text


def test_times_are_utc_to_the_second() -> None:
    assert time_text(1_793_700_000_999) == "2026-11-03 10:00:00Z"
