"""Quotes: a provider's signed promise to exchange at a rate, kept by the ledger and used at most as promised.

A quote lives outside the ledger until a payment uses it: {terms, key, signature}, where the signature is over
``signed_preimage("quote", chain_id, canonical terms)`` and the key is one of the provider's that may cancel quotes. The
terms: {version: 1, id: 16 bytes, provider, source_account, target_account, source_currency, target_currency, side:
"send"|"receive", rate, minimum, maximum, capacity, fee_fixed?, fee_basis_points?, fee_cap?, fee_bearer?: "payer"|
"payee", fee_account?, not_before_ms, expires_ms, max_height, beneficiary?, nonce}. Amounts are minor units of the fixed
side: of the source currency where the payer says what is sent, of the target currency where it says what is received.
``capacity`` is how much of it all payments together may use; a fee is in the source currency where the payer bears it.

Heads: ``quote`` {used} by provider and id, ``quote_floor`` {nonce}: quotes of a lower nonce are cancelled.
"""

from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, mapping, refuse
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from contracts.settlement.accounts import ACCOUNT_ID_BYTES_MAX
from contracts.settlement.posting import AMOUNT_MAX
from contracts.settlement.rates import BASIS_POINTS, Exchange, fixed_receive, fixed_send, read_rate
from contracts.standing import signs_for
from ledger.codec import Value, encode
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, signed_preimage, verify

QUOTE_ID_BYTES: Final = 16
SEND: Final = "send"
RECEIVE: Final = "receive"
SIDES: Final = frozenset({SEND, RECEIVE})
PAYER: Final = "payer"
PAYEE: Final = "payee"

_FEE_FIELDS: Final = ("fee_fixed", "fee_basis_points", "fee_cap", "fee_account", "fee_bearer")
_CANCEL: Final = "settlement.cancel_quotes"


@dataclass(frozen=True, slots=True)
class Fee:
    """What the provider takes besides the rate, into an account of the currency of whoever bears it."""

    fixed: int
    basis_points: int
    cap: int | None
    bearer: str
    account: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The terms of a quote; ``rate`` is scaled by 10^10, times are UTC, amounts minor units of the fixed side."""

    identifier: bytes
    provider: str
    source_account: str
    target_account: str
    source_currency: str
    target_currency: str
    side: str
    rate: int
    minimum: int
    maximum: int
    capacity: int
    fee: Fee | None
    not_before_ms: int
    expires_ms: int
    max_height: int
    beneficiary: str | None
    nonce: int


@dataclass(frozen=True, slots=True)
class SignedQuote:
    """A quote as a payment brings it."""

    quote: Quote
    encoded: bytes
    key: bytes
    signature: bytes


def quote_preimage(chain_id: bytes, encoded_terms: bytes) -> bytes:
    """Return what a provider signs."""
    return signed_preimage("quote", chain_id, encoded_terms)


def read_quote(value: Value) -> SignedQuote:
    """Return the quote of an argument, nothing proven; rejects what has another shape."""
    read = Arguments(mapping(value, "quote", 3))
    terms = mapping(read.required("terms"), "terms", 32)
    signed = SignedQuote(
        quote=_read_terms(Arguments(terms)),
        encoded=encode(terms),
        key=read.fixed("key", PUBLIC_KEY_BYTES),
        signature=read.fixed("signature", SIGNATURE_BYTES),
    )
    read.end()
    return signed


def use_quote(
    context: Context, signed: SignedQuote, payer: str, pair: tuple[str, str], side: str, amount: int
) -> Exchange:
    """Return both amounts of an exchange by a quote, and count what is used of it.

    ``payer`` is the organisation that pays, ``pair`` the currencies that it wants to exchange. The first check that
    fails rejects: UNKNOWN_PROVIDER, QUOTE_SIGNATURE_WRONG, QUOTE_NOT_YET_VALID, QUOTE_EXPIRED, QUOTE_HEIGHT_PASSED,
    QUOTE_CANCELLED, QUOTE_FOR_ANOTHER, QUOTE_PAIR_DIFFERS, QUOTE_SIDE_DIFFERS, QUOTE_ACCOUNT_WRONG,
    QUOTE_AMOUNT_OUT_OF_RANGE, QUOTE_EXHAUSTED, AMOUNT_TOO_SMALL.
    """
    quote = signed.quote
    _check_signed(context, signed)
    _check_in_force(context, quote)
    if quote.beneficiary not in (None, payer):
        raise Rejected(ResultCode.QUOTE_FOR_ANOTHER, f"it was given to {quote.beneficiary}")
    if pair != (quote.source_currency, quote.target_currency):
        quoted = f"{quote.source_currency} to {quote.target_currency}"
        raise Rejected(ResultCode.QUOTE_PAIR_DIFFERS, f"{pair[0]} to {pair[1]}, but quoted is {quoted}")
    if side != quote.side:
        raise Rejected(ResultCode.QUOTE_SIDE_DIFFERS, f"the quote fixes what is {quote.side}")
    _check_account(context, quote, quote.source_account, quote.source_currency)
    _check_account(context, quote, quote.target_account, quote.target_currency)
    if quote.fee is not None:
        borne_in = quote.source_currency if quote.fee.bearer == PAYER else quote.target_currency
        _check_account(context, quote, quote.fee.account, borne_in)
    if not quote.minimum <= amount <= quote.maximum:
        raise Rejected(ResultCode.QUOTE_AMOUNT_OUT_OF_RANGE, f"{amount} is not in {quote.minimum}..{quote.maximum}")
    key = heads.quote(quote.provider, quote.identifier)
    used = cast(int, (context.get(key) or {"used": 0})["used"]) + amount
    if used > quote.capacity:
        raise Rejected(ResultCode.QUOTE_EXHAUSTED, f"{quote.capacity - used + amount} of {quote.capacity} is left")
    exponents = exponent(context, quote.source_currency), exponent(context, quote.target_currency)
    exchange = (fixed_send if side == SEND else fixed_receive)(amount, quote.rate, *exponents)
    if exchange.source_amount > AMOUNT_MAX or exchange.target_amount > AMOUNT_MAX:
        raise Rejected(ResultCode.QUOTE_AMOUNT_OUT_OF_RANGE, f"a side would be over {AMOUNT_MAX}")
    context.put(key, {"used": used})
    return exchange


def cancel_quotes(context: Context, arguments: dict[str, Value]) -> Value:
    """Cancel every quote of the signer's organisation whose nonce is below a floor, which only rises."""
    read = Arguments(arguments)
    nonce = read.integer("nonce_floor", 1)
    read.end()
    key = heads.quote_floor(context.member)
    if nonce <= _floor(context, context.member):
        raise Rejected(ResultCode.NONCE_FLOOR_NOT_RAISED, f"it stands at {_floor(context, context.member)}")
    context.put(key, {"nonce": nonce})
    return None


def exponent(context: Context, currency: str) -> int:
    """Return the number of decimals of a currency's major unit."""
    head = context.get(heads.currency(currency))
    if head is None:
        raise Rejected(ResultCode.UNKNOWN_CURRENCY, f"{currency} is not defined")
    return cast(int, head["exponent"])


def _read_terms(read: Arguments) -> Quote:
    read.integer("version", 1, 1)
    quote = Quote(
        identifier=read.fixed("id", QUOTE_ID_BYTES),
        provider=read.identifier("provider", ORGANISATION_LENGTH_MAX),
        source_account=read.identifier("source_account", ACCOUNT_ID_BYTES_MAX),
        target_account=read.identifier("target_account", ACCOUNT_ID_BYTES_MAX),
        source_currency=read.identifier("source_currency", 12),
        target_currency=read.identifier("target_currency", 12),
        side=read.choice("side", SIDES),
        rate=read_rate(read.required("rate"), "rate"),
        minimum=read.integer("minimum", 1, AMOUNT_MAX),
        maximum=read.integer("maximum", 1, AMOUNT_MAX),
        capacity=read.integer("capacity", 1, AMOUNT_MAX),
        fee=_read_fee(read),
        not_before_ms=read.integer("not_before_ms"),
        expires_ms=read.integer("expires_ms"),
        max_height=read.integer("max_height"),
        beneficiary=read.optional_identifier("beneficiary", ORGANISATION_LENGTH_MAX),
        nonce=read.integer("nonce"),
    )
    read.end()
    return quote


def _read_fee(read: Arguments) -> Fee | None:
    if not any(read.has(name) for name in _FEE_FIELDS):
        return None
    fee = Fee(
        fixed=read.optional_integer("fee_fixed", 0, AMOUNT_MAX) or 0,
        basis_points=read.optional_integer("fee_basis_points", 0, BASIS_POINTS) or 0,
        cap=read.optional_integer("fee_cap", 1, AMOUNT_MAX),
        bearer=read.choice("fee_bearer", frozenset({PAYER, PAYEE})),
        account=read.identifier("fee_account", ACCOUNT_ID_BYTES_MAX),
    )
    if not fee.fixed and not fee.basis_points:
        refuse("a fee has a fixed part, basis points, or both")
    return fee


def _check_signed(context: Context, signed: SignedQuote) -> None:
    provider = signed.quote.provider
    # A promise that cannot be called back is none: who gives quotes may cancel them.
    if not signs_for(context.get, signed.key, provider, _CANCEL, context.block.time_ms):
        raise Rejected(ResultCode.UNKNOWN_PROVIDER, f"{signed.key.hex()} gives no quotes for {provider} now")
    if not verify(signed.key, quote_preimage(context.block.chain_id, signed.encoded), signed.signature):
        raise Rejected(ResultCode.QUOTE_SIGNATURE_WRONG, "it is not the signature of these terms for this chain")


def _check_in_force(context: Context, quote: Quote) -> None:
    block = context.block
    if block.time_ms < quote.not_before_ms:
        raise Rejected(ResultCode.QUOTE_NOT_YET_VALID, f"it holds from {quote.not_before_ms} on")
    if block.time_ms >= quote.expires_ms:
        raise Rejected(ResultCode.QUOTE_EXPIRED, f"it held until {quote.expires_ms}")
    if block.height > quote.max_height:
        raise Rejected(ResultCode.QUOTE_HEIGHT_PASSED, f"it held until block {quote.max_height}")
    if quote.nonce < _floor(context, quote.provider):
        raise Rejected(ResultCode.QUOTE_CANCELLED, f"{quote.provider} has cancelled it")


def _check_account(context: Context, quote: Quote, identifier: str, currency: str) -> None:
    account = context.get(heads.account(identifier))
    if account is None or account["owner"] != quote.provider or account["currency"] != currency:
        raise Rejected(ResultCode.QUOTE_ACCOUNT_WRONG, f"{identifier} is no {currency} account of {quote.provider}")


def _floor(context: Context, provider: str) -> int:
    return cast(int, (context.get(heads.quote_floor(provider)) or {"nonce": 0})["nonce"])
