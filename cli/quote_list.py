"""`tradelane quote list`: quotes in files, beside what the ledger knows of each: what is left, and whether it holds."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from cli.formatting import time_text
from cli.output import table
from cli.quote_file import QuoteFile, is_quote_file, read_quote_file
from cli.session import JsonOption, NetworkOption, NodeOption, open_session
from contracts.settlement.quotes import SEND, Quote
from contracts.settlement.rates import rate_text
from ledger.readable import Json
from tradelane import QuoteUse, format_amount

_OTHER_CHAIN: Final = "of another chain"
LIST_EPILOG: Final = """\b
Examples:
  tradelane quote list
  tradelane quote list quotes/ --json
  tradelane quote list monday.json tuesday.json
"""


def list_quotes(
    context: typer.Context,
    places: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|FOLDER]...", help="Quotes, or folders of them; else this folder."),
    ] = None,
    *,
    node: NodeOption = None,
    network: NetworkOption = None,
    json: JsonOption = False,
) -> None:
    """List quotes that you keep as files: what is left of each, and whether it still holds.

    A quote is not on the ledger before somebody pays by it. So the files say what was promised, and the ledger what
    was used of it and what its provider has cancelled. Files of a folder that hold no quote are passed over.
    """
    session = open_session(context, json=json, node=node, network=network)
    files = [file for place in places or [Path()] for file in _files(place)]
    shown: list[Json] = []
    rows = table("file", ">rate", "pair", ">left", "until", "state")
    with session.client() as client:
        chain_id = client.status().chain_id
        for file in files:
            found = read_quote_file(file)
            quote = found.quote
            use = client.quote_use(quote.provider, quote.identifier.hex())
            state = _state(found, use, chain_id, time.time_ns() // 1_000_000)
            left = max(0, quote.capacity - use.used)
            account = quote.source_account if quote.side == SEND else quote.target_account
            currency = quote.source_currency if quote.side == SEND else quote.target_currency
            # A quote of another chain names accounts that are not on this one.
            exponent = client.account(account).exponent if state != _OTHER_CHAIN else None
            amount = f"{left} minor units" if exponent is None else f"{format_amount(left, exponent)} {currency}"
            pair = f"{quote.source_currency} to {quote.target_currency}"
            rows.add_row(escape(str(file)), rate_text(quote.rate), pair, amount, time_text(quote.expires_ms), state)
            shown.append({"file": str(file), **_json(quote), "left": left, "state": state, **use.fields})
    session.output.result(shown, rows if files else "no quotes here; `tradelane quote new` writes one")


def _files(place: Path) -> Sequence[Path]:
    """Return a file that was named, or those of a folder that say that they are quotes."""
    return [file for file in sorted(place.glob("*.json")) if is_quote_file(file)] if place.is_dir() else [place]


def _state(found: QuoteFile, use: QuoteUse, chain_id: str, now_ms: int) -> str:
    """Return the first thing that speaks against a quote, or that it holds."""
    quote = found.quote
    reasons: Sequence[tuple[bool, str]] = (
        (found.chain_id.hex() != chain_id, _OTHER_CHAIN),
        (not found.is_signed, "signature wrong"),
        (quote.nonce < use.nonce_floor, "cancelled"),
        (use.used >= quote.capacity, "used up"),
        (quote.expires_ms <= now_ms, "over"),
        (now_ms < quote.not_before_ms, "not yet valid"),
    )
    return next((text for applies, text in reasons if applies), "open")


def _json(quote: Quote) -> dict[str, Json]:
    return {
        "rate": rate_text(quote.rate),
        "source_currency": quote.source_currency,
        "target_currency": quote.target_currency,
        "side": quote.side,
        "capacity": quote.capacity,
        "expires_ms": quote.expires_ms,
        "nonce": quote.nonce,
    }
