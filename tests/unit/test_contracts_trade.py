"""Payments in escrow: what releases them, what sends them back, and what can never hold them for ever."""

from hashlib import sha256
from typing import cast

import pytest

from contracts import heads
from contracts.results import ResultCode
from contracts.trade.escrow import terms_to_sign
from contracts.trade.opening import WAITING_MAX
from ledger.codec import Value
from ledger.hashing import tagged_hash
from ledger.keys import signed_preimage
from tests.support.contract_cold_chain_cases import MINUTE_MS, batch
from tests.support.contracts_world import START_MS, World, add, key_of, observe, pack, sgtin, sscc
from tests.support.trade_world import (
    DEADLINE_MS,
    DISPUTE_DEADLINE_MS,
    FUNDS,
    GOODS,
    PAYEE,
    PAYEE_EUR,
    PAYER,
    arrival,
    arrived,
    balance,
    call,
    offer,
    opened,
    payment,
    pending,
    terms,
    trade_world,
    uetr,
)

COOL = 5_000
WARM = 9_000
ALL: dict[str, Value] = {"kind": "threshold", "of": [0, 1], "count": 2}
SIGNED: dict[str, Value] = {"kind": "signatures", "organisations": ["shop"], "count": 1}


@pytest.fixture
def world() -> World:
    return trade_world()


def readings(world: World, *values: int, first: int = 1, every_ms: int = 10 * MINUTE_MS) -> dict[str, Value]:
    """Record readings, one every ten minutes from the beginning of the watch on; return the output."""
    rows = [(START_MS + (first + index) * every_ms, value) for index, value in enumerate(values)]
    world.time_ms = max(world.time_ms, rows[-1][0])
    return cast("dict[str, Value]", world.must("logger", batch(first, *rows, name="logger")))


def test_the_event_releases_both_legs_in_its_own_operation(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    assert pending(world) == {
        PAYER: (1_000, 0),
        "lp/eur": (0, 1_000),
        "lp/hkd": (8_501, 0),
        PAYEE: (0, 8_501),
    }
    assert world.must("carrier", arrived(world, GOODS[0])) == {
        "violations": [],
        "violations_count": 0,
        "noted": [uetr(1)],
    }
    receipt = world.run("carrier", arrived(world, GOODS[1]))
    output = cast("dict[str, Value]", receipt.outputs[0])
    legs: Value = [[PAYER, "lp/eur", 1_000], ["lp/hkd", PAYEE, 8_501]]
    assert (output["settled"], output["amounts_moved"]) == ([uetr(1)], [[uetr(1), "settled", legs, []]])
    assert (balance(world, PAYER), balance(world, "lp/eur")) == (FUNDS - 1_000, 1_000)
    assert (balance(world, "lp/hkd"), balance(world, PAYEE)) == (10 * FUNDS - 8_501, 8_501)
    assert pending(world) == {}
    assert (payment(world)["status"], terms(world)["released"], terms(world)["returned"]) == ("settled", 1_000, 0)
    # The same operation is the newest record of the goods, of the payment and of every account.
    last = [entry for entry in world.records[-7:] if entry.transaction_index == 0]
    keys = {heads.item(GOODS[1]), heads.payment(uetr(1)), *map(heads.account, (PAYER, "lp/eur", "lp/hkd", PAYEE))}
    assert keys <= {entry.key for entry in last}
    for thing in GOODS:
        assert world.get(heads.waiting(thing)) is None


def test_the_same_opening_again_changes_nothing(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    before = dict(world.committed)
    assert world.must("shop", opened(1, arrival())) == {"exists": True, "status": "held"}
    assert world.code("shop", opened(1, arrival(), amount=999)) is ResultCode.UETR_EXISTS
    assert world.committed == before


def test_nothing_is_added_to_what_nobody_waits_for(world: World) -> None:
    assert world.must("carrier", arrived(world, *GOODS)) is None
    world.must("shop", opened(1, arrival()))
    world.must("maker", add(sgtin(3)))
    assert world.must("maker", arrived(world, sgtin(3))) is None


def test_others_other_steps_and_broken_rules_show_nothing(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    assert world.must("carrier", arrived(world, *GOODS, step="departing")) is None
    # Who does not hold the goods breaks a rule about them; who holds them without the role is not asked.
    held = cast("dict[str, Value]", world.must("shop", arrived(world, *GOODS, event_id="a stranger's")))
    assert "noted" not in held
    world.must("carrier", ("custody.offer", offer("back", "maker", world.time_ms + 1)))
    world.must("maker", ("custody.accept", {"id": "back"}))
    assert world.must("maker", arrived(world, *GOODS)) is None
    refused = cast("dict[str, Value]", world.must("carrier", arrived(world, *GOODS, event_id="late")))
    assert refused["violations_count"] == 2
    assert terms(world)["attested"] == []


def test_a_thing_that_an_event_only_touches_is_not_shown(world: World) -> None:
    pallet = sscc(1)
    world.must("carrier", pack(pallet, *GOODS, time_ms=world.time_ms))
    world.must("shop", opened(1, arrival((pallet,), step="decommissioning")))
    # It takes the goods out of the pallet, whose history gets the event, and says nothing of the pallet.
    gone = world.must(
        "carrier",
        (
            "provenance.capture",
            {
                "type": "ObjectEvent",
                "action": "DELETE",
                "epcs": [*GOODS],
                "event_time_ms": world.time_ms,
                "offset_minutes": 0,
                "biz_step": "decommissioning",
            },
        ),
    )
    assert gone is None
    assert payment(world)["status"] == "held"


def test_two_attestors_are_two_organisations(world: World) -> None:
    world.must("shop", opened(1, {"kind": "event", "things": [GOODS[0]], "step": "inspecting", "attestors": 2}))
    world.must("carrier", arrived(world, GOODS[0], step="inspecting", event_id="one"))
    assert world.must("carrier", arrived(world, GOODS[0], step="inspecting", event_id="two")) is None
    world.must("carrier", ("custody.offer", offer("on", "maker", world.time_ms + 1)))
    world.must("maker", ("custody.accept", {"id": "on"}))
    world.must("maker", arrived(world, GOODS[0], step="inspecting", event_id="three"))
    assert payment(world)["status"] == "settled"


def test_an_event_that_is_declared_to_be_in_error_counts_no_more(world: World) -> None:
    world.must("shop", opened(1, arrival(), SIGNED, ALL))
    event = arrived(world, *GOODS, event_id="wrong")
    world.must("carrier", event)
    assert len(cast("list[Value]", terms(world)["attested"])) == 2
    declared = "provenance.capture", {**event[1], "declaration": cast(Value, {"declared_ms": world.time_ms})}
    assert cast("dict[str, Value]", world.must("carrier", declared))["noted"] == [uetr(1)]
    assert (terms(world)["attested"], terms(world)["met"]) == ([], [])
    world.must("shop", call("present", agree=True))
    assert payment(world)["status"] == "held"


def test_a_clean_acceptance_releases_and_one_with_a_discrepancy_does_not(world: World) -> None:
    world.must("shop", opened(1, {"kind": "acceptance", "things": [*GOODS], "organisations": ["shop"]}))
    for name, discrepancies in (("first", [[GOODS[0], "damaged", "wet"]]), ("second", [])):
        world.must("carrier", ("custody.offer", offer(name, "shop", world.time_ms + 1)))
        accepted = world.must(
            "shop", ("custody.accept", {"id": name, "discrepancies": cast("list[Value]", discrepancies)})
        )
        assert cast("dict[str, Value]", accepted)["moved"] == 2
        assert payment(world)["status"] == ("held" if discrepancies else "settled")
        if discrepancies:
            world.must("shop", ("custody.offer", offer("back", "carrier", world.time_ms + 1)))
            world.must("carrier", ("custody.accept", {"id": "back"}))


COLD = arrival(cold_chain="unbroken")


def test_readings_up_to_the_delivery_release_whichever_comes_first(world: World) -> None:
    world.must("shop", opened(1, COLD))
    readings(world, COOL, COOL)
    world.must("carrier", arrived(world, *GOODS))
    assert payment(world)["status"] == "settled"

    late = trade_world()
    late.must("shop", opened(1, COLD))
    late.time_ms += 60 * MINUTE_MS
    late.must("carrier", arrived(late, *GOODS))
    assert payment(late)["status"] == "held"
    assert readings(late, COOL, COOL, COOL).get("settled") is None
    assert readings(late, COOL, COOL, first=4)["settled"] == [uetr(1)]


def test_a_breach_sends_the_money_back_at_once(world: World) -> None:
    world.must("shop", opened(1, COLD))
    world.must("shop", opened(2, COLD, when_impossible="wait"))
    assert readings(world, *[WARM] * 5)["sent_back"] == [uetr(1)]
    assert (payment(world, 1)["status"], payment(world, 2)["status"]) == ("refunded", "held")
    assert pending(world)[PAYER] == (1_000, 0)
    assert balance(world, PAYER) == FUNDS
    assert world.code("shop", opened(3, COLD)) is ResultCode.CONDITION_DECIDED


def test_a_breach_after_the_delivery_is_the_buyer_s(world: World) -> None:
    world.must("shop", opened(1, COLD, SIGNED, ALL))
    readings(world, COOL, COOL)
    world.must("carrier", arrived(world, *GOODS))
    readings(world, *[WARM] * 5, first=3)
    assert payment(world)["status"] == "held"
    world.must("shop", call("present", agree=True))
    assert payment(world)["status"] == "settled"


def test_unmonitored_time_is_neither_unbroken_nor_a_breach(world: World) -> None:
    world.must("shop", opened(1, COLD))
    readings(world, COOL, COOL, every_ms=20 * MINUTE_MS)
    world.must("carrier", arrived(world, *GOODS))
    assert payment(world)["status"] == "held"


MILESTONES = {
    "condition": [arrival((GOODS[0],)), arrival((GOODS[1],)), SIGNED],
    "milestones": [[0, 333], [1, 333], [2, 334]],
}


def test_milestones_post_parts_of_both_legs_and_the_last_takes_the_rest(world: World) -> None:
    world.must("shop", opened(1, **MILESTONES))
    paid = []
    for step in (arrived(world, GOODS[0]), arrived(world, GOODS[1])):
        world.must("carrier", step)
        paid.append((balance(world, "lp/eur"), balance(world, PAYEE)))
        assert payment(world)["status"] == "held"
    world.must("shop", call("present", agree=True))
    paid.append((balance(world, "lp/eur"), balance(world, PAYEE)))
    assert paid == [(333, 2_830), (666, 5_661), (1_000, 8_501)]
    assert (payment(world)["status"], pending(world)) == ("settled", {})


def test_the_deadline_sends_back_what_is_not_released(world: World) -> None:
    world.must("shop", opened(1, **MILESTONES))
    world.must("carrier", arrived(world, GOODS[0]))
    assert world.code("watcher", call("poke")) is ResultCode.NOTHING_DUE
    world.time_ms = DEADLINE_MS
    assert world.code("shop", call("dispute", reason="late")) is ResultCode.DEADLINE_PASSED
    assert world.must("watcher", call("poke")) == {
        "status": "expired",
        "released": 333,
        "returned": 667,
        "amounts_moved": [[uetr(1), "expired", [], [[PAYER, "lp/eur", 667], ["lp/hkd", PAYEE, 5_671]]]],
    }
    assert (balance(world, PAYER), balance(world, PAYEE), pending(world)) == (FUNDS - 333, 2_830, {})
    assert world.code("watcher", call("poke")) is ResultCode.PAYMENT_ENDED


def test_an_event_at_the_deadline_comes_too_late_and_settles_that(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    world.time_ms = DEADLINE_MS
    output = cast("dict[str, Value]", world.must("carrier", arrived(world, *GOODS)))
    assert output["sent_back"] == [uetr(1)]
    assert (payment(world)["status"], balance(world, PAYEE)) == ("expired", 0)


def test_what_was_due_before_the_deadline_is_due_after_it(world: World) -> None:
    world.must("shop", opened(1, {"kind": "time", "after_ms": DEADLINE_MS - 1}))
    assert world.code("shop", opened(2, {"kind": "time", "after_ms": DEADLINE_MS})) is ResultCode.DEADLINE_UNACCEPTABLE
    world.time_ms = DEADLINE_MS + 7
    world.must("watcher", call("poke"))
    assert payment(world)["status"] == "settled"


def test_a_dispute_stops_the_goods_and_ends_by_its_default(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    world.must("shop", opened(2, arrival(), default="release"))
    for number in (1, 2):
        world.must("shop", call("dispute", number, reason="the wrong colour"))
    assert world.must("carrier", arrived(world, *GOODS)) is None
    assert world.code("shop", call("present", agree=True)) is ResultCode.PAYMENT_DISPUTED
    world.time_ms = DISPUTE_DEADLINE_MS - 1
    assert world.code("watcher", call("poke")) is ResultCode.NOTHING_DUE
    world.time_ms = DISPUTE_DEADLINE_MS
    assert world.code("maker", call("resolve", split=0)) is ResultCode.DEADLINE_PASSED
    for number in (1, 2):
        world.must("watcher", call("poke", number))
    assert [terms(world, number)["released"] for number in (1, 2)] == [0, 1_000]
    assert [payment(world, number)["status"] for number in (1, 2)] == ["resolved", "resolved"]
    assert pending(world) == {}


def test_a_dispute_is_resolved_by_the_arbiter_or_by_both_saying_the_same(world: World) -> None:
    world.must("shop", opened(1, arrival(), arbiter="watcher"))
    world.must("shop", opened(2, arrival()))
    for number in (1, 2):
        world.must("maker", call("dispute", number, reason="they never answer"))
    assert world.code("carrier", call("resolve", 1, split=1)) is ResultCode.NOT_A_PARTY
    assert world.code("watcher", call("resolve", 2, split=1)) is ResultCode.NOT_A_PARTY
    assert world.code("watcher", call("resolve", 1, split=1_001)) is ResultCode.SPLIT_TOO_LARGE
    assert world.must("watcher", call("resolve", 1, split=400)) == {
        "status": "resolved",
        "released": 400,
        "returned": 600,
        "amounts_moved": [
            [
                uetr(1),
                "resolved",
                [[PAYER, "lp/eur", 400], ["lp/hkd", PAYEE, 3_400]],
                [[PAYER, "lp/eur", 600], ["lp/hkd", PAYEE, 5_101]],
            ]
        ],
    }
    for signer, split, status in (("shop", 0, "disputed"), ("maker", 500, "disputed"), ("shop", 500, "resolved")):
        assert cast("dict[str, Value]", world.must(signer, call("resolve", 2, split=split)))["status"] == status
    assert (balance(world, PAYER), balance(world, PAYEE), pending(world)) == (FUNDS - 900, 3_400 + 4_250, {})


def test_the_payee_may_give_up_and_nobody_else(world: World) -> None:
    world.must("shop", opened(1, arrival()))
    assert world.code("shop", call("cancel")) is ResultCode.NOT_A_PARTY
    cancelled = cast("dict[str, Value]", world.must("maker", call("cancel")))
    assert (cancelled["status"], cancelled["released"], cancelled["returned"]) == ("cancelled", 0, 1_000)
    assert (balance(world, PAYER), pending(world)) == (FUNDS, {})


def test_an_account_that_refuses_leaves_the_payment_held_and_the_event_recorded(world: World) -> None:
    world.must("shop", opened(1, arrival((GOODS[0],))))
    world.must("shop", opened(2, arrival((GOODS[0],)), payee=PAYEE_EUR))
    world.must("maker", ("settlement.close_account", {"id": PAYEE}))
    output = cast("dict[str, Value]", world.must("carrier", arrived(world, GOODS[0])))
    assert (output["stuck"], output["settled"]) == ([uetr(1)], [uetr(2)])
    assert terms(world)["mark"] == "credit_account_closed"
    # Not even the leg before it, which no account refuses, was posted.
    assert (balance(world, "lp/eur"), pending(world)[PAYER]) == (0, (1_000, 0))
    assert world.code("watcher", call("poke")) is ResultCode.NOTHING_DUE
    world.time_ms = DEADLINE_MS
    world.must("watcher", call("poke"))
    assert (payment(world)["status"], pending(world)) == ("expired", {})


def test_a_default_that_an_account_refuses_sends_back(world: World) -> None:
    world.must("shop", opened(1, arrival(), default="release"))
    world.must("shop", call("dispute", reason="?"))
    world.must("maker", ("settlement.close_account", {"id": PAYEE}))
    world.time_ms = DISPUTE_DEADLINE_MS
    poked = cast("dict[str, Value]", world.must("watcher", call("poke")))
    assert (poked["status"], poked["released"], poked["returned"]) == ("resolved", 0, 1_000)


def test_documents_preimages_and_signatures_are_presented(world: World) -> None:
    secret = b"the key to the container"
    condition: list[Value] = [
        {"kind": "document", "type": "bill_of_lading", "roles": ["carrier"]},
        {"kind": "preimage", "sha256": sha256(secret).digest()},
        {"kind": "signatures", "keys": [key_of("pen").public_key], "organisations": ["watcher"], "count": 2},
        {"kind": "threshold", "of": [0, 1, 2], "count": 3},
    ]
    world.must("shop", opened(1, *condition))
    paper: Value = [["bill_of_lading", tagged_hash("paper")]]
    signed = signed_preimage(
        "escrow", world.start.chain_id, terms_to_sign(uetr(1), cast(bytes, payment(world)["terms"]))
    )
    signature: Value = [[key_of("pen").public_key, key_of("pen").sign(signed)]]
    forged: Value = [[key_of("pen").public_key, key_of("shop").sign(signed)]]
    fits_nothing = ResultCode.EVIDENCE_FITS_NOTHING
    assert world.code("shop", call("present", documents=paper)) is fits_nothing
    assert world.code("shop", call("present", preimages=[b"guess"])) is fits_nothing
    assert world.code("shop", call("present", agree=True)) is fits_nothing
    assert world.code("shop", call("present", signatures=forged)) is ResultCode.EVIDENCE_SIGNATURE_WRONG
    assert world.code("shop", call("present")) is ResultCode.BAD_ARGUMENTS
    world.must("carrier", call("present", documents=paper))
    assert world.code("carrier", call("present", documents=paper)) is fits_nothing
    world.must("watcher", call("present", preimages=[secret], signatures=signature))
    assert payment(world)["status"] == "held"
    world.must("watcher", call("present", agree=True))
    assert payment(world)["status"] == "settled"


def test_payments_that_wait_for_a_thing_are_bounded(world: World) -> None:
    for number in range(WAITING_MAX):
        world.must("shop", opened(number, arrival()))
    assert world.code("shop", opened(WAITING_MAX, arrival())) is ResultCode.TOO_MANY_WAITING
    world.must("carrier", arrived(world, *GOODS))
    assert balance(world, PAYEE) == WAITING_MAX * 8_501
    assert world.get(heads.waiting(GOODS[0])) is None


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (ResultCode.SHARES_DIFFER, {**MILESTONES, "milestones": [[0, 333], [1, 333], [2, 333]]}),
        (ResultCode.BAD_ARGUMENTS, {**MILESTONES, "milestones": [[0, 500], [1, 500]]}),
        (ResultCode.BAD_ARGUMENTS, {**MILESTONES, "milestones": [[0, 500], [0, 100], [1, 200], [2, 200]]}),
        (ResultCode.BAD_ARGUMENTS, {"condition": [arrival(), SIGNED]}),
        (ResultCode.BAD_ARGUMENTS, {"default": "keep"}),
        (ResultCode.UNKNOWN_ORGANISATION, {"arbiter": "nobody"}),
        (ResultCode.DEADLINE_UNACCEPTABLE, {"deadline_ms": START_MS}),
        (ResultCode.DEADLINE_UNACCEPTABLE, {"dispute_deadline_ms": DEADLINE_MS - 1}),
        (ResultCode.DEADLINE_UNACCEPTABLE, {"dispute_deadline_ms": START_MS + 367 * 24 * 60 * MINUTE_MS}),
        (ResultCode.CONDITION_DECIDED, {"condition": [{"kind": "time", "after_ms": START_MS}]}),
        (ResultCode.INSUFFICIENT_FUNDS, {"amount": FUNDS + 1}),
        (ResultCode.NOT_ACCOUNT_OWNER, {"payer": "maker/eur"}),
    ],
)
def test_what_cannot_be_opened(world: World, code: ResultCode, changes: dict[str, Value]) -> None:
    before = dict(world.committed)
    assert world.code("shop", opened(1, **{"condition": [arrival()], **changes})) is code
    assert world.committed == before


def test_an_operation_on_goods_under_another_name_is_no_event(world: World) -> None:
    world.must("shop", opened(1, arrival(step="custody.accept", roles=[])))
    world.must("carrier", ("custody.offer", offer("on", "shop", world.time_ms + 1)))
    accepted = cast("dict[str, Value]", world.must("shop", ("custody.accept", {"id": "on"})))
    assert set(accepted) == {"moved", "left", "left_count"}
    assert world.must("shop", observe(GOODS[0])) is None
