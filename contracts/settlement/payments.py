"""Payments: every leg of one, in one or two currencies, posts in one operation, or none does.

``plan_payment`` says which legs a payment has; ``settlement.pay`` (contracts/trade/paying.py) posts them at once,
``trade.open`` holds them until a condition is met. Between two currencies a quote is used: the payer pays the provider
in the source currency, the provider the payee in the target currency, and a fee is a leg of its own, never hidden in
the rate. Identities:
``payer's debit = source amount + fee the payer bears``, ``payee's credit = target amount - fee the payee bears``.

A refund is a payment of its own, the other way, that names the one that it gives back.

Heads: ``payment`` under its UETR, with a history: {status, payer, payee, source_currency, target_currency,
source_amount, target_amount, legs, created_ms, settled_ms?, end_to_end?, purpose?, reference?, quote?, provider?,
rate?, fee?, fee_bearer?, residue?, reference_rate?, reference_ms?, cost_ppm?,
originator?, beneficiary?, refunds?, refunded?, terms}.
"""

import re
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ACCOUNT_ID_BYTES_MAX, ISSUER_PREFIX
from contracts.settlement.corridors import Parties, Review, check_corridor, check_within, read_parties
from contracts.settlement.posting import AMOUNT_MAX, Leg
from contracts.settlement.quotes import PAYER, SEND, SIDES, Quote, exponent, read_quote, use_quote
from contracts.settlement.rates import RATE_SCALE, fee_of, rate_text, read_rate
from ledger.codec import Value, encode
from ledger.hashing import tagged_hash
from ledger.state import Head

SETTLED: Final = "settled"

_PURPOSE: Final = re.compile(r"[A-Z]{4}")
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a payment moves; amounts in minor units, ``price`` what the payer got for them (``Head`` fields).

    ``review`` says who has to agree before anything of it is released.
    """

    payer: str
    payee: str
    source_currency: str
    target_currency: str
    source_amount: int
    target_amount: int
    legs: tuple[Leg, ...]
    price: Head
    parties: Parties
    review: Review | None

    @property
    def amount(self) -> int:
        """The principal in the source currency, without fees."""
        return self.source_amount

    def to_head(self) -> Head:
        """Return the fields of a ``payment`` head that say what it moves."""
        return {
            "payer": self.payer,
            "payee": self.payee,
            "source_currency": self.source_currency,
            "target_currency": self.target_currency,
            "source_amount": self.source_amount,
            "target_amount": self.target_amount,
            "legs": [[leg.debit, leg.credit, leg.amount] for leg in self.legs],
            **self.price,
            **self.parties.to_head(),
        }


def plan_payment(context: Context, read: Arguments) -> Plan:
    """Return the legs of the payment that the arguments ask for, with its quote checked and counted as used.

    Reads {payer, payee, amount, side?: "send"|"receive", quote?, originator?, beneficiary?, attestations?}; ``amount``
    is in the currency of its side. Checks, first match wins: UNKNOWN_DEBIT_ACCOUNT, UNKNOWN_CREDIT_ACCOUNT,
    NOT_ACCOUNT_OWNER, ISSUER_ACCOUNT, QUOTE_NEEDED, QUOTE_NOT_NEEDED, those of the quote, those of the
    corridor. Whether the money is there is found when the legs are posted or held.
    """
    payer = read.identifier("payer", ACCOUNT_ID_BYTES_MAX)
    payee = read.identifier("payee", ACCOUNT_ID_BYTES_MAX)
    amount = read.integer("amount", 1, AMOUNT_MAX)
    side = read.choice("side", SIDES) if read.has("side") else SEND
    signed = read_quote(read.required("quote")) if read.has("quote") else None
    parties = read_parties(read)
    source, target = context.get(heads.account(payer)), context.get(heads.account(payee))
    if source is None:
        raise Rejected(ResultCode.UNKNOWN_DEBIT_ACCOUNT, f"{payer} is not open")
    if target is None:
        raise Rejected(ResultCode.UNKNOWN_CREDIT_ACCOUNT, f"{payee} is not open")
    if source["owner"] != context.member:
        raise Rejected(ResultCode.NOT_ACCOUNT_OWNER, f"{payer} belongs to {source['owner']!r}")
    if payer.startswith(ISSUER_PREFIX) or payee.startswith(ISSUER_PREFIX):
        raise Rejected(ResultCode.ISSUER_ACCOUNT, "money enters by issue and leaves by redeem")
    pair = cast(str, source["currency"]), cast(str, target["currency"])
    if signed is None:
        if pair[0] != pair[1]:
            raise Rejected(ResultCode.QUOTE_NEEDED, f"{pair[0]} to {pair[1]} takes a provider's quote")
        leg = Leg(payer, payee, amount)
        review = check_within(context, pair[0], leg, parties)
        return Plan(payer, payee, *pair, amount, amount, (leg,), {}, parties, review)
    if pair[0] == pair[1]:
        raise Rejected(ResultCode.QUOTE_NOT_NEEDED, f"both accounts are in {pair[0]}")
    exchange = use_quote(context, signed, context.member, pair, side, amount)
    amounts = exchange.source_amount, exchange.target_amount
    review = check_corridor(context, pair, amounts, (payer, payee), parties)
    quote = signed.quote
    fee = _fee(quote, *amounts)
    residue: list[Value] = [exchange.residue_numerator, exchange.residue_denominator]
    price: Head = {"quote": quote.identifier, "provider": quote.provider, "rate": rate_text(quote.rate)}
    if exchange.residue_numerator and max(exchange.residue_numerator, exchange.residue_denominator) < 1 << 63:
        price["residue"] = residue
    if quote.fee is not None:
        price |= {"fee": fee, "fee_bearer": quote.fee.bearer}
    legs, paid, received = _exchange_legs(quote, payer, payee, *amounts, fee)
    price |= _cost(context, pair, paid, received)
    return Plan(payer, payee, *pair, *amounts, legs, price, parties, review)


def recognise(context: Context, uetr: str, arguments: dict[str, Value]) -> tuple[bytes, Value]:
    """Return the hash of a payment's terms, and the answer where it was made on the same terms before, else None."""
    terms = tagged_hash("payment-terms", encode(arguments))
    made = context.get(heads.payment(uetr))
    if made is None or made.get("terms") != terms:
        return terms, None
    return terms, {"exists": True, "status": made["status"]}


def open_payment(context: Context, uetr: str, head: Head) -> None:
    """Keep a new payment under its reference, which no payment and no transfer used before."""
    if context.get(heads.payment(uetr)) is not None or context.get(heads.uetr(uetr)) is not None:
        raise Rejected(ResultCode.UETR_EXISTS, f"{uetr} was used")
    context.put(heads.uetr(uetr), {"payment": uetr})
    context.record(heads.payment(uetr), head)


def set_reference_rate(context: Context, arguments: dict[str, Value]) -> Value:
    """Say what a pair of currencies is worth, as a measure for what payments cost; no payment uses it as its rate."""
    read = Arguments(arguments)
    source, target = read.identifier("source_currency", 12), read.identifier("target_currency", 12)
    rate = read_rate(read.required("rate"), "rate")
    as_of_ms = read.integer("as_of_ms")
    read.end()
    exponent(context, source)
    exponent(context, target)
    key = heads.reference_rate(source, target)
    known = context.get(key)
    if known is not None and cast(int, known["as_of_ms"]) >= as_of_ms:
        raise Rejected(ResultCode.REFERENCE_RATE_OLDER, f"one as of {known['as_of_ms']!r} is known")
    context.put(key, {"rate": rate_text(rate), "as_of_ms": as_of_ms, "organisation": context.member})
    return None


def read_remarks(read: Arguments) -> Head:
    """Return what is said of a payment besides what it moves: end_to_end?, purpose?, reference?."""
    said: Head = {}
    for name, text in (
        ("end_to_end", read.optional_text("end_to_end", 35)),
        ("purpose", read.optional_pattern("purpose", _PURPOSE)),
        ("reference", read.optional_text("reference", 140)),
    ):
        if text is not None:
            said[name] = text
    return said


def _fee(quote: Quote, source_amount: int, target_amount: int) -> int:
    if quote.fee is None:
        return 0
    borne_on = source_amount if quote.fee.bearer == PAYER else target_amount
    fee = fee_of(borne_on, quote.fee.fixed, quote.fee.basis_points, quote.fee.cap)
    if quote.fee.bearer != PAYER and fee >= target_amount:
        raise Rejected(ResultCode.AMOUNT_TOO_SMALL, f"the fee of {fee} would leave nothing of {target_amount}")
    return fee


def _exchange_legs(
    quote: Quote, payer: str, payee: str, source_amount: int, target_amount: int, fee: int
) -> tuple[tuple[Leg, ...], int, int]:
    """Return the legs, what the payer pays in all, and what the payee gets in all."""
    principal = Leg(payer, quote.source_account, source_amount)
    if quote.fee is None:
        return (principal, Leg(quote.target_account, payee, target_amount)), source_amount, target_amount
    if quote.fee.bearer == PAYER:
        legs = principal, Leg(quote.target_account, payee, target_amount), Leg(payer, quote.fee.account, fee)
        return legs, source_amount + fee, target_amount
    counter = Leg(quote.target_account, payee, target_amount - fee)
    return (principal, counter, Leg(quote.target_account, quote.fee.account, fee)), source_amount, target_amount - fee


def _cost(context: Context, pair: tuple[str, str], paid: int, received: int) -> Head:
    """Return what the exchange cost beside the reference rate, fees included, in millionths of what was paid."""
    reference = context.get(heads.reference_rate(*pair))
    if reference is None:
        return {}
    rate = read_rate(reference["rate"], "rate")
    worth = paid * rate * 10 ** exponent(context, pair[1])
    got = received * RATE_SCALE * 10 ** exponent(context, pair[0])
    cost_ppm = (worth - got) * _MILLION // worth
    known: Head = {"reference_rate": reference["rate"], "reference_ms": reference["as_of_ms"]}
    return known | {"cost_ppm": cost_ppm} if abs(cost_ppm) < 1 << 62 else known


def count_refund(context: Context, uetr: str, plan: Plan) -> None:
    """Count what is given back of a payment, which is never more than its payee was paid."""
    key = heads.payment(uetr)
    original = context.get(key)
    if original is None:
        raise Rejected(ResultCode.UNKNOWN_PAYMENT, f"{uetr} was not made")
    if original["status"] != SETTLED:
        raise Rejected(ResultCode.PAYMENT_NOT_SETTLED, f"{uetr} is {original['status']!r}")
    if (plan.payer, plan.payee) != (original["payee"], original["payer"]):
        raise Rejected(ResultCode.REFUND_ELSEWHERE, f"{uetr} went from {original['payer']!r} to {original['payee']!r}")
    refunded = cast(int, original.get("refunded", 0)) + plan.source_amount
    # Without a fee that the payee bore: what came in, not the price.
    legs = cast("list[tuple[str, str, int]]", original["legs"])
    received = sum(amount for _, credit, amount in legs if credit == original["payee"])
    if refunded > received:
        raise Rejected(ResultCode.REFUND_TOO_LARGE, f"{received} was paid, {refunded} would go back")
    context.record(key, {**original, "refunded": refunded})
