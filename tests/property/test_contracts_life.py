"""The life of an item, in whichever order its events arrive, against a model that sorts them and replays."""

from dataclasses import dataclass
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.provenance.life import MOVES_MAX
from ledger.codec import Value
from tests.support.contracts_world import START_MS, Call, World, add, event, sgtin

DAY_MS = 86_400_000
FIRST_MS = START_MS - 40 * DAY_MS
ITEM = sgtin(1)


@dataclass(frozen=True)
class Told:
    """One event: when, what is done, where, and which dispositions it sets or takes away for good."""

    name: int
    time_ms: int
    kind: str
    place: str | None
    sets: str | None
    unsets: str | None

    def call(self, declaration: Value = None) -> Call:
        more: dict[str, object] = {"event_id": f"urn:event:{self.name}"}
        if self.place is not None:
            more["biz_location"] = self.place
        more |= {"persistent_set": [self.sets]} if self.sets else {}
        more |= {"persistent_unset": [self.unsets]} if self.unsets else {}
        if declaration is not None:
            more["declaration"] = declaration
        steps = {"sell": "retail_selling", "dispense": "dispensing", "destroy": "destroying"}
        if self.kind in steps:
            more["biz_step"] = steps[self.kind]
        if self.kind in ("returned", "in_transit"):
            more["disposition"] = self.kind
        action = "DELETE" if self.kind == "delete" else "OBSERVE"
        return event("ObjectEvent", action, epcs=[ITEM], time_ms=self.time_ms, **more)


def model(events: list[Told]) -> dict[str, object]:
    """Replay the events by time, one plain branch for each thing that can happen."""
    status, disposition, place = "active", None, None
    persistent: set[str] = set()
    since_ms, where = FIRST_MS, None
    for told in sorted(events, key=lambda told: told.time_ms):
        revives = (
            told.kind == "returned"
            and status in ("sold", "dispensed", "decommissioned")
            and told.time_ms - since_ms <= 10 * DAY_MS
            and (where is None or told.place is None or where == told.place)
        )
        becomes = None
        if revives:
            becomes = "active"
        elif told.kind == "sell" and status == "active":
            becomes = "sold"
        elif told.kind == "dispense" and status in ("active", "sold"):
            becomes = "dispensed"
        elif told.kind == "delete" and status in ("active", "sold", "dispensed"):
            becomes = "decommissioned"
        elif told.kind == "destroy" and status not in ("destroyed", "consumed"):
            becomes = "destroyed"
        if becomes is None and status in ("decommissioned", "destroyed"):
            continue
        if told.kind in ("returned", "in_transit"):
            disposition = told.kind
        place = told.place or place
        persistent -= {told.unsets} if told.unsets else set()
        persistent |= {told.sets} if told.sets else set()
        if becomes is not None:
            status, since_ms, where = becomes, told.time_ms, told.place
    ended_ms = since_ms if status in ("decommissioned", "destroyed") else None
    return {
        "status": status,
        "disposition": disposition,
        "location": place,
        "persistent": sorted(persistent) or None,
        "ended_ms": ended_ms,
        "commissioned_ms": FIRST_MS,
    }


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Told], list[int]]:
    """Draw events at times that differ, in the order of arrival, and the names of those declared to be in error."""
    times = draw(st.lists(st.integers(1, 39), unique=True, max_size=8))
    kinds = st.sampled_from(["in_transit", "sell", "dispense", "delete", "destroy", "returned", "returned", "seen"])
    words = st.sampled_from([None, None, "a", "b"])
    places = st.sampled_from([None, None, "urn:here", "urn:there"])
    events = [
        Told(name, FIRST_MS + time * DAY_MS, draw(kinds), draw(places), draw(words), draw(words))
        for name, time in enumerate(times)
    ]
    wrong = draw(st.lists(st.sampled_from(range(len(events))), unique=True, max_size=3)) if events else []
    return events, wrong


@settings(max_examples=300)
@given(lives())
def test_a_life_is_the_same_in_whichever_order_its_events_come(life: tuple[list[Told], list[int]]) -> None:
    events, wrong = life
    world = World()
    world.must("maker", add(ITEM, time_ms=FIRST_MS, event_id="urn:made"))
    for told in events:
        world.must("maker", told.call())
    for name in wrong:
        world.must("maker", events[name].call({"declared_ms": START_MS, "corrective_ids": []}))
    head = world.item(ITEM)
    expected = model([told for told in events if told.name not in wrong])
    assert {name: head.get(name) for name in expected} == expected


def test_more_events_than_are_kept_apart_come_to_the_same() -> None:
    """What is folded into the base counts as before, and what is older than it has no say."""
    world = World()
    world.must("maker", add(ITEM, time_ms=FIRST_MS))
    seen = [
        Told(number, FIRST_MS + number * 1_000, "in_transit", f"urn:{number}", f"p{number:02}", None)
        for number in range(2, 40)
    ]
    for told in seen:
        world.must("maker", told.call())
    head = world.item(ITEM)
    assert head["location"] == "urn:39"
    assert head["commissioned_ms"] == FIRST_MS
    assert len(cast("list[Value]", head["moves"])) == MOVES_MAX
    assert cast("dict[str, Value]", head["base"])["until_ms"] == FIRST_MS + (39 - MOVES_MAX) * 1_000
    late = Told(99, FIRST_MS + 1_500, "sell", "urn:late", None, None)
    assert world.must("maker", late.call()) == {"violations": [[ITEM, "event_too_old"]], "violations_count": 1}
    assert {**world.item(ITEM), "count": 0, "chain": b"", "marks": 0, "marks_count": 0} == {
        **head,
        "count": 0,
        "chain": b"",
        "marks": 0,
        "marks_count": 0,
    }
