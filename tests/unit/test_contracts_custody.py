"""Custody and ownership by offer and acceptance, and what goes along with a container."""

from contracts import heads
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contracts_world import START_MS, Call, World, add, event, lgtin, pack, sgtin, sscc


def offer(*items: str, to: str = "carrier", kind: str = "custody", name: str = "o") -> Call:
    fields: dict[str, Value] = {"id": name, "to": to, "kind": kind, "items": list(items), "expires_ms": START_MS + 1}
    return "custody.offer", fields


def accept(name: str = "o", **more: Value) -> Call:
    return "custody.accept", {"id": name, **more}


def holders(world: World, *items: str) -> list[tuple[Value, Value]]:
    return [(world.item(item)["custodian"], world.item(item)["owner"]) for item in items]


def loaded() -> World:
    """One pallet, on it a box with two items and a loose item."""
    world = World()
    world.must("maker", add(sgtin(1), sgtin(2), sgtin(3)))
    world.must("maker", pack(sscc(2), sgtin(1), sgtin(2)), pack(sscc(1), sscc(2), sgtin(3)))
    return world


def test_contents_go_with_their_container_level_by_level() -> None:
    world = loaded()
    world.must("maker", offer(sscc(1)))
    assert world.must("carrier", accept(condition="dry and cold")) == {"moved": 5, "left": [], "left_count": 0}
    assert holders(world, sscc(1), sscc(2), sgtin(1), sgtin(2), sgtin(3)) == [("carrier", "maker")] * 5
    assert world.get(heads.offer("o")) == {
        "from": "maker",
        "to": "carrier",
        "kind": "custody",
        "items": [sscc(1)],
        "expires_ms": START_MS + 1,
        "offered_ms": START_MS,
        "status": "accepted",
        "condition": "dry and cold",
    }


def test_both_signatures_are_in_the_history() -> None:
    world = loaded()
    counts = [world.item(item)["count"] for item in (sscc(1), sgtin(3))]
    world.must("maker", offer(sscc(1), sgtin(3)))
    world.must("carrier", accept())
    assert [world.item(item)["count"] for item in (sscc(1), sgtin(3))] == [count + 2 for count in counts]  # type: ignore[operator]
    assert world.item(sgtin(1))["count"] == 3


def test_ownership_goes_apart_from_custody() -> None:
    world = loaded()
    world.must("maker", offer(sscc(1)), offer(sscc(1), to="shop", kind="ownership", name="sale"))
    world.must("carrier", accept())
    world.must("shop", accept("sale"))
    assert holders(world, sscc(1), sgtin(1)) == [("carrier", "shop")] * 2


def test_contents_that_the_offerer_does_not_hold_are_left_and_named() -> None:
    world = loaded()
    world.must("maker", offer(sgtin(1), to="shop", name="first"))
    world.must("shop", accept("first"))
    world.must("maker", offer(sscc(1)))
    assert world.must("carrier", accept()) == {"moved": 4, "left": [sgtin(1)], "left_count": 1}
    assert holders(world, sgtin(1)) == [("shop", "maker")]


def test_what_is_short_stays_with_all_that_is_in_it() -> None:
    world = loaded()
    world.must("maker", offer(sscc(1)))
    discrepancies: Value = [
        [sscc(2), "short", "not on the pallet"],
        [sgtin(3), "damaged", "wet"],
        ["urn:x", "over", "found"],
    ]
    assert world.must("carrier", accept(discrepancies=discrepancies)) == {"moved": 2, "left": [], "left_count": 0}
    assert holders(world, sscc(1), sgtin(3)) == [("carrier", "maker")] * 2
    assert holders(world, sscc(2), sgtin(1), sgtin(2)) == [("maker", "maker")] * 3
    offered = world.get(heads.offer("o"))
    assert offered is not None
    assert offered["discrepancies"] == discrepancies


def test_lots_change_hands_too() -> None:
    world = World()
    world.must("maker", event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "1", None]]))
    world.must("maker", offer(lgtin("A")))
    world.must("carrier", accept())
    head = world.get(heads.lot(lgtin("A")))
    assert head is not None
    assert (head["custodian"], head["count"]) == ("carrier", 3)


def test_the_new_custodian_can_hand_on_and_the_old_one_cannot() -> None:
    world = loaded()
    world.must("maker", offer(sscc(1)))
    world.must("carrier", accept())
    assert world.code("maker", offer(sscc(1), to="shop", name="again")) is ResultCode.NOT_CUSTODIAN
    world.must("carrier", offer(sscc(1), to="shop", name="on"))
    world.must("shop", accept("on"))
    assert holders(world, sgtin(2)) == [("shop", "maker")]


def test_rejecting_and_cancelling_are_recorded_and_move_nothing() -> None:
    world = loaded()
    world.must("maker", offer(sgtin(3)), offer(sgtin(3), name="other"))
    world.must("carrier", ("custody.reject", {"id": "o", "reason": "too warm"}))
    world.must("maker", ("custody.cancel", {"id": "other"}))
    assert holders(world, sgtin(3)) == [("maker", "maker")]
    assert world.item(sgtin(3))["count"] == 6
    rejected, cancelled = world.get(heads.offer("o")), world.get(heads.offer("other"))
    assert rejected is not None
    assert cancelled is not None
    assert (rejected["status"], rejected["reason"], cancelled["status"]) == ("rejected", "too warm", "cancelled")


def test_an_offer_ends_when_its_time_has_come_and_its_giver_may_offer_again() -> None:
    world = loaded()
    world.must("maker", offer(sgtin(3)), offer(sgtin(3), to="shop", name="answered"))
    world.must("shop", ("custody.reject", {"id": "answered", "reason": "not ordered"}))
    assert world.get(heads.open_offers("maker")) == {"count": 1}
    before = world.item(sgtin(3))
    world.time_ms = START_MS + 1
    # Whoever reads after any block of that time, even an empty one, sees no open offer.
    world.commit(world.execute())
    offered = world.get(heads.offer("o"))
    assert offered is not None
    assert offered["status"] == "expired"
    assert world.get(heads.open_offers("maker")) == {"count": 0}
    assert [key for key in world.committed if key.startswith(b"offer_expiry\0")] == []
    assert world.item(sgtin(3)) == before
    assert world.code("carrier", accept()) is ResultCode.OFFER_EXPIRED
    late: dict[str, Value] = {
        "id": "again",
        "to": "carrier",
        "kind": "custody",
        "items": [sgtin(3)],
        "expires_ms": START_MS + 9,
    }
    world.must("maker", ("custody.offer", late))
    world.must("carrier", accept("again"))
    assert world.get(heads.open_offers("maker")) == {"count": 0}


def test_a_part_of_a_lot_may_be_short() -> None:
    world = World()
    lot = lgtin("A")
    world.must("maker", event("ObjectEvent", "ADD", quantities=[[lot, "100", "KGM"]]), offer(lot))
    lines: Value = [[lot, "short", "two bags", "20", "KGM"], [lot, "damaged", "wet", "0.5", "KGM"]]
    assert world.must("carrier", accept(discrepancies=lines)) == {"moved": 1, "left": [], "left_count": 0}
    head = world.get(heads.lot(lot))
    offered = world.get(heads.offer("o"))
    assert head is not None
    assert offered is not None
    assert head["custodian"] == "carrier"
    assert offered["discrepancies"] == lines
    for amount in ("0", "-1", "x", 1):
        world.must("maker", offer(lot, kind="ownership", name=f"o{amount}"))
        wrong = accept(f"o{amount}", discrepancies=[[lot, "short", "x", amount, None]])
        assert world.code("carrier", wrong) is ResultCode.BAD_ARGUMENTS
