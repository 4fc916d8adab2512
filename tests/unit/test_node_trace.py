"""The trace of the example shipment, and of small worlds that go wrong: what hangs where, when, what is cut off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ledger.codec import Value
from node.links import Branch, Interval
from node.queries import find_thing
from node.trace import Direction, Limits, Node, trace, tree_json
from tests.support.example_ledger import (
    CASE,
    LOGGER,
    LOIN,
    MINUTE_MS,
    PACK,
    PALLET,
    START_MS,
    ExampleLedger,
    create_ledger,
    example_document,
    example_ledger,
)

BOX = "https://id.gs1.org/00/095211020000000018"
CRATE = "https://id.gs1.org/00/095211020000000025"


def sgtin(serial: int) -> str:
    return f"https://id.gs1.org/01/09521102002002/21/T{serial}"


@pytest.fixture(scope="module")
def shipment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleLedger]:
    ledger = example_ledger(tmp_path_factory.mktemp("shipment"))
    yield ledger
    ledger.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[ExampleLedger]:
    ledger = create_ledger(tmp_path, validators=1)
    yield ledger
    ledger.close()


def grown(ledger: ExampleLedger, identifier: str, direction: Direction, limits: Limits | None = None) -> Node:
    node = trace(ledger.home.store, identifier, direction, limits)
    assert node is not None
    return node


def below(node: Node, branch: Branch) -> list[tuple[str, str | None]]:
    return [(child.identifier, child.relation) for child in node.branches.get(branch, [])]


def marks(node: Node) -> list[tuple[str, str, int | None]]:
    return [(mark.reason, mark.what, mark.omitted) for mark in node.marks]


def steps(node: Node) -> list[str]:
    return [
        cast(str, record.arguments["biz_step"]) if record.event is not None else record.method
        for record in node.records
    ]


class World:
    """Events of one organisation on a small ledger, one a minute."""

    def __init__(self, ledger: ExampleLedger, organisation: str = "brand") -> None:
        self.ledger = ledger
        self.organisation = organisation
        self.minute = 0

    def event(self, kind: str, action: str | None = None, *, minute: int | None = None, **fields: Value) -> int:
        """Capture an event and return its time."""
        self.minute = self.minute + 1 if minute is None else minute
        time_ms = START_MS + self.minute * MINUTE_MS
        arguments: dict[str, Value] = {
            "type": kind,
            "event_time_ms": time_ms,
            "offset_minutes": 0,
            "event_id": f"urn:uuid:{self.ledger.nonces:08d}-0000-4000-8000-000000000000",
            **fields,
        }
        if action is not None:
            arguments["action"] = action
        self.ledger.time_ms = max(self.ledger.time_ms, time_ms)
        self.ledger.call(self.organisation, "provenance.capture", **arguments)
        return time_ms

    def make(self, *identifiers: str) -> int:
        """Commission things."""
        return self.event("ObjectEvent", "ADD", epcs=list[Value](identifiers), biz_step="commissioning")

    def pack(self, parent: str, *children: str, action: str = "ADD") -> int:
        """Pack things, or unpack them."""
        return self.event("AggregationEvent", action, parent=parent, children=list[Value](children))

    def see(self, identifier: str, minute: int | None = None) -> int:
        """Observe a thing."""
        return self.event("ObjectEvent", "OBSERVE", epcs=[identifier], biz_step="storing", minute=minute)


MADE_ONE, MADE_TWO = (f"https://id.gs1.org/01/09521101001006/21/made{number}" for number in (1, 2))
LIFE = ("made", "between", "use1", "after", "use2", "last")


def test_the_pack_was_in_its_case_and_the_case_on_its_pallet(shipment: ExampleLedger) -> None:
    pack = grown(shipment, PACK, Direction.BACK)
    assert below(pack, Branch.CONTAINERS) == [(CASE, "packed")]
    case = pack.branches[Branch.CONTAINERS][0]
    assert below(case, Branch.CONTAINERS) == [(PALLET, "packed")]
    pallet = case.branches[Branch.CONTAINERS][0]
    assert below(pallet, Branch.CONTAINERS) == []
    assert set(pack.branches) == {Branch.CONTAINERS, Branch.MADE_FROM}


def test_a_container_shares_only_what_happened_while_the_thing_was_in_it(shipment: ExampleLedger) -> None:
    pack = grown(shipment, PACK, Direction.BACK)
    case = pack.branches[Branch.CONTAINERS][0]
    pallet = case.branches[Branch.CONTAINERS][0]
    for node in (case, pallet):
        assert node.interval is not None
        assert all(node.interval.holds(record.at_ms) for record in node.records)
    # Before the packing of the case and after its unpacking the pallet's life is not the pack's.
    assert steps(pallet) == [
        "packing",
        "storing",
        "reserving",
        "shipping",
        "custody.offer",
        "custody.accept",
        "installing",
        "departing",
        "transporting",
        "arriving",
        "removing",
        "custody.offer",
        "custody.accept",
        "receiving",
        "storing",
        "unpacking",
    ]


def test_the_pack_was_made_from_four_loins_whose_own_life_is_whole(shipment: ExampleLedger) -> None:
    pack = grown(shipment, PACK, Direction.BACK)
    sources = pack.branches[Branch.MADE_FROM]
    assert len(sources) == 4
    assert {source.relation for source in sources} == {"transformed"}
    loin = next(source for source in sources if source.identifier == LOIN)
    assert loin.interval is None
    assert steps(loin) == [
        "commissioning",
        "inspecting",
        "storing",
        "shipping",
        "custody.offer",
        "custody.accept",
        "receiving",
        "commissioning",
    ]


def test_forward_a_loin_became_twelve_packs_that_were_packed(shipment: ExampleLedger) -> None:
    loin = grown(shipment, LOIN, Direction.FORWARD)
    packs = loin.branches[Branch.MADE_INTO]
    assert len(packs) == 12
    assert PACK in {pack.identifier for pack in packs}
    assert all(len(pack.branches[Branch.CONTAINERS]) == 1 for pack in packs)
    assert Branch.MADE_FROM not in loin.branches


def test_a_pallet_that_was_unpacked_still_tells_what_was_on_it(shipment: ExampleLedger) -> None:
    pallet = grown(shipment, PALLET, Direction.CONTENTS)
    packed = [child for child in pallet.branches[Branch.CONTENTS] if child.relation == "packed"]
    assert len(packed) == 3
    assert (LOGGER, "installed") in below(pallet, Branch.CONTENTS)
    assert all(child.interval is not None and child.interval.until_ms is not None for child in packed)
    assert sorted(len(child.branches[Branch.CONTENTS]) for child in packed) == [4, 4, 4]


def test_a_spelling_does_not_matter_and_an_unknown_thing_has_no_trace(shipment: ExampleLedger) -> None:
    on_another_host = PACK.replace("https://id.gs1.org", "https://example.com/shop")
    assert grown(shipment, on_another_host, Direction.BACK).identifier == PACK
    assert trace(shipment.home.store, PACK + "x", Direction.ALL) is None


def test_the_answer_has_the_shape_that_clients_read(shipment: ExampleLedger) -> None:
    answer = tree_json(shipment.home.store, grown(shipment, PACK, Direction.ALL))
    assert list(answer) == [
        "id",
        "kind",
        "relation",
        "interval",
        "status",
        "product",
        "product_name",
        "custodian",
        "owner",
        "location",
        "disposition",
        "count",
        "events",
        "transformations",
        "marks",
        "containers",
        "made_from",
        "made_into",
        "contents",
        "height",
        "as_of",
    ]
    assert answer["product_name"] == "Yellowfin tuna steaks, frozen, 400 g"
    assert (answer["custodian"], answer["owner"], answer["marks"]) == ("retailer", "retailer", [])
    assert answer["height"] == shipment.home.store.tip.height
    assert len(cast("list[object]", answer["events"])) == answer["count"]


def test_repacking_closes_the_interval_before(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), BOX, CRATE)
    first = world.pack(BOX, sgtin(1))
    second = world.pack(CRATE, sgtin(1))  # an unpacking was missed: marked, and the newest word counts
    containers = grown(small, sgtin(1), Direction.BACK).branches[Branch.CONTAINERS]
    assert [(node.identifier, node.interval) for node in containers] == [
        (BOX, Interval(first, second)),
        (CRATE, Interval(second)),
    ]
    assert below(grown(small, BOX, Direction.CONTENTS), Branch.CONTENTS) == [(sgtin(1), "packed")]
    box = grown(small, BOX, Direction.CONTENTS).branches[Branch.CONTENTS][0]
    assert box.interval == Interval(first, second)


def test_a_container_that_is_packed_in_itself_still_holds_the_others(small: ExampleLedger) -> None:
    world, item = World(small), sgtin(3)
    world.event("ObjectEvent", "ADD", epcs=[item])
    since_ms = world.event("AggregationEvent", "ADD", parent=BOX, children=[BOX, item])
    root = grown(small, item, Direction.BACK)
    assert below(root, Branch.CONTAINERS) == [(BOX, "packed")]
    assert root.branches[Branch.CONTAINERS][0].interval == Interval(since_ms)
    assert below(grown(small, BOX, Direction.CONTENTS), Branch.CONTENTS) == [(item, "packed")]


def test_unpacking_everything_closes_every_interval(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), sgtin(2), BOX)
    since = world.pack(BOX, sgtin(1), sgtin(2))
    until = world.event("AggregationEvent", "DELETE", parent=BOX)
    contents = grown(small, BOX, Direction.CONTENTS).branches[Branch.CONTENTS]
    assert [node.interval for node in contents] == [Interval(since, until)] * 2
    assert grown(small, sgtin(1), Direction.BACK).branches[Branch.CONTAINERS][0].interval == Interval(since, until)


def test_a_thing_that_is_used_up_leaves_its_container(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), BOX)
    since = world.pack(BOX, sgtin(1))
    until = world.event("TransformationEvent", inputs=[sgtin(1)], outputs=[sgtin(2)])
    assert grown(small, sgtin(1), Direction.ALL).branches[Branch.CONTAINERS][0].interval == Interval(since, until)
    assert grown(small, BOX, Direction.CONTENTS).branches[Branch.CONTENTS][0].interval == Interval(since, until)


def test_an_event_that_came_late_is_put_in_its_place(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), BOX)
    since = world.pack(BOX, sgtin(1))
    world.see(BOX, minute=30)
    world.pack(BOX, sgtin(1), action="DELETE")
    world.see(BOX, minute=10)  # captured last, happened before the unpacking
    box = grown(small, sgtin(1), Direction.BACK).branches[Branch.CONTAINERS][0]
    assert box.interval == Interval(since, START_MS + 31 * MINUTE_MS)
    times = [(record.at_ms - START_MS) // MINUTE_MS for record in box.records]
    assert times == [2, 10, 30, 31]


def test_packing_by_somebody_who_does_not_hold_the_parent_opens_nothing(small: ExampleLedger) -> None:
    World(small, "maker").make(BOX)
    world = World(small)
    world.minute = 5
    world.make(sgtin(1))
    world.pack(BOX, sgtin(1))
    assert below(grown(small, BOX, Direction.CONTENTS), Branch.CONTENTS) == []
    item = find_thing(small.home.store, sgtin(1))
    assert item is not None
    assert "parent" not in item.head
    assert below(grown(small, sgtin(1), Direction.BACK), Branch.CONTAINERS) == []


def test_an_event_declared_to_be_wrong_opens_nothing_but_is_shown(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), BOX)
    arguments: dict[str, Value] = {
        "type": "AggregationEvent",
        "action": "ADD",
        "event_time_ms": START_MS + 2 * MINUTE_MS,
        "event_id": "urn:uuid:00000000-0000-4000-8000-00000000000a",
        "parent": BOX,
        "children": [sgtin(1)],
    }
    small.call("brand", "provenance.capture", **arguments)
    assert below(grown(small, sgtin(1), Direction.BACK), Branch.CONTAINERS) == [(BOX, "packed")]
    declaration: Value = {"declared_ms": START_MS + 3 * MINUTE_MS, "reason": "did_not_occur"}
    small.call("brand", "provenance.capture", **arguments, declaration=declaration)
    node = grown(small, sgtin(1), Direction.BACK)
    assert below(node, Branch.CONTAINERS) == []
    assert [record.is_declared_wrong for record in node.records] == [False, True, False]


def test_a_late_packing_counts_from_its_time_on(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1), BOX, CRATE)
    since = world.pack(BOX, sgtin(1))
    world.minute = 30
    world.pack(BOX, sgtin(1), action="DELETE")
    late = world.event("AggregationEvent", "ADD", minute=10, parent=CRATE, children=[sgtin(1)])
    item = find_thing(small.home.store, sgtin(1))
    assert item is not None
    # It was in the crate when it was taken out of the box, in which it was no more.
    assert item.head["parent"] == CRATE
    containers = grown(small, sgtin(1), Direction.BACK).branches[Branch.CONTAINERS]
    assert [(node.identifier, node.interval) for node in containers] == [
        (BOX, Interval(since, late)),
        (CRATE, Interval(late)),
    ]


def test_limits_leave_marks(small: ExampleLedger) -> None:
    world = World(small)
    world.make(BOX, CRATE, *map(sgtin, range(6)))
    world.pack(BOX, *map(sgtin, range(6)))
    world.pack(CRATE, BOX)
    wide = grown(small, BOX, Direction.CONTENTS, Limits(branches_max=4))
    assert len(wide.branches[Branch.CONTENTS]) == 4
    assert marks(wide) == [("limit", "contents", 2)]
    deep = grown(small, CRATE, Direction.CONTENTS, Limits(depth_max=1))
    assert marks(deep.branches[Branch.CONTENTS][0]) == [("limit", "depth:contents", 6)]
    few = grown(small, CRATE, Direction.CONTENTS, Limits(nodes_max=4))
    assert sum(1 for _ in few.walk()) == 4
    assert marks(few.branches[Branch.CONTENTS][0]) == [("limit", "contents", 4)]
    short = grown(small, BOX, Direction.CONTENTS, Limits(events_max=1))
    assert marks(short) == [("limit", "events", 2)]
    assert len(short.records) == 1
    # Three records each for the crate, the box and a thing in it; the second thing finds room for one alone.
    whole = grown(small, CRATE, Direction.CONTENTS)
    counts = [node.thing.count for node in whole.walk() if node.thing is not None]
    few_events = grown(small, CRATE, Direction.CONTENTS, Limits(all_events_max=counts[0] + counts[1] + counts[2] + 1))
    things = few_events.branches[Branch.CONTENTS][0].branches[Branch.CONTENTS]
    assert [marks(node) for node in things[:3]] == [
        [],
        [("limit", "events", counts[3] - 1)],
        [("limit", "events", counts[4])],
    ]


def test_of_a_lot_that_is_used_twice_each_product_is_told_its_part(small: ExampleLedger) -> None:
    """Back to what happened before the use, and forward to what happened after it."""
    lot = "https://id.gs1.org/01/09521101001006/10/L7"
    base = {"eventTimeZoneOffset": "+00:00"}

    def use(number: int, hour: int) -> dict[str, Any]:
        made = f"https://id.gs1.org/01/09521101001006/21/made{number}"
        return {
            **base,
            "type": "TransformationEvent",
            "eventID": f"urn:uuid:use{number}",
            "eventTime": f"2026-11-02T{hour:02}:00:00Z",
            "inputQuantityList": [{"epcClass": lot, "quantity": 1, "uom": "KGM"}],
            "outputEPCList": [made],
        }

    def seen(name: str, hour: int, **more: Any) -> dict[str, Any]:
        return {
            **base,
            "type": "ObjectEvent",
            "action": "OBSERVE",
            "eventID": f"urn:uuid:{name}",
            "eventTime": f"2026-11-02T{hour:02}:00:00Z",
            "quantityList": [{"epcClass": lot, "quantity": 9, "uom": "KGM"}],
            **more,
        }

    events = [
        seen("made", 1, action="ADD"),
        seen("between", 3),
        use(1, 4),
        seen("after", 5),
        use(2, 6),
        seen("last", 7),
    ]
    document = {**example_document(), "epcisBody": {"eventList": events}}
    small.capture("maker", 1, len(events), document)

    def told(identifier: str, direction: Direction, branch: Branch) -> list[str | None]:
        root = trace(small.home.store, identifier, direction)
        assert root is not None
        (node,) = [each for each in root.branches[branch] if each.identifier in (lot, MADE_ONE)]
        return [record.event.event_id for record in node.records if record.event is not None]

    assert told(MADE_ONE, Direction.BACK, Branch.MADE_FROM) == ["urn:uuid:made", "urn:uuid:between", "urn:uuid:use1"]
    assert told(MADE_TWO, Direction.BACK, Branch.MADE_FROM) == [f"urn:uuid:{name}" for name in LIFE[:5]]
    assert told(lot, Direction.FORWARD, Branch.MADE_INTO) == ["urn:uuid:use1"]


def test_a_made_from_circle_ends(small: ExampleLedger) -> None:
    world = World(small)
    world.event("TransformationEvent", minute=5, inputs=[sgtin(1)], outputs=[sgtin(2)])
    # Said to have happened before the other, so that nothing had ended yet.
    world.event("TransformationEvent", minute=1, inputs=[sgtin(2)], outputs=[sgtin(1)])
    node = grown(small, sgtin(2), Direction.BACK)
    first = node.branches[Branch.MADE_FROM][0]
    again = first.branches[Branch.MADE_FROM][0]
    assert (first.identifier, again.identifier) == (sgtin(1), sgtin(2))
    assert marks(again) == [("cycle", "made_from", None)]
    assert again.records == []


def test_a_source_of_two_things_is_opened_once(small: ExampleLedger) -> None:
    world = World(small)
    world.make(sgtin(1))
    world.event("TransformationEvent", inputs=[sgtin(1)], outputs=[sgtin(2), sgtin(3)])
    world.event("TransformationEvent", inputs=[sgtin(2), sgtin(3)], outputs=[sgtin(4)])
    sources = grown(small, sgtin(4), Direction.BACK).branches[Branch.MADE_FROM]
    shown = [marks(source.branches[Branch.MADE_FROM][0]) for source in sources]
    assert shown == [[], [("shown_elsewhere", "made_from", None)]]


@pytest.mark.parametrize(
    ("inner", "outer", "shared"),
    [
        (Interval(2, 5), None, Interval(2, 5)),
        (Interval(2), Interval(1), Interval(2)),
        (Interval(2, 9), Interval(4, 7), Interval(4, 7)),
        (Interval(2, 3), Interval(3, 7), Interval(3, 3)),
        (Interval(2, 3), Interval(4), None),
        (Interval(5), Interval(1, 4), None),
    ],
)
def test_intervals_meet(inner: Interval, outer: Interval | None, shared: Interval | None) -> None:
    assert inner.within(outer) == shared
