"""Rows of the table of result codes (tests/unit/test_contracts_codes.py): corridors, attestations, screening lists.

A shop pays in HKD, which the other bank issues, a maker is paid in EUR, which the bank issues; the carrier screens.
"""

from collections.abc import Callable
from typing import cast

from contracts import heads
from contracts.settlement.attestations import attestation_preimage
from ledger.codec import Value, encode
from tests.support.contract_payment_cases import ANOTHER, CHAIN_ID, READY, exchange, within
from tests.support.contract_situations import UETR, Case, R, at, case, in_turn, issue, pay, ran, with_head
from tests.support.contracts_world import START_MS, Call, World, key_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ORIGINATOR = b"o" * 32
BENEFICIARY = b"b" * 32
PARTIES: dict[str, Value] = {"originator": ORIGINATOR, "beneficiary": BENEFICIARY}
LIST_VERSION = b"1" * 32

SCREENER = with_head(heads.organisation("carrier"), roles=["carrier", "screener"])


def rules(side: str = "source", version: int = 1, from_ms: int = 0, **said: object) -> Call:
    """Return the setting of rules for HKD to EUR."""
    fields: dict[str, object] = {"source_currency": "HKD", "target_currency": "EUR", "side": side}
    fields |= {"version": version, "from_ms": from_ms, **said}
    return "settlement.set_corridor", cast("dict[str, Value]", fields)


def ruled(**said: object) -> Callable[[World], None]:
    """Let everybody have money and the issuer of HKD set rules."""
    return in_turn(READY, ran(("other_bank", rules("source", 1, 0, **said))))


def published(version: bytes = LIST_VERSION, as_of_ms: int = 1) -> Call:
    """Return the publishing of a list."""
    return "settlement.publish_screening_list", {"list": "UN", "version": version, "as_of_ms": as_of_ms}


def attestation(
    subject: bytes, signer: str = "carrier", chain_id: bytes = CHAIN_ID, **changed: object
) -> dict[str, Value]:
    """Return what the carrier attests of a party, in force for a minute."""
    terms: dict[str, object] = {"version": 1, "screener": "carrier", "list": "UN", "list_version": LIST_VERSION}
    terms |= {"verdict": "clear", "subject": subject, "expires_ms": START_MS + 60_000, **changed}
    said = cast("dict[str, Value]", terms)
    key = key_of(signer)
    signature = key.sign(attestation_preimage(chain_id, encode(said)))
    return {"terms": said, "key": key.public_key, "signature": signature}


def attested(**changed: object) -> dict[str, Value]:
    """Return the parties and an attestation for each, the originator's changed."""
    signer, chain_id = str(changed.pop("signer", "carrier")), cast(bytes, changed.pop("chain_id", CHAIN_ID))
    changed = {"subject": ORIGINATOR, **changed}
    first = attestation(signer=signer, chain_id=chain_id, **changed)  # type: ignore[arg-type]  # fields of terms
    return {**PARTIES, "attestations": [first, attestation(BENEFICIARY)]}


SCREENED = in_turn(ruled(screened_from=200_000, lists=["UN"]), SCREENER, ran(("carrier", published())))


def screened(code: R, note: str = "", **changed: object) -> Case:
    """Return a row in which the shop pays with an attestation changed."""
    return case(code, "shop", exchange(None, **attested(**changed)), setup=SCREENED, note=note)


HELD_FOR_REVIEW = in_turn(
    READY,
    ran(
        ("bank", rules(source_currency="EUR", watched_below=101, near_payments_max=0, review_hours=1)),
        ("shop", within()),
    ),
)


def reviewed(code: R, signer: str = "bank", note: str = "", after_ms: int = 0, **changed: object) -> Case:
    """Return a row in which somebody reviews the payment that waits for it."""
    fields = cast("dict[str, Value]", {"uetr": ANOTHER, "verdict": "release", **changed})
    return case(
        code, signer, ("trade.review", fields), setup=in_turn(HELD_FOR_REVIEW, at(START_MS + after_ms)), note=note
    )


def _within_eur(**said: object) -> Callable[[World], None]:
    """Let the shop have 1,000 EUR, and their issuer set rules for what is given within the currency."""
    fields: dict[str, object] = {"source_currency": "EUR", "target_currency": "EUR", "side": "source"}
    fields |= {"version": 1, "from_ms": 0, **said}
    return ran(("bank", issue()), ("bank", ("settlement.set_corridor", cast("dict[str, Value]", fields))))


_HOLD: Call = ("settlement.pend", {**pay()[1], "timeout_ms": 1_000})
_WATCHED = _within_eur(watched_below=1_000, near_payments_max=0, review_hours=1)

COMPLIANCE_CASES: tuple[Case, ...] = (
    case(R.PAYMENT_OVER_LIMIT, "shop", pay(), setup=_within_eur(payment_max=99), note="a transfer"),
    case(R.PAYMENT_OVER_LIMIT, "shop", _HOLD, setup=_within_eur(payment_max=99), note="a hold"),
    case(R.OK, "shop", pay(), setup=_within_eur(payment_max=100), note="a transfer at the limit"),
    case(
        R.DAY_LIMIT_EXCEEDED,
        "shop",
        _HOLD,
        setup=in_turn(_within_eur(day_max=199), ran(("shop", pay(id=b"1" * 16)))),
        note="a transfer and a hold count together",
    ),
    case(R.PARTY_DATA_MISSING, "shop", pay(), setup=_within_eur(data_from=100), note="a transfer"),
    case(R.TRANSFER_NEEDS_REVIEW, "shop", pay(amount=950), setup=_WATCHED),
    case(R.OK, "shop", pay(amount=100), setup=_WATCHED, note="far below what is watched"),
    case(R.OK, "other_bank", rules(payment_max=1), note="rules of the source"),
    case(R.OK, "bank", rules("target", payment_max=1), note="rules of the target"),
    case(R.OK, "other_bank", rules(version=2), setup=ruled(), note="rules anew"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(screened_from=1), note="screening by no list"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(lists=["UN"]), note="a list from no amount on"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(screened_from=1, lists=["UN", "UN"]), note="a list twice"),
    case(R.BAD_ARGUMENTS, "bank", rules("target", source_currency="EUR"), note="two sides of one currency"),
    case(R.UNKNOWN_CURRENCY, "bank", rules(source_currency="USD"), note="of a corridor, before the issuer"),
    case(R.NOT_ISSUER, "bank", rules(), note="of the corridor's source"),
    case(R.NOT_ISSUER, "other_bank", rules("target"), note="of the corridor's target"),
    case(R.ROLE_REQUIRED, "shop", rules(), note="a corridor"),
    case(R.CORRIDOR_VERSION_WRONG, "other_bank", rules(version=1), setup=ruled()),
    case(R.OK, "shop", exchange(), setup=ruled(payment_max=200_000), note="a payment at the limit"),
    case(R.PAYMENT_OVER_LIMIT, "shop", exchange(), setup=ruled(payment_max=199_999, day_max=0), note="before the day"),
    case(
        R.PAYMENT_OVER_LIMIT,
        "shop",
        exchange(),
        setup=in_turn(READY, ran(("bank", rules("target", payment_max=1_537_717)))),
        note="of the target's side",
    ),
    case(
        R.PAYMENT_OVER_LIMIT,
        "shop",
        within(),
        setup=in_turn(READY, ran(("bank", rules(source_currency="EUR", payment_max=99)))),
        note="within one currency",
    ),
    case(R.DAY_LIMIT_EXCEEDED, "shop", exchange(), setup=ruled(day_max=199_999, thirty_days_max=0)),
    case(R.THIRTY_DAYS_LIMIT_EXCEEDED, "shop", exchange(), setup=ruled(thirty_days_max=199_999, data_from=0)),
    case(R.PARTY_DATA_MISSING, "shop", exchange(), setup=ruled(data_from=200_000)),
    case(R.PARTY_DATA_MISSING, "shop", exchange(originator=ORIGINATOR), setup=ruled(data_from=0), note="one of two"),
    case(R.OK, "shop", exchange(None, **PARTIES), setup=ruled(data_from=200_000), note="with the data of both"),
    case(R.OK, "shop", exchange(), setup=ruled(data_from=200_001), note="below the threshold for data"),
    case(R.BAD_ARGUMENTS, "shop", exchange(originator=b"short"), setup=READY, note="no commitment"),
    case(R.BAD_ARGUMENTS, "shop", exchange(attestations=[{}]), setup=READY, note="no attestation"),
    case(R.BAD_ARGUMENTS, "shop", exchange(None, **attested(verdict="fine")), setup=READY, note="an unknown verdict"),
    case(R.PARTY_DATA_MISSING, "shop", exchange(), setup=SCREENED, note="to be screened"),
    case(R.ATTESTATION_MISSING, "shop", exchange(None, **PARTIES), setup=SCREENED),
    case(
        R.ATTESTATION_MISSING,
        "shop",
        exchange(None, **{**attested(), "attestations": [attestation(ORIGINATOR)]}),
        setup=SCREENED,
        note="of the beneficiary",
    ),
    screened(R.OK, "both parties clear"),
    screened(R.ATTESTATION_ELSEWHERE, "of somebody else", subject=b"x" * 32),
    screened(R.ATTESTATION_MISSING, "by another list", list="EU"),
    screened(R.UNKNOWN_SCREENER, "another's key, before the signature", signer="maker"),
    screened(R.UNKNOWN_SCREENER, "no screener", screener="maker", signer="maker"),
    screened(R.UNKNOWN_SCREENER, "nobody", screener="nobody"),
    screened(R.ATTESTATION_SIGNATURE_WRONG, "of another chain", chain_id=bytes(32)),
    screened(R.ATTESTATION_EXPIRED, "in the millisecond of its expiry", expires_ms=START_MS, list_version=b"2" * 32),
    screened(R.OK, "in its last millisecond", expires_ms=START_MS + 1),
    screened(R.ATTESTATION_LIST_OLD, "before the verdict", list_version=b"2" * 32, verdict="possible"),
    screened(R.ATTESTATION_NOT_CLEAR, verdict="possible"),
    case(
        R.UNKNOWN_SCREENING_LIST,
        "shop",
        exchange(None, **attested()),
        setup=in_turn(ruled(screened_from=0, lists=["UN"]), SCREENER),
    ),
    case(R.BAD_ARGUMENTS, "other_bank", rules(watched_below=1, review_hours=1), note="watched for nothing"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(watched_days=1, review_hours=1), note="split from no amount on"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(counterparties_max=1), note="a review without an end"),
    case(R.BAD_ARGUMENTS, "other_bank", rules(review_hours=1), note="a review of nothing"),
    reviewed(R.OK, note="a review"),
    reviewed(R.BAD_ARGUMENTS, verdict="perhaps", note="of a review"),
    reviewed(R.UNKNOWN_PAYMENT, uetr=UETR, note="of a review"),
    reviewed(R.NOT_REVIEWER, "other_bank"),
    reviewed(R.ROLE_REQUIRED, "shop", note="a review"),
    reviewed(R.DEADLINE_PASSED, after_ms=HOUR_MS, note="of a review"),
    reviewed(R.OK, after_ms=HOUR_MS, verdict="return", note="sending back after the deadline"),
    case(
        R.PAYMENT_IN_REVIEW,
        "maker",
        ("trade.resolve", {"uetr": ANOTHER, "split": 100}),
        setup=in_turn(
            HELD_FOR_REVIEW,
            ran(
                ("shop", ("trade.dispute", {"uetr": ANOTHER, "reason": "none"})),
                ("shop", ("trade.resolve", {"uetr": ANOTHER, "split": 100})),
            ),
        ),
    ),
    case(R.ROLE_REQUIRED, "carrier", published(), note="a list"),
    case(R.SCREENING_LIST_OLDER, "carrier", published(), setup=SCREENED, note="the same time again"),
    case(
        R.NOT_LIST_PUBLISHER,
        "carrier",
        published(),
        setup=in_turn(SCREENED, with_head(heads.screening_list("UN"), organisation="maker")),
        note="before its time",
    ),
)
