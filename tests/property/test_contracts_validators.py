"""Validator changes against a plain model: every block, the set of each height and who signed for whom."""

from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts import heads
from contracts.execute import read_validators
from contracts.results import ResultCode
from ledger.codec import Value
from tests.support.contracts_world import World, key_of

NAMES = ("validator maker", "validator carrier", "validator shop", "validator bank", *"abcdef")
ORGANISATIONS = ("maker", "carrier", "shop", "bank", "watcher", "nobody")

names = st.sampled_from(NAMES)
joiners = st.lists(st.tuples(names, st.sampled_from(ORGANISATIONS)), max_size=3)
leavers = st.lists(names, max_size=3)


class ValidatorChanges(RuleBasedStateMachine):
    """``sets`` is the model: who signs each height, by name."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        founders = {f"validator {name}": name for name in ("maker", "carrier", "shop", "bank")}
        self.sets = dict.fromkeys(range(1, self.world.height + 3), founders)

    def expected(self, joins: list[tuple[str, str]], leaves: list[str]) -> ResultCode:
        """Return the outcome of a change in the next block, by the rules as docs/contracts.md gives them."""
        named = [name for name, _ in joins] + leaves
        if not named or len(set(named)) < len(named):
            return ResultCode.BAD_ARGUMENTS
        newest, signing = self.sets[self.world.height + 2], self.sets[self.world.height + 1]
        step = max(1, (len(newest) - 1) // 3)
        if newest is not signing:
            return ResultCode.VALIDATOR_CHANGE_PENDING
        if len(joins) > step or len(leaves) > step:
            return ResultCode.VALIDATOR_CHANGE_TOO_LARGE
        if not set(leaves) <= set(newest):
            return ResultCode.UNKNOWN_VALIDATOR
        for name, organisation in joins:
            if name in newest:
                return ResultCode.VALIDATOR_EXISTS
            if organisation == "nobody":
                return ResultCode.UNKNOWN_ORGANISATION
        if len(newest) + len(joins) == len(leaves):
            return ResultCode.VALIDATOR_COUNT_UNACCEPTABLE
        return ResultCode.OK

    @rule(joins=joiners, leaves=leavers)
    def change(self, joins: list[tuple[str, str]], leaves: list[str]) -> None:
        """Try a change with the authority of governance, in a block of its own."""
        world = self.world
        identifier = f"p{world.height}"
        add: list[Value] = [world.joiner(name, organisation) for name, organisation in joins]
        remove = cast("list[Value]", [key_of(name).public_key for name in leaves])
        action: Value = ["governance.change_validators", {"add": add, "remove": remove}]
        deciding = sorted(set(self.sets[world.height + 2].values()))
        for index, organisation in enumerate(deciding):
            propose = {"id": identifier, "action": action, "expires_ms": world.time_ms + 1}
            call = ("governance.propose", propose) if index == 0 else ("governance.approve", {"id": identifier})
            is_last = 3 * (index + 1) > 2 * len(deciding)
            expected = self.expected(joins, leaves) if is_last else ResultCode.OK
            code = world.code(organisation, cast("tuple[str, dict[str, Value]]", call))
            assert code is expected, world.detail
            newest = self.sets[world.height + 1]
            if is_last and code is ResultCode.OK:
                newest = {name: runner for name, runner in newest.items() if name not in leaves} | dict(joins)
            self.sets[world.height + 2] = newest
            if is_last:
                return

    @rule()
    def another_block(self) -> None:
        """Let a height go by."""
        self.world.run("maker", ("nothing", {}))
        self.sets[self.world.height + 2] = self.sets[self.world.height + 1]

    @rule(name=names, data=st.data())
    def report(self, name: str, data: st.DataObject) -> None:
        """Show a double vote of some key at some height: it counts exactly where the key was a validator."""
        world = self.world
        height = data.draw(st.integers(1, world.height + 2))
        evidence = world.double_vote(name, height, view=world.height)
        reporter = min(self.sets[world.height + 2].values())
        code = world.code(reporter, ("governance.report_equivocation", {"evidence": evidence.to_value()}))
        self.sets[world.height + 2] = self.sets[world.height + 1]
        is_known = height <= world.height and name in self.sets[height]
        assert code is (ResultCode.OK if is_known else ResultCode.EVIDENCE_REFUSED), world.detail
        if is_known:
            head = world.get(heads.evidence(evidence.validator, height, evidence.view, "prepare"))
            assert head is not None
            assert head["organisation"] == self.sets[height][name]

    @invariant()
    def the_head_is_the_set_of_the_height_after_next(self) -> None:
        held = {member.public_key: member.organisation for member in read_validators(self.world)}
        model = self.sets[self.world.height + 2]
        assert held == {key_of(name).public_key: organisation for name, organisation in model.items()}


ValidatorChanges.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestValidatorChanges = ValidatorChanges.TestCase
