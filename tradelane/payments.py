"""Payments as a node tells of them, and quotes as a provider signs them."""

from dataclasses import dataclass, field

from contracts.settlement.quotes import quote_preimage, read_quote
from ledger.codec import Value, encode
from ledger.keys import SecretKey
from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class PaymentStep:
    """An operation that changed a payment: when, in which block, by whom."""

    number: int
    height: int
    time_ms: int
    transaction: str
    method: str
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment; amounts in minor units of its two currencies. ``fields`` has all that the node said."""

    uetr: str
    status: str
    payer: str
    payee: str
    source_currency: str
    source_exponent: int
    source_amount: int
    target_currency: str
    target_exponent: int
    target_amount: int
    rate: str | None
    fee: int | None
    fee_bearer: str | None
    cost_ppm: int | None
    refunded: int
    legs: tuple[tuple[str, str, int], ...]
    steps: tuple[PaymentStep, ...]
    height: int
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuoteUse:
    """What the ledger knows of a quote: ``used`` minor units of its fixed side; below ``nonce_floor`` all are void."""

    provider: str
    id: str
    used: int
    nonce_floor: int
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_quote_use(fields: Fields) -> QuoteUse:
    """Return what is known of a quote out of an answer."""
    return QuoteUse(
        provider=fields.text("provider"),
        id=fields.text("id"),
        used=fields.integer("used"),
        nonce_floor=fields.integer("nonce_floor"),
        fields=fields.values,
    )


def read_payment(fields: Fields) -> Payment:
    """Return a payment out of an answer."""
    return Payment(
        uetr=fields.text("uetr"),
        status=fields.text("status"),
        payer=fields.text("payer"),
        payee=fields.text("payee"),
        source_currency=fields.text("source_currency"),
        source_exponent=fields.integer("source_exponent"),
        source_amount=fields.integer("source_amount"),
        target_currency=fields.text("target_currency"),
        target_exponent=fields.integer("target_exponent"),
        target_amount=fields.integer("target_amount"),
        rate=fields.optional_text("rate"),
        fee=fields.optional_integer("fee"),
        fee_bearer=fields.optional_text("fee_bearer"),
        cost_ppm=fields.optional_integer("cost_ppm"),
        refunded=fields.optional_integer("refunded") or 0,
        legs=fields.objects("legs", lambda leg: (leg.text("debit"), leg.text("credit"), leg.integer("amount"))),
        steps=fields.objects("steps", _read_step),
        height=fields.integer("height"),
        fields=fields.values,
    )


def sign_quote(key: SecretKey, chain_id: bytes, terms: dict[str, Value]) -> dict[str, Value]:
    """Return a signed quote, the value of the argument ``quote`` of a payment.

    ``terms`` are those of docs/contracts.md ("Quotes"); raises ``contracts.results.Rejected`` where they have not that
    shape. Nothing is sent: a quote lives with whoever holds it until a payment uses it.
    """
    quote: dict[str, Value] = {
        "terms": terms,
        "key": key.public_key,
        "signature": key.sign(quote_preimage(chain_id, encode(terms))),
    }
    read_quote(quote)
    return quote


def _read_step(fields: Fields) -> PaymentStep:
    return PaymentStep(
        number=fields.integer("number"),
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
        transaction=fields.text("transaction"),
        method=fields.text("method"),
        organisation=fields.optional_text("organisation"),
    )
