"""Quotes as files: what a provider hands to whoever is to pay by it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from cli.files import read_file, write_file
from contracts.results import Rejected
from contracts.settlement.quotes import Quote, quote_preimage, read_quote
from ledger.codec import Value
from ledger.errors import LedgerError
from ledger.keys import verify
from ledger.readable import Json, from_json, to_json
from tradelane import BadRequestError

_FORMAT: Final = "tradelane-quote/1"
_SIZE_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class QuoteFile:
    """A quote as a file holds it: for which chain, as an argument of a payment, and as its terms."""

    chain_id: bytes
    value: dict[str, Value]
    quote: Quote
    is_signed: bool


def write_quote_file(file: Path, chain_id: str, quote: dict[str, Value]) -> dict[str, Json]:
    """Write a signed quote and return what stands in the file; raises BadRequestError."""
    document: dict[str, Json] = {"format": _FORMAT, "chain_id": chain_id, "quote": to_json(quote)}
    write_file(file, json.dumps(document, indent=2) + "\n")
    return document


def is_quote_file(file: Path) -> bool:
    """Say whether a file says of itself that it is a quote; one that cannot be read says nothing."""
    try:
        document = json.loads(read_file(file, _SIZE_BYTES_MAX))
    except (BadRequestError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("format") == _FORMAT


def read_quote_file(file: Path) -> QuoteFile:
    """Return the quote in a file, its signature looked at; raises BadRequestError."""
    text = read_file(file, _SIZE_BYTES_MAX)
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError(f"it is no {_FORMAT} file")
        chain_id = bytes.fromhex(document["chain_id"])
        value = from_json(cast(Json, document["quote"]))
        signed = read_quote(value)
    except Rejected as rejected:
        hint = "ask the provider for a new one"
        raise BadRequestError("quote.terms", f"{file}: {rejected.detail}", hint) from rejected
    except (LedgerError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRequestError("quote.file", f"{file}: {error}", "give a file that `quote new` wrote") from error
    is_signed = verify(signed.key, quote_preimage(chain_id, signed.encoded), signed.signature)
    return QuoteFile(chain_id, cast("dict[str, Value]", value), signed.quote, is_signed)
