"""Rows of the table of result codes (tests/unit/test_contracts_codes.py): quotes and payments.

A shop pays in HKD, a maker is paid in EUR, and the bank exchanges by its quote.
"""

from typing import Any, cast

from contracts import heads
from contracts.settlement.quotes import quote_preimage
from ledger.codec import Value, encode
from tests.support.contract_situations import UETR, Case, R, at, case, in_turn, pay, ran
from tests.support.contracts_world import START_MS, Call, genesis, key_of

LIFE_MS = 600_000
RATE = "7.688592130"
ANOTHER = "8a562c67-ca16-48ba-b074-65581be6f002"
CHAIN_ID = genesis().chain_id


def terms(**changed: object) -> dict[str, Value]:
    """Return the terms of a quote of the bank, HKD to EUR, without the fields that are given as None."""
    fields: dict[str, object] = {
        "version": 1,
        "id": b"q" * 16,
        "provider": "bank",
        "source_account": "bank/hkd",
        "target_account": "bank/eur",
        "source_currency": "HKD",
        "target_currency": "EUR",
        "side": "send",
        "rate": RATE,
        "minimum": 100,
        "maximum": 1_000_000,
        "capacity": 1_000_000,
        "not_before_ms": START_MS,
        "expires_ms": START_MS + LIFE_MS,
        "max_height": 1_000,
        "nonce": 5,
        **changed,
    }
    return cast("dict[str, Value]", {name: value for name, value in fields.items() if value is not None})


def quote(signer: str = "bank", chain_id: bytes = CHAIN_ID, **changed: object) -> dict[str, Value]:
    """Return a signed quote."""
    said = terms(**changed)
    key = key_of(signer)
    signature = key.sign(quote_preimage(chain_id, encode(said)))
    return {"terms": said, "key": key.public_key, "signature": signature}


def exchange(given: dict[str, Value] | None = None, **changed: object) -> Call:
    """Return a payment of 2,000.00 HKD by a quote."""
    fields: dict[str, object] = {"uetr": UETR, "payer": "shop/hkd", "payee": "maker/eur", "amount": 200_000}
    fields["quote"] = quote() if given is None else given
    return "settlement.pay", cast("dict[str, Value]", {**fields, **changed})


def within(**changed: object) -> Call:
    """Return a payment in one currency."""
    fields: dict[str, object] = {"uetr": ANOTHER, "payer": "shop/eur", "payee": "maker/eur", "amount": 100}
    return "settlement.pay", cast("dict[str, Value]", {**fields, **changed})


def opened(owner: str, name: str, currency: str) -> tuple[str, Call]:
    """Return the opening of an account."""
    return owner, ("settlement.open_account", {"id": name, "currency": currency})


def given(issuer: str, name: str, amount: int) -> tuple[str, Call]:
    """Return the issue of money to an account."""
    number = sum(name.encode()).to_bytes(16, "big")
    return issuer, ("settlement.issue", {"id": number, "account": name, "amount": amount})


READY = ran(
    opened("shop", "shop/hkd", "HKD"),
    opened("bank", "bank/hkd", "HKD"),
    opened("bank", "bank/eur", "EUR"),
    opened("bank", "bank/fees", "HKD"),
    opened("bank", "bank/eur fees", "EUR"),
    given("other_bank", "shop/hkd", 1_000_000),
    given("bank", "bank/eur", 10_000_000),
    given("bank", "shop/eur", 1_000),
)
PAID = in_turn(READY, ran(("shop", exchange())))
CANCEL: Call = ("settlement.cancel_quotes", {"nonce_floor": 6})


def reference(as_of_ms: int = START_MS, **changed: Any) -> Call:
    """Return the telling of what a pair is worth."""
    fields = {"source_currency": "HKD", "target_currency": "EUR", "rate": "7.7", "as_of_ms": as_of_ms, **changed}
    return "settlement.set_reference_rate", fields


def refused(code: R, given_quote: dict[str, Value], note: str = "", *, after_ms: int = 0, **changed: object) -> Case:
    """Return a row in which the shop tries to pay by a quote."""
    return case(
        code, "shop", exchange(given_quote, **changed), setup=in_turn(READY, at(START_MS + after_ms)), note=note
    )


PAYMENT_CASES: tuple[Case, ...] = (
    case(R.OK, "shop", exchange(), setup=READY, note="an exchange"),
    case(R.OK, "shop", exchange(), setup=PAID, note="the same payment: exists"),
    case(R.OK, "shop", within(), setup=READY, note="a payment in one currency"),
    case(R.UETR_EXISTS, "shop", within(uetr=UETR), setup=PAID, note="of a payment"),
    case(R.UETR_EXISTS, "shop", pay(uetr=UETR), setup=PAID, note="of a payment for a transfer"),
    case(R.UNKNOWN_DEBIT_ACCOUNT, "shop", within(payer="a", payee="b"), note="of a payment"),
    case(R.UNKNOWN_CREDIT_ACCOUNT, "carrier", within(payee="b"), note="of a payment, before the owner"),
    case(R.NOT_ACCOUNT_OWNER, "carrier", within(payee="issuer/EUR"), note="of a payment"),
    case(R.ISSUER_ACCOUNT, "shop", within(payee="issuer/EUR"), note="of a payment"),
    case(R.INSUFFICIENT_FUNDS, "shop", within(amount=1_001), setup=READY, note="of a payment"),
    case(R.BAD_ARGUMENTS, "shop", within(amount=0), setup=READY, note="a payment of nothing"),
    case(
        R.QUOTE_NEEDED,
        "shop",
        ("settlement.pay", {"uetr": UETR, "payer": "shop/hkd", "payee": "maker/eur", "amount": 5}),
        setup=READY,
    ),
    case(R.QUOTE_NOT_NEEDED, "shop", within(quote=quote()), setup=READY),
    refused(R.BAD_ARGUMENTS, quote(version=2), "a quote of another version"),
    refused(R.BAD_ARGUMENTS, quote(rate="0"), "a rate of nothing"),
    refused(R.BAD_ARGUMENTS, quote(rate="12.3456789012"), "a rate of too many digits"),
    refused(R.BAD_ARGUMENTS, quote(rate="9" * 5_000), "a rate longer than Python turns into a number"),
    refused(R.BAD_ARGUMENTS, quote(fee_bearer="payer", fee_account="bank/fees"), "a fee of nothing"),
    refused(R.BAD_ARGUMENTS, {**quote(), "more": 1}, "a quote with more"),
    refused(R.UNKNOWN_PROVIDER, quote("carrier"), "another's key, before the signature"),
    refused(R.UNKNOWN_PROVIDER, quote(provider="nobody"), "no such provider"),
    refused(R.UNKNOWN_PROVIDER, quote("carrier", provider="carrier"), "a provider that could not cancel it"),
    refused(R.QUOTE_SIGNATURE_WRONG, quote(chain_id=bytes(32)), "of another chain"),
    refused(R.QUOTE_SIGNATURE_WRONG, {**quote(), "terms": terms(rate="9")}, "other terms"),
    refused(R.QUOTE_NOT_YET_VALID, quote(not_before_ms=START_MS + 1), "a millisecond early"),
    refused(R.QUOTE_EXPIRED, quote(), "in the millisecond of its expiry", after_ms=LIFE_MS),
    refused(R.OK, quote(), "in its last millisecond", after_ms=LIFE_MS - 1),
    refused(R.QUOTE_HEIGHT_PASSED, quote(max_height=5)),
    case(R.QUOTE_CANCELLED, "shop", exchange(), setup=in_turn(READY, ran(("bank", CANCEL)))),
    case(
        R.OK, "shop", exchange(quote(nonce=6)), setup=in_turn(READY, ran(("bank", CANCEL))), note="a quote at the floor"
    ),
    case(R.NONCE_FLOOR_NOT_RAISED, "bank", CANCEL, setup=ran(("bank", CANCEL))),
    refused(R.QUOTE_FOR_ANOTHER, quote(beneficiary="carrier", target_currency="USD"), "before the pair"),
    refused(R.OK, quote(beneficiary="shop"), "a quote for the payer"),
    refused(R.QUOTE_PAIR_DIFFERS, quote(target_currency="HKD"), side="receive", note="before the side"),
    refused(R.QUOTE_SIDE_DIFFERS, quote(source_account="a"), side="receive", note="before the accounts"),
    refused(R.QUOTE_ACCOUNT_WRONG, quote(target_account="maker/eur"), "another's account", amount=1),
    refused(R.QUOTE_ACCOUNT_WRONG, quote(source_account="bank/eur"), "of another currency"),
    refused(
        R.QUOTE_ACCOUNT_WRONG,
        quote(fee_basis_points=35, fee_bearer="payee", fee_account="bank/fees"),
        "for fees in the other currency",
    ),
    refused(R.QUOTE_AMOUNT_OUT_OF_RANGE, quote(capacity=1), "too little", amount=99),
    refused(R.QUOTE_AMOUNT_OUT_OF_RANGE, quote(capacity=1), "too much", amount=1_000_001),
    refused(R.QUOTE_EXHAUSTED, quote(capacity=199_999)),
    case(R.QUOTE_EXHAUSTED, "shop", exchange(uetr=ANOTHER, amount=900_000), setup=PAID, note="by two payments"),
    refused(R.AMOUNT_TOO_SMALL, quote(rate="0.0000000001", minimum=1), amount=100),
    refused(
        R.AMOUNT_TOO_SMALL,
        quote(fee_fixed=1_537_718, fee_bearer="payee", fee_account="bank/eur fees"),
        "a fee that leaves nothing",
    ),
    case(R.UNKNOWN_CURRENCY, "bank", reference(target_currency="USD")),
    case(R.REFERENCE_RATE_OLDER, "bank", reference(), setup=ran(("bank", reference())), note="the same time again"),
    case(R.UNKNOWN_PAYMENT, "shop", within(refunds=UETR), setup=READY),
    case(
        R.REFUND_ELSEWHERE,
        "shop",
        within(refunds=UETR),
        setup=in_turn(READY, ran(("shop", within(uetr=UETR)))),
        note="the payer cannot take it back",
    ),
    case(
        R.REFUND_TOO_LARGE,
        "maker",
        within(payer="maker/eur", payee="shop/eur", amount=101, refunds=UETR),
        setup=in_turn(READY, ran(("shop", within(uetr=UETR)), given("bank", "maker/eur", 50))),
    ),
    case(
        R.OK,
        "maker",
        within(payer="maker/eur", payee="shop/eur", amount=100, refunds=UETR),
        setup=in_turn(READY, ran(("shop", within(uetr=UETR)))),
        note="all of a payment goes back",
    ),
    case(
        R.PAYMENT_NOT_SETTLED,
        "maker",
        within(payer="maker/eur", payee="shop/eur", refunds=UETR),
        setup=in_turn(READY, lambda world: world.committed.update(_held_payment())),
    ),
)


def _held_payment() -> dict[bytes, bytes]:
    return {heads.payment(UETR): encode({"status": "held", "payer": "shop/eur", "payee": "maker/eur"})}
