"""Changes of the validators, and evidence against them: what the operations leave in the heads."""

from typing import cast

from contracts import heads
from contracts.execute import read_validators
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.validators import ValidatorSet
from tests.support.contracts_world import Call, World, key_of


def names(validators: ValidatorSet) -> list[str]:
    return sorted(member.organisation for member in validators)


def change(world: World, name: str, **lists: list[Value]) -> None:
    world.propose("governance.change_validators", cast("dict[str, Value]", lists), name=name)


def rows(world: World, *joiners: tuple[str, str]) -> list[Value]:
    return [world.joiner(name, organisation) for name, organisation in joiners]


def terms(world: World, name: str) -> Value:
    head = world.get(heads.validator(key_of(name).public_key))
    return None if head is None else head["terms"]


def report(world: World, name: str, height: int) -> Call:
    return "governance.report_equivocation", {"evidence": world.double_vote(name, height).to_value()}


def test_a_change_takes_effect_two_heights_later_and_leaves_its_terms() -> None:
    world = World()
    change(world, "first", add=rows(world, ("watcher node", "watcher")), remove=[key_of("validator shop").public_key])
    # The genesis counts as a block of this world, so three operations later its height is 4.
    assert world.height == 4
    head = world.get(heads.VALIDATORS)
    assert head is not None
    assert head["effective_height"] == 6
    assert names(read_validators(world)) == ["bank", "carrier", "maker", "watcher"]
    assert terms(world, "validator shop") == [["shop", 1, 6]]
    assert terms(world, "watcher node") == [["watcher", 6, None]]
    assert terms(world, "validator maker") is None


def test_no_second_change_before_the_first_is_in_effect() -> None:
    world = World()
    three = rows(world, ("a", "bank"), ("b", "bank"), ("c", "bank"))
    for index, row in enumerate(three):
        action: Value = ["governance.change_validators", {"add": [row]}]
        world.must("maker", ("governance.propose", {"id": f"p{index}", "action": action, "expires_ms": 2**60}))
        world.must("carrier", ("governance.approve", {"id": f"p{index}"}))
    approve: list[Call] = [("governance.approve", {"id": f"p{index}"}) for index in range(3)]
    execution = world.execute(world.transaction("shop", approve[0]), world.transaction("shop", approve[1]))
    codes = [ResultCode(receipt.code) for receipt in execution.receipts]
    assert codes == [ResultCode.OK, ResultCode.VALIDATOR_CHANGE_PENDING], "in one block"
    world.commit(execution)
    changed_height = world.height
    assert world.code("shop", approve[1]) is ResultCode.VALIDATOR_CHANGE_PENDING
    assert world.height == changed_height + 1
    assert world.code("shop", approve[1]) is ResultCode.OK
    assert world.height == changed_height + 2, "the first block that the changed set signs may change it again"
    assert names(read_validators(world)) == ["bank", "bank", "bank", "carrier", "maker", "shop"]


def test_a_key_is_rotated_in_one_change_and_may_come_back() -> None:
    world = World()
    old, new = key_of("validator maker").public_key, key_of("maker two").public_key
    change(world, "rotate", add=rows(world, ("maker two", "maker")), remove=[old])
    assert names(read_validators(world)) == ["bank", "carrier", "maker", "shop"]
    assert read_validators(world).index_of(old) is None
    assert read_validators(world).index_of(new) is not None
    change(world, "back", add=rows(world, ("validator maker", "maker")), remove=[new])
    assert terms(world, "validator maker") == [["maker", 1, 6], ["maker", 9, None]]
    assert terms(world, "maker two") == [["maker", 6, 9]]


def test_the_organisations_of_the_changed_set_decide_from_then_on() -> None:
    world = World()
    change(world, "first", add=rows(world, ("watcher node", "watcher")), remove=[key_of("validator shop").public_key])
    action: Value = ["governance.set_parameters", {"block_transactions_max": 9}]
    propose: Call = ("governance.propose", {"id": "p", "action": action, "expires_ms": world.time_ms + 1})
    assert world.code("shop", propose) is ResultCode.NOT_A_VALIDATOR
    assert world.must("watcher", propose) == {"executed": False, "approvals": 1, "organisations": 4}
    assert world.code("shop", ("governance.approve", {"id": "p"})) is ResultCode.NOT_A_VALIDATOR


def test_a_network_of_seven_changes_two_at_a_time_and_not_three() -> None:
    world = World()
    for name in ("a", "b", "c"):
        change(world, name, add=rows(world, (name, "bank")))
    assert len(read_validators(world)) == 7
    five = [("d", "maker"), ("e", "shop"), ("f", "watcher"), ("g", "other_bank"), ("h", "carrier")]
    change(
        world,
        "two",
        add=rows(world, *five[:2]),
        remove=[key_of("a").public_key, key_of("b").public_key],
    )
    assert names(read_validators(world)) == ["bank", "bank", "carrier", "maker", "maker", "shop", "shop"]
    three: Value = ["governance.change_validators", {"add": rows(world, *five[2:])}]
    world.must("maker", ("governance.propose", {"id": "three", "action": three, "expires_ms": world.time_ms + 1}))
    world.must("carrier", ("governance.approve", {"id": "three"}))
    assert world.code("shop", ("governance.approve", {"id": "three"})) is ResultCode.VALIDATOR_CHANGE_TOO_LARGE
    assert "of 7 validators at most 2" in world.detail


def test_a_double_vote_is_kept_with_its_organisation() -> None:
    world = World()
    double_vote = world.double_vote("validator shop", 1)
    world.must("bank", ("governance.report_equivocation", {"evidence": double_vote.to_value()}))
    key = heads.evidence(double_vote.validator, 1, 0, "prepare")
    assert world.get(key) == {
        "evidence": double_vote.to_value(),
        "organisation": "shop",
        "reporter": "bank",
        "reported_ms": world.time_ms,
    }
    assert world.code("maker", report(world, "validator shop", 2)) is ResultCode.OK, "another height, another fault"


def test_a_validator_answers_for_its_own_terms_alone() -> None:
    world = World()
    change(world, "swap", add=rows(world, ("watcher node", "watcher")), remove=[key_of("validator shop").public_key])
    while world.height < 9:
        world.run("maker", ("nothing", {}))
    assert world.code("bank", report(world, "validator shop", 5)) is ResultCode.OK
    assert world.code("bank", report(world, "validator shop", 6)) is ResultCode.EVIDENCE_REFUSED
    assert world.detail.startswith("not_a_validator: ")
    assert world.code("bank", report(world, "watcher node", 5)) is ResultCode.EVIDENCE_REFUSED
    assert world.code("bank", report(world, "watcher node", 6)) is ResultCode.OK
    assert world.code("watcher", report(world, "watcher node", 7)) is ResultCode.OK, "it may report itself"
    assert world.code("shop", report(world, "validator bank", 7)) is ResultCode.NOT_A_VALIDATOR


def test_the_reason_of_a_refusal_is_in_the_detail() -> None:
    world = World()
    assert world.code("bank", report(world, "validator shop", 3)) is ResultCode.EVIDENCE_REFUSED
    assert world.detail == "height_ahead: 3 is not reached"
    turned = world.double_vote("validator shop", 1).to_value()
    assert isinstance(turned, list)
    swapped: Value = [*turned[:4], turned[5], turned[4]]
    assert world.code("bank", ("governance.report_equivocation", {"evidence": swapped})) is ResultCode.EVIDENCE_REFUSED
    assert world.detail == "wrong_order"
