"""I17: a payment in every state and every statement is valid XML that reads back equal, and statements add up."""

import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from standards.errors import IsoError
from standards.iso20022.messages import KINDS, MessageRecord, read_message, write_record_as
from standards.iso20022.parsing import parse_message
from standards.iso20022.parties import LedgerProof
from standards.iso20022.schema import check_schema
from standards.iso20022.statement import Statements
from standards.iso20022.transfers import CreditTransfers
from tests.support import bank_stories as stories
from tests.support.bank_statements import MINUTE_MS, statement_of
from tests.support.contracts_world import START_MS
from tests.support.iso20022 import schemas
from tradelane import NotFoundError, Point
from tradelane.bank_codes import STATUSES
from tradelane.bank_messages import MAKERS, payment_message
from tradelane.bank_proofs import differences
from tradelane.bank_statements import statement_message

# Whatever the ledger takes as a text for people, with what XML has no way to hold, or an own way to write.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("<>&'\"]\t\n \ufffe\uffff\u0085\u2028\U0001f600é"), st.characters(exclude_categories=["C"])
    ),
    min_size=1,
)
LEAF = re.compile(r"<(\w+)([^<>]*)>([^<>\s][^<>]*)</")
# What the proof cannot say: as of which block the message was made, and the bundle itself.
UNCOMPARED = {"Height", "Bundle"}
amounts = st.integers(2, 5_000)
SCENES: list[Callable[[int, int, str], stories.ProvenStory]] = [
    lambda amount, share, text: stories.paid(amount=min(amount, 1_000), reference=text, end_to_end=text[:35]),
    lambda amount, share, text: stories.exchanged(amount=100 * amount, reference=text),
    lambda amount, share, text: stories.exchanged(amount=100 * amount, fee_bearer="payer", purpose="GDDS"),
    lambda amount, share, text: stories.exchanged(amount=100 * amount, fee_bearer="payee", end_to_end=text[:35]),
    lambda amount, share, text: stories.given_back(1 + share % 100),
    lambda amount, share, text: stories.held(amount, reference=text),
    lambda amount, share, text: stories.held(amount, payee="maker/eur"),
    lambda amount, share, text: stories.partly_released(amount, share),
    lambda amount, share, text: stories.settled(amount),
    lambda amount, share, text: stories.disputed(amount),
    lambda amount, share, text: stories.disputed(amount, by="maker"),
    lambda amount, share, text: stories.resolved(amount, share),
    lambda amount, share, text: stories.resolved(amount, 0),
    lambda amount, share, text: stories.resolved(amount, amount),
    lambda amount, share, text: stories.cancelled(amount),
    lambda amount, share, text: stories.cancelled(amount, is_disputed=True),
    lambda amount, share, text: stories.expired(amount),
    lambda amount, share, text: stories.partly_expired(amount, share),
    lambda amount, share, text: stories.refunded(amount),
    lambda amount, share, text: stories.lapsed(amount),
]


def check(identifier: str, record: MessageRecord) -> None:
    """Hold a written record against the schema, and read it again."""
    message = parse_message(write_record_as(identifier, record))
    assert check_schema(message, schemas()) == []
    assert read_message(message) == record


@given(scene=st.sampled_from(SCENES), amount=amounts, share=st.integers(1, 5_000), text=TEXTS, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_payment_in_every_state_reads_back(
    scene: Any, amount: int, share: int, text: str, data: st.DataObject
) -> None:
    story = scene(amount, 1 + share % (amount - 1), text[:140])
    said = 0
    for kind, make in MAKERS.items():
        version = data.draw(st.sampled_from(KINDS[kind].versions))
        try:
            record = make(story)
        except NotFoundError:
            continue
        check(version, record)
        assert story.facts is not None
        written = payment_message(story, version)
        assert written == write_record_as(version, record)
        assert differences(parse_message(written), record, story.facts) == [], "it says what its proof proves"
        said += 1
    assert said >= 3, "every payment has an order, a transfer and a status"


def test_every_scene_in_every_message_that_it_has() -> None:
    said: dict[str, set[str]] = {kind: set() for kind in MAKERS}
    for scene in SCENES:
        story = scene(1_000, 400, "x")
        for kind, make in MAKERS.items():
            try:
                check(kind, make(story))
            except NotFoundError:
                continue
            said[kind].add(story.payment.status)
    everything = set(STATUSES)
    assert said["pain.001"] == said["pacs.008"] == said["pacs.002"] == everything
    assert said["pacs.004"] == everything - {"held", "disputed"}
    assert said["camt.056"] == {"disputed", "cancelled", "resolved"}
    assert said["camt.029"] == {"disputed", "cancelled", "resolved"}


@given(scene=st.sampled_from(SCENES), kind=st.sampled_from(sorted(MAKERS)), data=st.data())
@settings(max_examples=80, deadline=None)
def test_whatever_is_changed_in_a_message_differs_from_its_proof(scene: Any, kind: str, data: st.DataObject) -> None:
    story = scene(1_000, 400, "PO-1")
    try:
        written = payment_message(story, kind).decode()
    except NotFoundError:
        return
    texts = [match for match in LEAF.finditer(written) if match[1] not in UNCOMPARED and match[3] != "NOTPROVIDED"]
    match = data.draw(st.sampled_from(texts))
    other = data.draw(st.sampled_from(["0.01", "RJCT", "2026-01-02", f"{match[3]}0", f"1{match[3]}"]))
    changed = written[: match.start(3)] + other + written[match.end(3) :]
    try:
        message = parse_message(changed.encode())
        record = read_message(message)
    except IsoError:
        return
    if record == read_message(parse_message(written.encode())):
        return
    assert story.facts is not None
    assert differences(message, record, story.facts) != []


@given(scene=st.sampled_from(SCENES), amount=amounts)
@settings(max_examples=30, deadline=None)
def test_a_transfer_says_what_the_ledger_has(scene: Any, amount: int) -> None:
    story = scene(amount, 1, "PO-1")
    payment = story.payment
    read = read_message(parse_message(payment_message(story, "pacs.008")))
    assert isinstance(read, CreditTransfers)
    (one,) = read.transfers
    assert one.uetr == payment.uetr
    assert one.debtor_account is not None
    assert one.creditor_account is not None
    assert (one.debtor_account.ledger_id, one.creditor_account.ledger_id) == (payment.payer, payment.payee)
    assert one.instructed_amount is not None
    assert int(one.instructed_amount.value * 100) == payment.source_amount
    fee = payment.fee if payment.fee is not None and payment.fee_bearer == "payee" else 0
    assert int(one.settlement_amount.value * 100) == payment.target_amount - fee
    assert (one.instructed_amount.currency, one.settlement_amount.currency, one.rate) == (
        *(payment.source_currency, payment.target_currency, payment.rate),
    )


@given(
    posted=st.lists(st.integers(-(10**15), 10**15), max_size=12),
    places=st.tuples(st.integers(0, 14), st.integers(0, 14)),
    is_by_time=st.booleans(),
    exponent=st.integers(0, 5),
    text=TEXTS,
    data=st.data(),
)
@settings(max_examples=30, deadline=None)
def test_a_statement_adds_up_and_goes_on_where_the_last_ended(
    posted: list[int], places: tuple[int, int], is_by_time: bool, exponent: int, text: str, data: st.DataObject
) -> None:
    first, last = (
        Point(time_ms=START_MS + place * MINUTE_MS) if is_by_time else Point(height=place + 1)
        for place in sorted(places)
    )
    parts = [(None, first), (first, last), (last, None)]
    before = None
    for start, end in parts:
        made = statement_of(posted, START_MS, exponent=exponent, start=start, end=end, reference=text[:140])
        record = statement_message(
            made,
            START_MS + 100 * MINUTE_MS,
            start_ms=None if start is None else start.time_ms,
            end_ms=None if end is None else end.time_ms,
            proof=LedgerProof(chain_id="11" * 32, height=3, transactions=(), bundle="e30="),
        )
        check(data.draw(st.sampled_from(KINDS["camt.053"].versions)), record)
        read = read_message(parse_message(write_record_as("camt.053", record)))
        assert isinstance(read, Statements)
        (found,) = read.statements
        assert found.adds_up is True
        opening, closing = (balance.signed for balance in found.balances)
        assert before is None or opening == before, "it opens with what the last one closed with"
        assert len(found.entries) == found.entry_count
        before = closing
