"""Corridors: what may be paid from one currency into another, said by the issuers at both ends.

The issuer of the source currency and the issuer of the target currency each keep rules of their own, in amounts of
their own currency. A payment has to satisfy both, so the stricter side wins and no exchange rate decides. Limits and
thresholds by time count what the payer's organisation paid through the corridor in the last 24 hours and 30 days, this
payment included: a payment that is split is judged as one. An organisation counts as a whole, since it may open
accounts as it likes. Whole hours and days count, so a window is never shorter than it says and at most one longer.
Either issuer may also have payments wait for its review where an account's payments show a pattern (watching.py).

Heads: ``corridor`` {version, rules, next?} by both currencies and the side that set it, with a history: ``rules``
{payment_max?, day_max?, thirty_days_max?, data_from?, screened_from?, lists?, watched_below?, near_payments_max?,
watched_days?, counterparties_max?, review_hours?}, ``next`` {from_ms, rules}; ``velocity`` {hours, days} by
organisation and both currencies, rows [number since 1970, source amount, target amount].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, identifier, refuse
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.attestations import (
    COMMITMENT_BYTES,
    LIST_ID_BYTES_MAX,
    Attestation,
    check_attestation,
    read_attestation,
)
from contracts.settlement.posting import AMOUNT_MAX, Leg
from contracts.settlement.watching import (
    COUNTERPARTIES_MAX,
    NEAR_PAYMENTS_MAX,
    REVIEW_HOURS_MAX,
    WATCHED_DAYS_MAX,
    asks_for_review,
)
from ledger.codec import Value
from ledger.limits import INTEGER_MAX
from ledger.state import Head

SOURCE: Final = "source"
TARGET: Final = "target"
LISTS_MAX: Final = 4
ATTESTATIONS_MAX: Final = 2 * LISTS_MAX
HOURS: Final = 24
DAYS: Final = 30

_SIDES: Final = frozenset({SOURCE, TARGET})
_AMOUNTS: Final = ("payment_max", "day_max", "thirty_days_max", "data_from", "screened_from", "watched_below")
_PATTERNS: Final = {
    "near_payments_max": (0, NEAR_PAYMENTS_MAX),
    "watched_days": (1, WATCHED_DAYS_MAX),
    "counterparties_max": (1, COUNTERPARTIES_MAX),
}
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS

Row = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Parties:
    """What a payment says of its parties: salted commitments to their data, and what screeners attest of them."""

    originator: bytes | None
    beneficiary: bytes | None
    attestations: tuple[Attestation, ...]

    def to_head(self) -> Head:
        """Return the fields of a ``payment`` head."""
        both = {"originator": self.originator, "beneficiary": self.beneficiary}
        return {name: commitment for name, commitment in both.items() if commitment is not None}


NO_PARTIES: Final = Parties(None, None, ())
"""What a transfer says of its parties."""


@dataclass(frozen=True, slots=True)
class Review:
    """Who has to agree to a payment before it is released, and until when that counts."""

    organisations: tuple[str, ...]
    until_ms: int


def read_parties(read: Arguments) -> Parties:
    """Read {originator?, beneficiary?, attestations?}, nothing proven."""
    return Parties(
        read.optional_fixed("originator", COMMITMENT_BYTES),
        read.optional_fixed("beneficiary", COMMITMENT_BYTES),
        read.listed("attestations", ATTESTATIONS_MAX, read_attestation),
    )


def check_corridor(
    context: Context, pair: tuple[str, str], amounts: tuple[int, int], accounts: tuple[str, str], parties: Parties
) -> Review | None:
    """Reject a payment that the rules of its corridor do not allow; return who has to review it, and count it.

    ``pair``, ``amounts`` and ``accounts`` are source and target. The first check that fails, the source's rules before
    the target's: PAYMENT_OVER_LIMIT, DAY_LIMIT_EXCEEDED, THIRTY_DAYS_LIMIT_EXCEEDED, PARTY_DATA_MISSING,
    ATTESTATION_ELSEWHERE, ATTESTATION_MISSING, then those of the attestation.
    """
    sides = (SOURCE,) if pair[0] == pair[1] else (SOURCE, TARGET)
    ruled = [(side, rules) for side in sides if (rules := _rules_now(context, pair, side)) is not None]
    if not ruled:
        return None
    key = heads.velocity(context.member, *pair)
    known = context.get(key) or {"hours": [], "days": []}
    hours = _add(known["hours"], context.block.time_ms // _HOUR_MS, HOURS, amounts)
    days = _add(known["days"], context.block.time_ms // _DAY_MS, DAYS, amounts)
    for side, rules in ruled:
        place = 1 if side == SOURCE else 2
        in_a_day, in_thirty = (sum(row[place] for row in rows) for rows in (hours, days))
        _check_limits(rules, amounts[place - 1], in_a_day, in_thirty)
        _check_parties(context, rules, in_a_day, parties)
    context.put(key, {"hours": _to_value(hours), "days": _to_value(days)})
    return _review(context, ruled, pair, amounts, accounts)


def check_within(context: Context, currency: str, leg: Leg, parties: Parties) -> Review | None:
    """Do the same for a leg within one currency."""
    return check_corridor(context, (currency, currency), (leg.amount, leg.amount), (leg.debit, leg.credit), parties)


def _review(
    context: Context,
    ruled: Sequence[tuple[str, Head]],
    pair: tuple[str, str],
    amounts: tuple[int, int],
    accounts: tuple[str, str],
) -> Review | None:
    asking: list[tuple[str, int]] = []
    for side, rules in ruled:
        if "review_hours" not in rules:
            continue
        own, other = (0, 1) if side == SOURCE else (1, 0)
        key = heads.watch(accounts[own], *pair, side)
        if asks_for_review(context, key, rules, amounts[own], accounts[other]):
            currency = context.get(heads.currency(pair[own]))
            assert currency is not None, "a currency is never removed"
            asking.append((cast(str, currency["issuer"]), cast(int, rules["review_hours"])))
    if not asking:
        return None
    hours = min(hours for _, hours in asking)
    return Review(tuple(sorted({issuer for issuer, _ in asking})), context.block.time_ms + hours * _HOUR_MS)


def set_corridor(context: Context, arguments: dict[str, Value]) -> Value:
    """Set one side's rules of a corridor from a time on; the issuer of that side's currency signs."""
    read = Arguments(arguments)
    pair = read.identifier("source_currency", 12), read.identifier("target_currency", 12)
    side = read.choice("side", _SIDES)
    version = read.integer("version", 1)
    from_ms = read.integer("from_ms")
    rules = _read_rules(read)
    read.end()
    if side == TARGET and pair[0] == pair[1]:
        refuse("a corridor within one currency has one side, the source")
    for code, issues_it in zip(pair, (side == SOURCE, side == TARGET), strict=True):
        currency = context.get(heads.currency(code))
        if currency is None:
            raise Rejected(ResultCode.UNKNOWN_CURRENCY, f"{code} is not defined")
        if issues_it and currency["issuer"] != context.member:
            raise Rejected(ResultCode.NOT_ISSUER, f"{code} is issued by {currency['issuer']!r}")
    key = heads.corridor(*pair, side)
    known = context.get(key)
    expected = 1 if known is None else cast(int, known["version"]) + 1
    if version != expected:
        raise Rejected(ResultCode.CORRIDOR_VERSION_WRONG, f"the next version is {expected}, not {version}")
    in_force = _in_force(known, context.block.time_ms)
    if from_ms <= context.block.time_ms:
        context.record(key, {"version": version, "rules": rules})
    else:
        context.record(key, {"version": version, "rules": in_force, "next": {"from_ms": from_ms, "rules": rules}})
    return None


def _read_rules(read: Arguments) -> Head:
    rules: Head = {}
    for name in _AMOUNTS:
        amount = read.optional_integer(name, 0, AMOUNT_MAX)
        if amount is not None:
            rules[name] = amount
    lists = read.listed("lists", LISTS_MAX, lambda value, what: identifier(value, what, LIST_ID_BYTES_MAX))
    if bool(lists) != ("screened_from" in rules):
        refuse("screened_from and lists come together: from which amount on, and by which lists")
    if len(set(lists)) != len(lists):
        refuse("a list is named once")
    if lists:
        rules["lists"] = list(lists)
    return rules | _read_patterns(read, is_below="watched_below" in rules)


def _read_patterns(read: Arguments, *, is_below: bool) -> Head:
    found = {name: read.optional_integer(name, *limits) for name, limits in _PATTERNS.items()}
    patterns: Head = {name: number for name, number in found.items() if number is not None}
    review_hours = read.optional_integer("review_hours", 1, REVIEW_HOURS_MAX)
    if bool(patterns.keys() - {"counterparties_max"}) != is_below:
        refuse("watched_below comes with near_payments_max, watched_days or both")
    if bool(patterns) != (review_hours is not None):
        refuse("review_hours comes with what is to be reviewed: watched_below or counterparties_max")
    return patterns if review_hours is None else {**patterns, "review_hours": review_hours}


def _rules_now(context: Context, pair: tuple[str, str], side: str) -> Head | None:
    head = context.get(heads.corridor(*pair, side))
    return None if head is None else _in_force(head, context.block.time_ms)


def _in_force(head: Head | None, now_ms: int) -> Head:
    if head is None:
        return {}
    coming = cast("Head | None", head.get("next"))
    is_due = coming is not None and cast(int, coming["from_ms"]) <= now_ms
    return cast(Head, coming["rules"] if coming is not None and is_due else head["rules"])


def _check_limits(rules: Head, amount: int, in_a_day: int, in_thirty_days: int) -> None:
    for name, found, code, what in (
        ("payment_max", amount, ResultCode.PAYMENT_OVER_LIMIT, "one payment"),
        ("day_max", in_a_day, ResultCode.DAY_LIMIT_EXCEEDED, "24 hours"),
        ("thirty_days_max", in_thirty_days, ResultCode.THIRTY_DAYS_LIMIT_EXCEEDED, "30 days"),
    ):
        limit = cast("int | None", rules.get(name))
        if limit is not None and found > limit:
            raise Rejected(code, f"{found} in {what}, the corridor allows {limit}")


def _check_parties(context: Context, rules: Head, in_a_day: int, parties: Parties) -> None:
    needs_data = "data_from" in rules and in_a_day >= cast(int, rules["data_from"])
    needs_screening = "screened_from" in rules and in_a_day >= cast(int, rules["screened_from"])
    if not needs_data and not needs_screening:
        return
    if parties.originator is None or parties.beneficiary is None:
        raise Rejected(
            ResultCode.PARTY_DATA_MISSING,
            f"{in_a_day} in 24 hours takes commitments to the data of originator and beneficiary",
        )
    if not needs_screening:
        return
    subjects = parties.originator, parties.beneficiary
    for attestation in parties.attestations:
        if attestation.subject not in subjects:
            raise Rejected(ResultCode.ATTESTATION_ELSEWHERE, f"{attestation.subject.hex()} is no party of the payment")
    for list_id in cast("list[str]", rules["lists"]):
        for subject, whom in zip(subjects, ("originator", "beneficiary"), strict=True):
            _check_screened(context, parties.attestations, list_id, subject, whom)


def _check_screened(
    context: Context, attestations: Sequence[Attestation], list_id: str, subject: bytes, whom: str
) -> None:
    found = next((one for one in attestations if one.list_id == list_id and one.subject == subject), None)
    if found is None:
        raise Rejected(ResultCode.ATTESTATION_MISSING, f"the {whom} was not screened by {list_id}")
    check_attestation(context, found)


def _add(rows: Value, number: int, span: int, amounts: tuple[int, int]) -> list[Row]:
    """Return the rows from ``span`` before a number on, with amounts added to that of the number.

    A total stops at the largest integer of the ledger, above every limit, instead of running over.
    """
    kept = [cast(Row, tuple(row)) for row in cast("list[list[int]]", rows)]
    kept = [row for row in kept if number - span <= row[0]]
    if not kept or kept[-1][0] != number:
        kept.append((number, 0, 0))
    _, source, target = kept[-1]
    kept[-1] = number, min(source + amounts[0], INTEGER_MAX), min(target + amounts[1], INTEGER_MAX)
    return kept


def _to_value(rows: Sequence[Row]) -> Value:
    return [list(row) for row in rows]
