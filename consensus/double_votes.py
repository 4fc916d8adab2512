"""Two votes of one validator that contradict each other: reported each time, kept once."""

from consensus.effects import Effect, KeepEvidence, Report, ReportKind
from consensus.height import HeightState
from consensus.messages import SignedMessage, statement_of
from ledger.evidence import SignedHash, equivocation


def second_pre_prepare(state: HeightState, held: SignedMessage, signed: SignedMessage) -> list[Effect]:
    """Return what to do about another PRE-PREPARE for a view than the one that is held."""
    view, first, second = signed.message.view, statement_of(held.message), statement_of(signed.message)
    if first == second or held.sender != signed.sender:
        return [Report(ReportKind.DUPLICATE, f"a second pre-prepare of view {view}", signed.sender)]
    assert isinstance(first, bytes), "a pre-prepare states a block hash"
    assert isinstance(second, bytes), "a pre-prepare states a block hash"
    return double_vote(
        state, "pre-prepare", view, signed.sender, (first, held.signature), (second, signed.signature)
    )  # fmt: skip


def double_vote(
    state: HeightState, kind: str, view: int, sender: bytes, first: SignedHash, second: SignedHash
) -> list[Effect]:
    """Return the report of two votes, and once for each (kind, view, validator) the order to keep them."""
    effects: list[Effect] = [Report(ReportKind.EQUIVOCATION, f"two {kind} votes in view {view}", sender)]
    index = state.validators.index_of(sender)
    assert index is not None, "authentic messages come from validators"
    if (kind, view, index) not in state.equivocations:
        state.equivocations.add((kind, view, index))
        effects.append(KeepEvidence(equivocation(kind, state.height, view, sender, first, second)))
    return effects
