"""Bundles with their transactions as a list of base64url texts in place of the stream, for tests that change them."""

from typing import Any

from ledger.codec import decode, encode
from ledger.errors import LedgerError
from ledger.proof.json_text import bytes_of, to_base64url
from ledger.proof.stream import TRANSACTIONS_BYTES_MAX, inflated
from node.proof_parts import deflated


def transactions_of(bundle: Any) -> list[str]:
    """Return the transactions of a bundle whose stream is whole."""
    entries = decode(inflated(bytes_of(bundle["transactions"], "transactions", TRANSACTIONS_BYTES_MAX)))
    assert isinstance(entries, list), "the stream holds a list"
    return [to_base64url(entry) for entry in entries if isinstance(entry, bytes)]


def encoded_list(transactions: list[Any]) -> bytes:
    """Return what a stream of transactions holds; what is no text stands in the list as it is."""
    return encode([bytes_of(one, "transaction", 1 << 22) if type(one) is str else one for one in transactions])


def opened(bundle: Any) -> Any:
    """Return a bundle with the list; one that has no stream to open stays as it is."""
    try:
        return {**bundle, "transactions": transactions_of(bundle)}
    except (LedgerError, KeyError, TypeError):
        return bundle


def closed(bundle: Any) -> Any:
    """Return a bundle with the stream of its list; one that has no list stays as it is."""
    if type(bundle) is not dict or type(bundle.get("transactions")) is not list:
        return bundle
    return {**bundle, "transactions": to_base64url(deflated(encoded_list(bundle["transactions"])))}
