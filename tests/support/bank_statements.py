"""Statements made of plain numbers, for their messages."""

from collections.abc import Sequence

from tradelane import Account, Entry, Point, Statement, make_statement

MINUTE_MS = 60_000


def entry_of(number: int, amount: int, start_ms: int, **more: object) -> Entry:
    """Return an entry of an account: block by block, one a minute."""
    fields = {"uetr": more.get("uetr")}
    return Entry(
        number=number,
        height=number + 1,
        time_ms=start_ms + number * MINUTE_MS,
        transaction=f"{number:064x}",
        transfer=None,
        kind=str(more.get("kind", "transfer")),
        counterparty=str(more.get("counterparty", "brand/USD")),
        posted=amount,
        pending=0,
        currency=str(more.get("currency", "USD")),
        reference=None if more.get("reference") is None else str(more["reference"]),
        fields=dict(fields),  # type: ignore[arg-type]  # texts and None
    )


def account_of(
    amounts: Sequence[int], *, exponent: int = 2, currency: str = "USD", name: str = "retailer/USD"
) -> Account:
    """Return the account that these amounts were posted to."""
    return Account(
        id="retailer/USD",
        owner="retailer",
        currency="USD",
        exponent=exponent,
        debits_posted=-sum(amount for amount in amounts if amount < 0),
        credits_posted=sum(amount for amount in amounts if amount > 0),
        debits_pending=0,
        credits_pending=0,
        status="open",
        height=len(amounts) + 5,
        fields={"issuer": "warehouse"},
    )


def statement_of(
    amounts: Sequence[int],
    start_ms: int,
    *,
    exponent: int = 2,
    start: Point | None = None,
    end: Point | None = None,
    **more: object,
) -> Statement:
    """Return the statement of an account to which these amounts were posted one after the other."""
    entries = [entry_of(number, amount, start_ms, **more) for number, amount in enumerate(amounts, 1)]
    return make_statement(account_of(amounts, exponent=exponent), entries, start, end)
