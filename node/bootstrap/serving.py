"""What a node answers to those who fetch a snapshot: pure functions of its store and the snapshots that it holds."""

from collections.abc import Callable

from ledger.codec import encode
from node.bootstrap.headers import CertifiedHeader
from node.bootstrap.snapshots import Snapshots
from node.bootstrap.wire import (
    HEADERS_PER_ANSWER_MAX,
    ROWS_BYTES_MAX,
    Tip,
    decode_rows_question,
    encode_headers,
    encode_rows,
    encode_tip,
)
from node.network.wire import BATCH_MAX, decode_range, encode_batch
from node.storage.store import Store

Answer = Callable[[bytes], "bytes | None"]


def snapshot_answers(store: Store, snapshots: Snapshots) -> dict[str, Answer]:
    """Return the answers by path below ``/p2p/``; each raises LedgerError on junk and gives None for "not here"."""

    def tip(_: bytes) -> bytes:
        return encode_tip(Tip(store.tip, store.certificate(store.tip.height), store.earliest_height))

    def snapshot(_: bytes) -> bytes | None:
        taken = snapshots.take()
        return None if taken is None else encode(taken.encoded)

    def rows(body: bytes) -> bytes | None:
        height, kind, after = decode_rows_question(body)
        found = snapshots.rows(height, kind, after)
        return None if found is None else encode_rows(found)

    def headers(body: bytes) -> bytes:
        first, last = decode_range(body)
        entries = []
        for height in range(first, min(last, store.tip.height, first + HEADERS_PER_ANSWER_MAX - 1) + 1):
            header, certificate = store.certified_header(height) or (None, None)
            if header is None or certificate is None:
                break
            is_change = header.next_validators_hash != header.validators_hash
            following = store.validators(header.next_validators_hash) if is_change else None
            entries.append(CertifiedHeader(header, certificate, following))
        return encode_headers(entries)

    def bodies(body: bytes) -> bytes:
        first, last = decode_range(body)
        found: list[bytes] = []
        size_bytes = 0
        for height in range(first, min(last, store.tip.height, first + BATCH_MAX - 1) + 1):
            row = store.encoded_body(height)
            if row is None or (found and size_bytes + len(row) > ROWS_BYTES_MAX):
                break
            found.append(row)
            size_bytes += len(row)
        return encode_batch(found)

    return {"tip": tip, "snapshot": snapshot, "snapshot/rows": rows, "headers": headers, "bodies": bodies}
