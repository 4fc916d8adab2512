"""The door by which an operation on goods settles the payments that wait for them, in its own execution.

After a capture, an acceptance or readings, what the operation has recorded in the histories of things says which things
it touched, and the head ``waiting`` of a thing which payments wait for it. Each of them takes in what the operation
shows and is judged. An operation never fails because a release does: that leaves the payment held, with a mark. Judging
counts as work of the transaction.

What comes of it is in the operation's output: ``settled`` (something was released), ``sent_back`` (something went
back), ``noted`` (it showed something, or the payment was changed otherwise) and ``stuck`` (an account refused a
release), each a list of UETRs and absent where empty; ``amounts_moved`` says which amounts: [[uetr, status, posted,
freed], ...], each of the last two [[debit, credit, amount], ...]; ``not_judged`` counts those beyond JUDGED_MAX.
"""

from collections.abc import Callable
from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.provenance.events import read_event
from contracts.trade.evidence import Fact, attest, fact_of_acceptance, fact_of_event, withdraw
from contracts.trade.release import HELD, Escrow, advance, load_escrow, save_escrow
from ledger.codec import Value
from ledger.state import KEY_SEPARATOR, Head

JUDGED_MAX: Final = 256
_OF_THINGS: Final = frozenset({b"item", b"lot", b"cold_record"})

Take = Callable[[Escrow], bool]


def after_capture(context: Context, arguments: dict[str, Value], output: Value) -> Value:
    """Settle what waits for the things of a captured event."""
    payments = _payments(context)
    if not payments:
        return output
    event = read_event(arguments)
    if event.declaration is not None:
        original = context.get(heads.event(*event.key))
        is_undone = original is not None and original.get("declared_by") == context.transaction_id
        take: Take = (
            (lambda escrow: withdraw(escrow.evidence, context.member, event.content_hash)) if is_undone else _nothing
        )
    else:
        take = _taking(fact_of_event(context, event, cast("str | None", arguments.get("biz_step"))))
    # Those who read receipts take a missing list of violations for one that is not known.
    broken: Head = output if isinstance(output, dict) else {"violations": [], "violations_count": 0}
    found = _judge(context, payments, take)
    return {**broken, **found} if found else output


def after_acceptance(context: Context, arguments: dict[str, Value], output: Value) -> Value:
    """Settle what waits for things that were accepted; an acceptance with a discrepancy shows nothing."""
    payments = _payments(context)
    if not payments:
        return output
    offer = cast(Head, context.get(heads.offer(cast(str, arguments["id"]))))
    take = _nothing if "discrepancies" in offer else _taking(fact_of_acceptance(context, offer))
    return {**cast(Head, output), **_judge(context, payments, take)}


def after_readings(context: Context, arguments: dict[str, Value], output: Value) -> Value:
    """Settle what waits for things whose cold chain has changed."""
    del arguments
    return {**cast(Head, output), **_judge(context, _payments(context), _nothing)}


def _payments(context: Context) -> list[str]:
    """Return the payments that wait for the things of which the operation has recorded something."""
    found: dict[str, None] = {}
    for key in context.state.recorded():
        kind, _, identifier = key.partition(KEY_SEPARATOR)
        if kind in _OF_THINGS:
            # The key as `heads.waiting` makes it, without taking the name apart: this runs for every thing of an event.
            head = context.get(heads.WAITING_PREFIX + identifier)
            if head is not None:
                found.update(dict.fromkeys(cast("list[str]", head["payments"])))
    return list(found)


def _judge(context: Context, payments: list[str], take: Take) -> Head:
    """Let payments take in what the operation shows, carry out what is due, and return what became of them."""
    told: dict[str, list[Value]] = {"amounts_moved": [], "noted": [], "sent_back": [], "settled": [], "stuck": []}
    for uetr in payments[:JUDGED_MAX]:
        escrow = load_escrow(context, uetr)
        before = dict(escrow.terms)
        is_in_time = escrow.status == HELD and context.block.time_ms < escrow.integer("deadline_ms")
        is_changed = is_in_time and take(escrow)
        if not (advance(context, escrow) or is_changed):
            continue
        save_escrow(context, escrow)
        words = []
        if escrow.posted or escrow.freed:
            told["amounts_moved"].append(escrow.moved())
        if escrow.terms["released"] != before["released"]:
            words.append("settled")
        if escrow.terms["returned"] != before["returned"]:
            words.append("sent_back")
        if "mark" in escrow.terms:
            words.append("stuck")
        for word in words or ["noted"]:
            told[word].append(uetr)
    found: Head = {word: uetrs for word, uetrs in told.items() if uetrs}
    if len(payments) > JUDGED_MAX:
        found["not_judged"] = len(payments) - JUDGED_MAX
    return found


def _taking(fact: Fact | None) -> Take:
    return _nothing if fact is None else lambda escrow: attest(escrow.nodes, escrow.evidence, fact)


def _nothing(escrow: Escrow) -> bool:
    del escrow
    return False
