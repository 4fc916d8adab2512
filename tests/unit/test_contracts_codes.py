"""One golden table: for every ResultCode a situation and the operation that is answered with it.

Rows with several faults at once pin down which check comes first.
"""

import pytest

from contracts import heads
from contracts.membership import KEYS_MAX
from contracts.provenance.links import CONTENTS_MAX, DEPTH_MAX, UNITS_MAX
from contracts.results import ResultCode
from ledger.limits import INTEGER_MAX
from ledger.parameters import Parameters
from tests.support.contract_cold_chain_cases import COLD_CHAIN_CASES
from tests.support.contract_compliance_cases import COMPLIANCE_CASES
from tests.support.contract_governance_cases import GOVERNANCE_CASES
from tests.support.contract_hold_cases import HOLD_CASES
from tests.support.contract_identity_cases import IDENTITY_CASES
from tests.support.contract_life_cases import LIFE_CASES
from tests.support.contract_netting_cases import NETTING_CASES
from tests.support.contract_paper_cases import PAPER_CASES
from tests.support.contract_part_cases import PART_CASES
from tests.support.contract_payment_cases import PAYMENT_CASES
from tests.support.contract_recall_cases import RECALL_CASES
from tests.support.contract_situations import (
    APPROVE,
    DECLARATION,
    GTIN,
    HKD,
    ID,
    PAID,
    REFUSE,
    REGISTER,
    UETR,
    Case,
    R,
    answer,
    at,
    case,
    deep,
    governed,
    in_turn,
    issue,
    key_call,
    large,
    last_approval,
    offer,
    offered,
    pay,
    ran,
    ran_all,
    redeem,
    with_head,
    with_key,
    work,
)
from tests.support.contract_trade_cases import TRADE_CASES
from tests.support.contracts_world import (
    START_MS,
    World,
    add,
    event,
    genesis,
    key_of,
    lgtin,
    observe,
    pack,
    sgtin,
    sscc,
    unpack,
)

CASES: tuple[Case, ...] = (
    case(R.OK, "maker", add(sgtin(1))),
    case(R.BAD_ARGUMENTS, "maker", ("provenance.capture", {})),
    case(R.BAD_ARGUMENTS, "maker", observe(sgtin(1), surprise=1), note="unknown field"),
    case(R.BAD_ARGUMENTS, "maker", observe("a\0b"), note="control character"),
    case(R.BAD_ARGUMENTS, "maker", observe("x" * 513), note="too long"),
    case(R.BAD_ARGUMENTS, "maker", observe("\u00e9" * 257), note="bytes count, not characters"),
    case(R.BAD_ARGUMENTS, "shop", pay(amount=10**18), note="amount at its limit"),
    case(R.BAD_ARGUMENTS, "shop", pay(amount=-1)),
    case(R.BAD_ARGUMENTS, "shop", pay(amount=True), note="a boolean is no integer"),
    case(R.BAD_ARGUMENTS, "maker", event("ObjectEvent"), note="no action"),
    case(R.BAD_ARGUMENTS, "maker", event("TransformationEvent", "ADD"), note="an action too many"),
    case(R.BAD_ARGUMENTS, "maker", event("Something"), note="neither a type nor a URI"),
    case(R.BAD_ARGUMENTS, "maker", offer(items=[])),
    case(R.BAD_ARGUMENTS, "maker", key_call(purpose="device"), note="a device key without methods"),
    case(R.BAD_ARGUMENTS, "maker", key_call(valid_from_ms=5, valid_until_ms=5), note="no time of validity"),
    case(R.UNKNOWN_METHOD, "maker", ("provenance.forget", {})),
    case(R.UNKNOWN_METHOD, "maker", add(sgtin(1)), ("nothing", {}), note="before anything runs"),
    case(R.UNKNOWN_KEY, "stranger", ("provenance.forget", {}), note="before the method"),
    case(R.KEY_NOT_YET_VALID, "device", add(sgtin(1)), setup=with_key(valid_from_ms=START_MS + 1)),
    case(R.OK, "device", add(sgtin(1)), setup=with_key(valid_from_ms=START_MS), note="valid from this very moment"),
    case(R.KEY_EXPIRED, "device", add(sgtin(1)), setup=with_key(valid_until_ms=START_MS), note="at its end"),
    case(R.OK, "device", add(sgtin(1)), setup=with_key(valid_until_ms=START_MS + 1)),
    case(
        R.KEY_REVOKED,
        "device",
        add(sgtin(1)),
        setup=in_turn(
            with_key(valid_until_ms=1),
            ran_all("maker", ("membership.revoke_key", {"key": key_of("device").public_key})),
        ),
        note="before expiry",
    ),
    case(
        R.ORGANISATION_SUSPENDED,
        "maker",
        ("nothing", {}),
        setup=governed("membership.suspend_organisation", id="maker"),
        note="before the method",
    ),
    case(
        R.ORGANISATION_SUSPENDED,
        "maker",
        offer(items=[sgtin(1)]),
        setup=governed("membership.suspend_organisation", id="carrier"),
        note="the recipient",
    ),
    case(R.AUTHORITY_REQUIRED, "maker", ("governance.set_parameters", {})),
    case(R.AUTHORITY_REQUIRED, "maker", ("membership.update_organisation", {"id": "carrier", "name": "Mine"})),
    case(R.AUTHORITY_REQUIRED, "maker", ("membership.update_organisation", {"roles": ["issuer"]})),
    case(R.ADMIN_KEY_REQUIRED, "device", key_call("other"), setup=with_key()),
    case(
        R.METHOD_NOT_DELEGATED,
        "device",
        ("custody.cancel", {"id": "o"}),
        setup=with_key(purpose="device", methods=["provenance.*"]),
    ),
    case(
        R.METHOD_NOT_DELEGATED,
        "device",
        key_call("other"),
        setup=with_key(methods=["provenance.capture"]),
        note="before the admin key",
    ),
    case(R.OK, "device", add(sgtin(1)), setup=with_key(purpose="device", methods=["provenance.*"])),
    case(
        R.METHOD_NOT_DELEGATED,
        "device",
        key_call("other", proof=World().proof("other", "maker")),
        setup=with_key(purpose="admin", methods=["membership.*"]),
        note="a limited key adds no unlimited one",
    ),
    case(
        R.METHOD_NOT_DELEGATED,
        "device",
        key_call("other", proof=World().proof("other", "maker"), methods=["membership.add_key", "custody.*"]),
        setup=with_key(purpose="admin", methods=["membership.*", "custody.offer"]),
        note="nor one with more",
    ),
    case(
        R.OK,
        "device",
        key_call("other", proof=World().proof("other", "maker"), methods=["membership.add_key", "custody.offer"]),
        setup=with_key(purpose="admin", methods=["membership.*", "custody.offer"]),
    ),
    case(R.ROLE_REQUIRED, "watcher", add(sgtin(1))),
    case(
        R.ROLE_REQUIRED,
        "maker",
        add(sgtin(1)),
        setup=governed("governance.set_permissions", permissions={"provenance.capture": ["carrier"]}),
    ),
    case(
        R.ROLE_REQUIRED,
        "maker",
        add(sgtin(1)),
        setup=lambda world: world.committed.pop(heads.permission("provenance.capture")),
        note="a method younger than its chain",
    ),
    Case(
        R.TOO_MANY_OPERATIONS,
        "stranger",
        (add(sgtin(1)), add(sgtin(2))),
        note="before the key",
        parameters=Parameters(transaction_operations_max=1),
    ),
    case(R.WORK_LIMIT_EXCEEDED, "maker", *work(World())),
    case(R.CHECK_DIGIT_WRONG, "maker", ("provenance.register_product", {"gtin": "09506000134351", "name": "x"})),
    case(R.CHECK_DIGIT_WRONG, "maker", ("membership.update_organisation", {"gln": "9506000134351"})),
    case(R.CHECK_DIGIT_WRONG, "maker", ("membership.update_organisation", {"lei": "529900T8BM49AURSDO56"})),
    # membership
    case(
        R.ORGANISATION_EXISTS,
        "shop",
        APPROVE,
        setup=last_approval("membership.register_organisation", {**REGISTER, "id": "maker"}),
    ),
    case(
        R.UNKNOWN_ORGANISATION,
        "shop",
        APPROVE,
        setup=last_approval("membership.suspend_organisation", {"id": "nobody"}),
    ),
    case(R.UNKNOWN_ORGANISATION, "maker", offer(to="nobody")),
    case(
        R.UNKNOWN_ROLE,
        "shop",
        APPROVE,
        setup=last_approval("membership.register_organisation", {**REGISTER, "roles": ["king"]}),
    ),
    case(
        R.UNKNOWN_ROLE,
        "shop",
        APPROVE,
        setup=last_approval("governance.set_permissions", {"permissions": {"custody.offer": ["king"]}}),
    ),
    case(
        R.KEY_EXISTS,
        "shop",
        APPROVE,
        setup=last_approval(
            "membership.register_organisation", {**REGISTER, "admin_key": key_of("carrier").public_key}
        ),
    ),
    case(
        R.KEY_UNACCEPTABLE,
        "shop",
        APPROVE,
        setup=last_approval("membership.register_organisation", {**REGISTER, "admin_key": bytes(32)}),
    ),
    case(R.POSSESSION_UNPROVEN, "maker", key_call()),
    case(R.POSSESSION_UNPROVEN, "maker", key_call(proof=bytes(64))),
    case(R.POSSESSION_UNPROVEN, "maker", key_call(proof=World().proof("device", "carrier")), note="for another"),
    case(R.KEY_NOT_FOUND, "maker", ("membership.revoke_key", {"key": key_of("nobody").public_key})),
    case(R.KEY_OF_ANOTHER, "maker", ("membership.revoke_key", {"key": key_of("carrier").public_key})),
    case(
        R.KEY_ALREADY_REVOKED,
        "maker",
        ("membership.revoke_key", {"key": key_of("device").public_key}),
        setup=in_turn(
            with_key(),
            ran_all("maker", ("membership.revoke_key", {"key": key_of("device").public_key})),
        ),
    ),
    case(
        R.LAST_ADMIN_KEY,
        "maker",
        ("membership.revoke_key", {"key": key_of("maker").public_key}),
        setup=with_key(purpose="admin", valid_until_ms=INTEGER_MAX),
        note="one that ends does not last",
    ),
    case(
        R.OK,
        "maker",
        ("membership.revoke_key", {"key": key_of("maker").public_key}),
        setup=with_key(purpose="admin"),
    ),
    case(
        R.TOO_MANY_KEYS,
        "maker",
        key_call(proof=World().proof("device", "maker")),
        setup=with_head(heads.organisation("maker"), keys=KEYS_MAX),
    ),
    case(
        R.ALREADY_SUSPENDED,
        "shop",
        APPROVE,
        setup=in_turn(
            governed("membership.suspend_organisation", id="watcher"),
            last_approval("membership.suspend_organisation", {"id": "watcher"}),
        ),
    ),
    case(R.NOT_SUSPENDED, "shop", APPROVE, setup=last_approval("membership.reinstate_organisation", {"id": "watcher"})),
    # provenance
    case(
        R.PRODUCT_EXISTS,
        "maker",
        ("provenance.register_product", {"gtin": GTIN, "name": "x"}),
        setup=ran(("maker", ("provenance.register_product", {"gtin": GTIN, "name": "x"}))),
    ),
    case(R.UNKNOWN_PRODUCT, "maker", ("provenance.update_product", {"gtin": GTIN})),
    case(
        R.NOT_PRODUCT_OWNER,
        "maker",
        ("provenance.update_product", {"gtin": GTIN, "name": "y"}),
        setup=with_head(heads.product(GTIN), owner="carrier", name="x"),
    ),
    case(R.EVENT_ALREADY_CAPTURED, "carrier", observe(sgtin(1)), setup=ran(("maker", observe(sgtin(1))))),
    case(
        R.EVENT_ALREADY_CAPTURED,
        "maker",
        observe(sgtin(1), event_id="urn:e", declaration=DECLARATION),
        setup=ran(
            ("maker", observe(sgtin(1), event_id="urn:e")),
            ("maker", observe(sgtin(1), event_id="urn:e", declaration=DECLARATION)),
        ),
        note="the same declaration",
    ),
    case(
        R.EVENT_ID_CONFLICT,
        "maker",
        observe(sgtin(2), event_id="urn:e"),
        setup=ran(("maker", observe(sgtin(1), event_id="urn:e"))),
    ),
    case(
        R.TOO_MANY_IDENTIFIERS,
        "maker",
        event("TransformationEvent", inputs=[str(n) for n in range(2_501)], outputs=[str(n) for n in range(2_500)]),
    ),
    case(R.NOT_COMMISSIONED, "maker", observe(sgtin(1), **REFUSE)),
    case(
        R.ALREADY_COMMISSIONED, "maker", add(sgtin(1), time_ms=START_MS, **REFUSE), setup=ran(("maker", add(sgtin(1))))
    ),
    case(
        R.ALREADY_PACKED,
        "maker",
        pack(sscc(2), sgtin(1), **REFUSE),
        setup=ran(("maker", add(sgtin(1))), ("maker", pack(sscc(1), sgtin(1)))),
    ),
    case(
        R.NOT_PACKED,
        "maker",
        unpack(sscc(1), sgtin(1), **REFUSE),
        setup=ran(("maker", add(sgtin(1), sgtin(2))), ("maker", pack(sscc(1), sgtin(2)))),
    ),
    case(
        R.WRONG_PARENT,
        "maker",
        unpack(sscc(2), sgtin(1), **REFUSE),
        setup=ran(("maker", add(sgtin(1), sscc(2))), ("maker", pack(sscc(1), sgtin(1)))),
    ),
    case(R.NOT_CUSTODIAN, "carrier", observe(sgtin(1), **REFUSE), setup=ran(("maker", add(sgtin(1))))),
    case(R.NOT_CUSTODIAN, "carrier", offer(to="shop"), setup=ran(("maker", add(sgtin(1))))),
    case(
        R.DECOMMISSIONED,
        "maker",
        observe(sgtin(1), **REFUSE),
        setup=ran(("maker", add(sgtin(1))), ("maker", event("ObjectEvent", "DELETE", epcs=[sgtin(1)]))),
    ),
    case(
        R.CONSUMED,
        "maker",
        offer(),
        setup=ran(("maker", add(sgtin(1))), ("maker", event("TransformationEvent", inputs=[sgtin(1)]))),
    ),
    *LIFE_CASES,
    case(
        R.EVENT_BEFORE_COMMISSIONING,
        "maker",
        observe(sgtin(1), time_ms=START_MS - 2, **REFUSE),
        setup=ran(("maker", add(sgtin(1), time_ms=START_MS - 1))),
    ),
    case(
        R.EVENT_IN_FUTURE,
        "maker",
        add(sgtin(1), time_ms=START_MS + 10_001, **REFUSE),
    ),
    case(R.OK, "maker", add(sgtin(1), time_ms=START_MS + 10_000, **REFUSE), note="within the clock drift"),
    case(R.CYCLE, "maker", pack(sscc(1), sscc(2), **REFUSE), setup=ran(("maker", pack(sscc(2), sscc(1))))),
    case(R.CYCLE, "maker", pack(sscc(1), sscc(1), **REFUSE), setup=ran(("maker", add(sscc(1)))), note="into itself"),
    case(R.TOO_DEEP, "maker", pack(sscc(DEPTH_MAX + 1), sscc(DEPTH_MAX), **REFUSE), setup=deep),
    case(
        R.TOO_DEEP,
        "maker",
        pack(sscc(0), sgtin(1), **REFUSE),
        setup=in_turn(deep, ran_all("maker", add(sgtin(1)))),
        note="below",
    ),
    case(
        R.TOO_MANY_CONTENTS,
        "maker",
        pack(sscc(1), sgtin(1), **REFUSE),
        setup=in_turn(
            ran_all("maker", add(sscc(1), sgtin(1))),
            with_head(heads.item(sscc(1)), contents=CONTENTS_MAX),
        ),
    ),
    case(R.PARENT_MISSING, "maker", event("AggregationEvent", "ADD", children=[sgtin(1)], **REFUSE)),
    case(
        R.ALREADY_ASSOCIATED,
        "maker",
        event("AssociationEvent", "ADD", parent="urn:p", children=[sgtin(1)], time_ms=START_MS, **REFUSE),
        setup=ran(
            ("maker", add(sgtin(1))), ("maker", event("AssociationEvent", "ADD", parent="urn:p", children=[sgtin(1)]))
        ),
    ),
    case(
        R.NOT_ASSOCIATED,
        "maker",
        event("AssociationEvent", "DELETE", parent="urn:p", children=[sgtin(1)], **REFUSE),
        setup=ran(("maker", add(sgtin(1)))),
    ),
    case(
        R.QUANTITY_EXCEEDED,
        "maker",
        event("ObjectEvent", "DELETE", quantities=[[lgtin("A"), "10.1", "KGM"]], **REFUSE),
        setup=ran(("maker", event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "10", "KGM"]]))),
    ),
    case(
        R.TOO_MANY_UNITS,
        "maker",
        event("ObjectEvent", "ADD", quantities=[[lgtin("A"), "1", f"U{n}"] for n in range(UNITS_MAX + 1)], **REFUSE),
    ),
    case(R.UNKNOWN_EVENT, "maker", observe(sgtin(1), declaration=DECLARATION, **REFUSE)),
    case(
        R.NOT_EVENT_CAPTURER,
        "carrier",
        observe(sgtin(1), declaration=DECLARATION, **REFUSE),
        setup=ran(("maker", observe(sgtin(1)))),
    ),
    case(
        R.DECLARATION_DIFFERS,
        "maker",
        observe(sgtin(1), event_id="urn:e", disposition="x", declaration=DECLARATION, **REFUSE),
        setup=ran(("maker", observe(sgtin(1), event_id="urn:e"))),
    ),
    # custody
    case(R.OFFER_EXISTS, "maker", offer(to="maker"), setup=offered(), note="before the rest"),
    case(R.UNKNOWN_OFFER, "maker", answer("cancel")),
    case(R.OFFER_CLOSED, "carrier", answer("accept"), setup=in_turn(offered(), ran_all("maker", answer("cancel")))),
    case(
        R.OFFER_EXPIRED,
        "carrier",
        answer("accept"),
        setup=in_turn(offered(), at(START_MS + 1)),
        note="exactly at the expiry",
    ),
    case(R.OFFER_EXPIRED, "maker", answer("cancel"), setup=in_turn(offered(), at(START_MS + 1))),
    case(
        R.TOO_MANY_OFFERS,
        "maker",
        offer(id="one more"),
        setup=in_turn(offered(), with_head(heads.open_offers("maker"), count=1_000)),
    ),
    case(
        R.OK,
        "maker",
        offer(id="one more"),
        setup=in_turn(offered(), with_head(heads.open_offers("maker"), count=999)),
        note="the thousandth",
    ),
    case(
        R.BAD_ARGUMENTS,
        "carrier",
        answer("accept", discrepancies=[[sgtin(1), "short", "x", "1", None]]),
        setup=offered(),
    ),
    case(R.NOT_RECIPIENT, "shop", answer("accept"), setup=offered()),
    case(R.NOT_RECIPIENT, "maker", answer("reject", reason="no"), setup=offered()),
    case(R.NOT_OFFERER, "carrier", answer("cancel"), setup=offered()),
    case(R.SAME_PARTY, "maker", offer(to="maker")),
    case(R.EXPIRY_PASSED, "maker", offer(expires_ms=START_MS)),
    case(R.UNKNOWN_ITEM, "maker", offer()),
    case(
        R.NOT_OWNER,
        "carrier",
        offer(id="second", to="shop", kind="ownership"),
        setup=in_turn(offered(), ran_all("carrier", answer("accept"))),
        note="custody is not ownership",
    ),
    case(
        R.OFFERER_NO_LONGER_HOLDS,
        "shop",
        ("custody.accept", {"id": "second"}),
        setup=in_turn(
            offered(),
            ran_all("maker", offer(id="second", to="shop")),
            ran_all("carrier", answer("accept")),
        ),
    ),
    case(
        R.OFFERER_NO_LONGER_HOLDS,
        "carrier",
        answer("accept"),
        setup=in_turn(
            offered(),
            ran_all("maker", event("ObjectEvent", "DELETE", epcs=[sgtin(1)])),
        ),
        note="it was destroyed since",
    ),
    case(
        R.DISCREPANCY_ELSEWHERE,
        "carrier",
        answer("accept", discrepancies=[[sgtin(2), "damaged", "wet"]]),
        setup=offered(),
    ),
    case(
        R.DISCREPANCY_ELSEWHERE,
        "carrier",
        answer("accept", discrepancies=[[sgtin(2), "short", "gone"]]),
        setup=offered(),
    ),
    case(R.CONSIGNMENT_TOO_LARGE, "carrier", answer("accept"), setup=large),
    # settlement
    case(R.CURRENCY_EXISTS, "bank", ("settlement.define_currency", {"code": "EUR", "exponent": 2})),
    case(R.UNKNOWN_CURRENCY, "shop", ("settlement.open_account", {"id": "a", "currency": "XXX"})),
    case(
        R.ACCOUNT_EXISTS, "shop", ("settlement.open_account", {"id": "maker/eur", "currency": "EUR", "guarded": False})
    ),
    case(R.RESERVED_ACCOUNT_ID, "shop", ("settlement.open_account", {"id": "issuer/EUR", "currency": "XXX"})),
    case(
        R.NOT_ISSUER,
        "shop",
        ("settlement.open_account", {"id": "a", "currency": "EUR", "guarded": False}),
        note="an unguarded account makes money",
    ),
    case(R.NOT_ISSUER, "other_bank", issue(), note="the issuer of another currency"),
    case(R.TRANSFER_ID_RESERVED, "shop", pay(id=bytes(16))),
    case(R.TRANSFER_ID_RESERVED, "shop", pay(id=b"\xff" * 16)),
    case(R.EXISTS_WITH_DIFFERENT_KIND, "shop", redeem(id=ID, amount=5), setup=PAID, note="before the amount"),
    case(
        R.EXISTS_WITH_DIFFERENT_DEBIT, "shop", pay(debit="a", credit="b", amount=5), setup=PAID, note="before the rest"
    ),
    case(R.EXISTS_WITH_DIFFERENT_CREDIT, "shop", pay(credit="carrier/eur", amount=5), setup=PAID),
    case(R.EXISTS_WITH_DIFFERENT_AMOUNT, "shop", pay(amount=5, currency="HKD"), setup=PAID),
    case(R.EXISTS_WITH_DIFFERENT_CURRENCY, "shop", pay(currency="HKD", reference="b"), setup=PAID),
    case(R.EXISTS_WITH_DIFFERENT_REFERENCE, "shop", pay(), setup=PAID, note="one left out"),
    case(R.EXISTS_WITH_DIFFERENT_UETR, "shop", pay(reference="a"), setup=PAID),
    case(R.OK, "shop", pay(reference="a", uetr=UETR, currency="EUR"), setup=PAID, note="the same: exists"),
    case(R.ACCOUNTS_MUST_DIFFER, "shop", pay(debit="nobody", credit="nobody", uetr=UETR)),
    case(R.UETR_EXISTS, "shop", pay(id=b"u" * 16, debit="nobody", uetr=UETR), setup=PAID, note="before the accounts"),
    case(R.UNKNOWN_DEBIT_ACCOUNT, "shop", pay(debit="a", credit="b")),
    case(R.UNKNOWN_DEBIT_ACCOUNT, "shop", redeem(account="a")),
    case(R.UNKNOWN_CREDIT_ACCOUNT, "carrier", pay(credit="b"), note="before the owner"),
    case(R.UNKNOWN_CREDIT_ACCOUNT, "bank", issue(account="a")),
    case(R.NOT_ACCOUNT_OWNER, "carrier", pay(currency="HKD")),
    case(R.NOT_ACCOUNT_OWNER, "bank", redeem(), note="not even the issuer may take money back"),
    case(R.ACCOUNT_CURRENCIES_DIFFER, "shop", pay(credit="shop/hkd", currency="USD"), setup=HKD),
    case(R.TRANSFER_CURRENCY_DIFFERS, "shop", pay(currency="HKD")),
    case(R.ISSUER_ACCOUNT, "bank", pay(debit="issuer/EUR", amount=10**17)),
    case(R.ISSUER_ACCOUNT, "shop", pay(credit="issuer/EUR")),
    case(
        R.BALANCE_OVERFLOW,
        "bank",
        issue(amount=2),
        setup=with_head(heads.account("shop/eur"), credits_posted=INTEGER_MAX - 1),
    ),
    case(R.INSUFFICIENT_FUNDS, "shop", pay(amount=1)),
    case(
        R.INSUFFICIENT_FUNDS,
        "shop",
        pay(amount=901),
        setup=in_turn(
            ran_all("bank", issue()),
            with_head(heads.account("shop/eur"), debits_pending=100),
        ),
        note="what is held counts",
    ),
    case(R.OK, "shop", pay(amount=0), note="nothing may be moved"),
    *GOVERNANCE_CASES,
    *COLD_CHAIN_CASES,
    *PART_CASES,
    *PAPER_CASES,
    *RECALL_CASES,
    *IDENTITY_CASES,
    *HOLD_CASES,
    *PAYMENT_CASES,
    *NETTING_CASES,
    *COMPLIANCE_CASES,
    *TRADE_CASES,
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row.code.name}-{row.note}".replace(" ", "_"))
def test_a_situation_has_its_code_and_a_rejection_no_effect(row: Case) -> None:
    world = World(genesis(parameters=row.parameters))
    if row.setup is not None:
        row.setup(world)

    expired = set(world.execute().changes)
    execution = world.execute(world.transaction(row.signer, *row.calls))

    receipt = execution.receipts[0]
    assert ResultCode(receipt.code) is row.code, execution.details
    assert type(receipt.code) is int
    assert (execution.details[0] == "") == (row.code is R.OK)
    if row.code is not R.OK:
        assert all(key.startswith(b"failed_transfer\0") for key in set(execution.changes) - expired)
        assert execution.history == ()
        assert receipt.outputs == ()
    receipt.encode()


def test_the_table_has_every_code() -> None:
    assert {row.code for row in CASES} == set(ResultCode)


def test_every_code_has_one_number_and_one_sentence_of_its_own() -> None:
    assert len({code.meaning for code in ResultCode}) == len(ResultCode)
    for code in ResultCode:
        assert code.meaning.endswith(".")
        assert code.meaning[0].isupper()
    assert all(0 <= code <= 0xFFFF for code in ResultCode)
    assert R.INSUFFICIENT_FUNDS.is_transient
    assert not R.BAD_ARGUMENTS.is_transient
