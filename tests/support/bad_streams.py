"""Bundles whose transactions are no stream, or one that is cut, goes on, grows too large or holds something else."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from ledger.codec import encode
from ledger.limits import TRANSACTION_BYTES_MAX
from ledger.proof import RECORDS_MAX, TRANSACTIONS_BYTES_MAX, to_base64url
from ledger.proof.json_text import bytes_of
from node.proof_parts import deflated
from tests.support.bundle_changes import BadBundle, altered
from tests.support.opened_bundles import encoded_list, transactions_of
from tests.support.proof_chains import ProofChains


def bad_streams(chains: ProofChains) -> Iterator[BadBundle]:
    """Yield every one."""
    item = chains.good["item"]
    transactions = transactions_of(item)
    content = encoded_list(transactions)
    stream = deflated(content)

    def with_stream(name: str, data: bytes, reason: str = "transactions_stream") -> BadBundle:
        return altered(f"stream_{name}", reason, item, partial(_put, to_base64url(data)))

    yield altered("stream_null", "field_type", item, partial(_put, None))
    yield altered("stream_as_object", "field_type", item, partial(_put, {"0": transactions[0]}))
    yield with_stream("empty", b"")
    yield with_stream("cut", stream[:-1])
    yield with_stream("cut_to_half", stream[: len(stream) // 2])
    yield with_stream("without_last_block", _without_end(content))
    yield with_stream("longer", stream + b"\0")
    yield with_stream("twice", stream + stream)
    yield with_stream("of_reserved_block", b"\x07")
    # "aaa" told as one "a" and two bytes from 2 places back, where there is nothing.
    yield with_stream("from_before_its_start", b"\x4b\x04\x22\x00")
    yield with_stream("in_zlib", zlib.compress(content, 9))
    yield with_stream("not_compressed", content)
    yield with_stream("bomb", deflated(bytes(TRANSACTIONS_BYTES_MAX + 1)))
    yield with_stream("bomb_of_one_transaction", deflated(encode([bytes(TRANSACTIONS_BYTES_MAX)])))
    for name, other in (
        ("of_nothing", b""),
        ("of_zeros", bytes(TRANSACTIONS_BYTES_MAX)),
        ("with_more_inside", content + b"\0"),
        ("of_no_list", encode({})),
        ("of_one_transaction_alone", bytes_of(transactions[0], "transaction", TRANSACTION_BYTES_MAX)),
        ("of_too_many", encode([b""] * (RECORDS_MAX + 1))),
        ("of_large_transaction", encode([bytes(TRANSACTION_BYTES_MAX + 1)])),
    ):
        yield with_stream(name, deflated(other), "transaction_encoding")


def _put(value: Any, bundle: Any) -> None:
    bundle["transactions"] = value


def _without_end(content: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush(zlib.Z_SYNC_FLUSH)
