"""The checks that a bundle passed, in words for people: what was checked, and what that proves."""

from ledger.proof.facts import Stay, Step
from ledger.proof.finality import Timeline
from ledger.proof.parts import ORIGIN, TRACE, Bundle


def steps_of(bundle: Bundle, network: str, timeline: Timeline, stays: tuple[Stay, ...]) -> tuple[Step, ...]:
    """Return the steps in the order of docs/proofs.md."""
    transactions = len(bundle.transactions)
    steps = [
        Step("Form", "The file is a complete proof bundle in a known format, with nothing missing or added."),
        Step("Chain", f"Everything in it belongs to the network {network}, the one that you trust."),
    ]
    changes = timeline.followed
    if changes:
        steps.append(
            Step("Validators", f"{changes} change{_s(changes)} of the validators, each signed by those trusted before.")
        )
    steps.append(Step("Certificate", _certificate(bundle, timeline)))
    if transactions:
        steps.append(Step("Signatures", f"The sender signed each of {transactions} transaction{_s(transactions)}."))
    if bundle.inclusion is not None:
        steps.append(Step("Inclusion", "The transaction stands in the block, and its receipt says what it did."))
    for head in bundle.heads:
        if head.encoded is None:
            steps.append(Step("State", "As of the newest block there is no such entry."))
        else:
            steps.append(Step("State", "The entry is shown as it stood after the newest block."))
    for history in bundle.history:
        records, earlier = len(history.records), history.after_count
        after = f" after the first {earlier}" if earlier else ""
        steps.append(
            Step("History", f"All {records} record{_s(records)}{after} are here, in order: none was left out or added.")
        )
    if bundle.kind == TRACE:
        count = len({stay.container for stay in stays})
        steps.append(Step("Containers", f"All {count} container{_s(count)} that it was in are here, none left out."))
    if bundle.kind == ORIGIN and transactions:
        steps.append(Step("Origin", "The transaction that made the entry is the one shown."))
    steps.append(Step("Subject", "The file shows what it says that it is about, and nothing besides."))
    return tuple(steps)


def _certificate(bundle: Bundle, timeline: Timeline) -> str:
    height = bundle.header.height
    validators = timeline.known(height)
    count, faults = len(validators), validators.faults_tolerated
    return (
        f"At least {validators.quorum} of {count} validator{_s(count)} signed block {height}, the newest here. "
        "No other block can stand in its place while "
        + ("none" if faults == 0 else f"at most {faults}")
        + (" of them lies." if faults <= 1 else " of them lie.")
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"
