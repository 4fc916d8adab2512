"""Whatever the arguments are, a method answers with a code: nothing that a member can sign raises in a node."""

from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.authority import authorise
from contracts.governance import ACTIONS
from contracts.methods import METHODS
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.errors import CodecError
from ledger.state import Overlay
from ledger.transaction import Operation, Transaction, sign_transaction
from tests.support.contracts_world import START_MS, Call, World, add, event, key_of, pack, sgtin, sscc

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "maker", "EUR", "maker/eur", "a\0b", "ADD", "ObjectEvent", "AggregationEvent", "mark", "refuse", "custody"]
    ),
    st.sampled_from([sgtin(1), sscc(1), "x" * 600, "1.5", "-0", "governance.set_parameters", "admin", "*"]),
)
scalars: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    texts,
    st.binary(max_size=70),
    st.sampled_from([bytes(16), bytes(32), bytes(64), START_MS]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
ARGUMENT_NAMES = [
    "account",
    "action",
    "add",
    "admin_key",
    "amount",
    "approvals",
    "arguments",
    "biz_location",
    "biz_step",
    "block_bytes_max",
    "brand",
    "business_transactions",
    "child_quantities",
    "children",
    "clock_drift_ms_max",
    "code",
    "condition",
    "corrective_ids",
    "country",
    "credit",
    "currency",
    "debit",
    "declaration",
    "declared_ms",
    "description",
    "destinations",
    "discrepancies",
    "disposition",
    "epcs",
    "event_id",
    "event_time_ms",
    "evidence",
    "expires_ms",
    "exponent",
    "gln",
    "gtin",
    "guarded",
    "hs_code",
    "id",
    "image_hash",
    "input_quantities",
    "inputs",
    "items",
    "key",
    "kind",
    "label",
    "lei",
    "methods",
    "name",
    "names",
    "offset_minutes",
    "organisation",
    "output_quantities",
    "outputs",
    "parent",
    "permissions",
    "persistent_set",
    "persistent_unset",
    "policy",
    "proof",
    "purpose",
    "quantities",
    "read_point",
    "reason",
    "reference",
    "remove",
    "reports",
    "residue",
    "roles",
    "sensors",
    "sources",
    "storage",
    "terms_hash",
    "time_ms",
    "to",
    "transformation_id",
    "type",
    "uetr",
    "valid_from_ms",
    "valid_until_ms",
]
names = st.one_of(st.sampled_from(ARGUMENT_NAMES), texts)

# Operations that stand, to be bent in one place.
RIGHT: tuple[Call, ...] = (
    add(sgtin(1), sensors=[{"device": "urn:d", "time_ms": 1, "reports": [{"type": "Temperature", "value": "4.5"}]}]),
    pack(sscc(1), sgtin(1), child_quantities=[["urn:class", "1.5", "KGM"]], disposition="x", biz_location="urn:l"),
    event("AggregationEvent", "DELETE", parent=sscc(1)),
    event("AssociationEvent", "ADD", parent=sscc(1), children=[sgtin(2)]),
    event("TransformationEvent", inputs=[sgtin(1)], outputs=[sgtin(2)], output_quantities=[["urn:class", "1", None]]),
    event("TransactionEvent", "ADD", epcs=[sgtin(1)], business_transactions=[[None, "urn:po"]]),
    event("ObjectEvent", "ADD", epcs=[sgtin(3)], declaration={"declared_ms": 1, "corrective_ids": ["urn:e"]}),
    ("provenance.register_product", {"gtin": "09506000134352", "name": "x", "names": {"en": "x"}}),
    ("custody.offer", {"id": "o", "to": "carrier", "kind": "custody", "items": [sgtin(2)], "expires_ms": START_MS + 1}),
    ("custody.accept", {"id": "o", "discrepancies": [[sgtin(1), "over", "x"]]}),
    ("settlement.transfer", {"id": b"1" * 16, "debit": "maker/eur", "credit": "shop/eur", "amount": 0}),
    ("settlement.open_account", {"id": "a", "currency": "EUR", "guarded": True}),
    ("governance.propose", {"id": "p", "action": ["governance.set_parameters", {}], "expires_ms": START_MS + 1}),
    (
        "governance.propose",
        {"id": "q", "action": ["governance.set_permissions", {"permissions": {}}], "expires_ms": 2**60},
    ),
    (
        "governance.propose",
        {"id": "v", "action": ["governance.change_validators", {"add": [], "remove": []}], "expires_ms": 2**60},
    ),
    ("governance.report_equivocation", {"evidence": World().double_vote("validator shop").to_value()}),
    ("membership.add_key", {"key": bytes(32), "proof": bytes(64), "purpose": "operator", "methods": ["custody.*"]}),
    ("membership.update_organisation", {"name": "x", "gln": "9506000134352", "country": "CH"}),
)

WORLD = World()


def signed(method: str, arguments: object) -> Transaction | None:
    """Return the transaction, or None where the arguments have no canonical form and so never get here."""
    operation = Operation(method, cast("dict[str, Value]", arguments))
    try:
        return sign_transaction(key_of("maker"), WORLD.start.chain_id, bytes(16), START_MS + 1, [operation])
    except CodecError:
        return None


def check(method: str, arguments: object) -> None:
    transaction = signed(method, arguments)
    if transaction is None:
        return
    authorise(transaction, Overlay(WORLD), START_MS)
    world = World(WORLD.start, dict(WORLD.committed))
    execution = world.execute(transaction)
    receipt = execution.receipts[0]
    ResultCode(receipt.code)
    receipt.encode()
    assert receipt.code == ResultCode.OK or all(key.startswith(b"failed_transfer\0") for key in execution.changes)
    world.commit(execution)
    # And once more on what it left behind.
    world.execute(transaction)


@settings(max_examples=400)
@given(st.sampled_from(sorted(METHODS)), st.dictionaries(names, values, max_size=6))
def test_junk_gets_a_code(method: str, arguments: dict[str, object]) -> None:
    check(method, arguments)


@settings(max_examples=1_500)
@given(st.data())
def test_a_right_operation_with_one_thing_wrong_gets_a_code(data: st.DataObject) -> None:
    method, right = data.draw(st.sampled_from(RIGHT))
    arguments: dict[str, object] = dict(right)
    name = data.draw(st.one_of(st.sampled_from(sorted(right)), names))
    if data.draw(st.booleans()):
        arguments[name] = data.draw(values)
    else:
        arguments.pop(name, None)
    check(method, arguments)


@settings(max_examples=300)
@given(st.sampled_from(sorted(ACTIONS)), st.dictionaries(names, values, max_size=5))
def test_junk_in_an_approved_action_gets_a_code(method: str, arguments: dict[str, object]) -> None:
    propose = {"id": "p", "action": [method, arguments], "expires_ms": START_MS + 1}
    transaction = signed("governance.propose", propose)
    if transaction is None:
        return
    world = World(WORLD.start, dict(WORLD.committed))
    execution = world.execute(transaction)
    world.commit(execution)
    for voter in ("carrier", "shop"):
        world.run(voter, ("governance.approve", {"id": "p"}))


@settings(max_examples=300)
@given(st.data())
def test_a_change_of_validators_with_one_thing_wrong_gets_a_code(data: st.DataObject) -> None:
    row = WORLD.joiner("joiner", "maker")
    assert isinstance(row, list)
    place = data.draw(st.integers(0, 4))
    broken = [*row[:place], data.draw(values), *row[place + 1 :]]
    leaver = data.draw(st.one_of(st.just(key_of("validator shop").public_key), values))
    action = [
        "governance.change_validators",
        {"add": data.draw(st.sampled_from([[broken], broken])), "remove": [leaver]},
    ]
    transaction = signed("governance.propose", {"id": "p", "action": action, "expires_ms": START_MS + 1})
    if transaction is None:
        return
    world = World(WORLD.start, dict(WORLD.committed))
    world.commit(world.execute(transaction))
    for voter in ("carrier", "shop"):
        ResultCode(world.run(voter, ("governance.approve", {"id": "p"})).code)


def test_the_right_operations_are_right() -> None:
    world = World()
    codes = [
        world.code("carrier" if method == "custody.accept" else "maker", (method, arguments))
        for method, arguments in RIGHT
    ]
    assert [code.name for code in codes] == [
        *["OK"] * 16,
        "POSSESSION_UNPROVEN",
        "OK",
    ]
