"""The stream that holds the transactions of a bundle: raw deflate (RFC 1951), inflated under a limit.

Events repeat themselves and each other, so that what is encoded in base64url is a fourth of them. Compressed bytes are
not bound by any hash: the same content has many streams. What it inflates to is bound, like all else.
"""

import zlib
from typing import Final

from ledger.codec import SIZE_BYTES_MAX
from ledger.errors import ProofError

TRANSACTIONS_BYTES_MAX: Final = SIZE_BYTES_MAX
"""How many bytes the transactions of a bundle may have, encoded as one list, before they are compressed and after."""

_RAW: Final = -zlib.MAX_WBITS


def inflated(data: bytes) -> bytes:
    """Return what a whole stream holds; no byte beyond the limit is ever made. Raises ProofError."""
    inflater = zlib.decompressobj(_RAW)
    try:
        content = inflater.decompress(data, TRANSACTIONS_BYTES_MAX + 1)
    except zlib.error as error:
        raise ProofError("transactions_stream", f"the transactions are no deflate stream: {error}") from error
    # One reason for all of these: which of them a reader meets first depends on the pieces in which it inflates.
    if len(content) > TRANSACTIONS_BYTES_MAX:
        raise ProofError("transactions_stream", f"the transactions are more than {TRANSACTIONS_BYTES_MAX} bytes")
    if not inflater.eof or inflater.unused_data:
        raise ProofError("transactions_stream", "the deflate stream of the transactions is cut, or bytes follow it")
    return content
