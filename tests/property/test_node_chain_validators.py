"""Any row of validator changes, refused ones and restarts among them: the chain agrees with a plain list of sets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.certificate import VoteKind
from tests.support.validator_chain import NAMES, ValidatorChain, validator_set

names = st.sampled_from(NAMES)
changes = st.tuples(
    st.lists(st.tuples(names, st.sampled_from(["maker", "carrier", "shop", "bank", "watcher"])), max_size=2),
    st.lists(names, max_size=2),
)
steps = st.lists(st.one_of(st.none(), st.just("restart"), changes), max_size=12)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_every_header_and_certificate_belongs_to_the_set_of_its_height(
    steps: list[tuple[list[tuple[str, str]], list[str]] | str | None],
) -> None:
    world = ValidatorChain()
    for step in steps:
        if isinstance(step, str):
            world.restart()
        else:
            world.grow(world.nothing() if step is None else world.change(*step))
        assert world.chain.validators == validator_set(world.sets[world.height + 1])
        assert world.chain.next_validators == validator_set(world.sets[world.height + 2])
    store = world.chain.store
    for height in range(1, world.height + 1):
        header, certificate = store.header(height), store.certificate(height)
        assert header is not None
        assert certificate is not None
        expected = validator_set(world.sets[height])
        assert header.validators_hash == expected.hash
        assert header.next_validators_hash == validator_set(world.sets[height + 1]).hash
        assert world.chain.validators_at(height) == expected
        assert certificate.refusal(VoteKind.COMMIT, expected, header.chain_id) is None
    assert world.chain.validators_at(world.height + 3) is None
