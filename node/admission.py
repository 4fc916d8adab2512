"""Admission: the checks that need no contract, the very same for a client's transaction and for a proposal.

If the pool took what a proposal may not hold, one bad transaction would depose every proposer in turn; so there is
one function. Cheap checks stand first, the signature last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ledger.errors import CodecError, LedgerError
from ledger.keys import Verifier, verify
from ledger.parameters import Parameters
from ledger.transaction import Transaction, decode_transaction

REPLAYED: Final = "transaction.replayed"


class RefusalKind(Enum):
    """What kind of answer a refusal is; the API gives each its HTTP status."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transaction is not taken: a stable code for machines, a text for people."""

    kind: RefusalKind
    code: str
    detail: str


def decode_submission(encoded: bytes, parameters: Parameters) -> Transaction | Refusal:
    """Return the transaction that the bytes encode, or why they encode none."""
    try:
        return decode_transaction(encoded, parameters.transaction_bytes_max)
    except CodecError as error:
        if error.code == "too_large":
            return Refusal(RefusalKind.TOO_LARGE, "transaction.too_large", str(error))
        return Refusal(RefusalKind.MALFORMED, "transaction.malformed", f"{error.code}: {error}")
    except LedgerError as error:
        return Refusal(RefusalKind.MALFORMED, "transaction.malformed", f"{error.code}: {error}")


def refusal_of(
    transaction: Transaction,
    parameters: Parameters,
    chain_id: bytes,
    time_ms: int,
    is_replay: Callable[[Transaction], bool],
) -> Refusal | None:
    """Return why the transaction may not be in a block of this time, or None. The signature is not checked here."""
    if transaction.chain_id != chain_id:
        return Refusal(
            RefusalKind.INVALID,
            "transaction.wrong_chain",
            f"it is signed for chain {transaction.chain_id.hex()[:16]}, this is {chain_id.hex()[:16]}",
        )
    # ``decode_submission`` looks at this too, but governance may lower the limit while a transaction waits.
    if len(transaction.encoded) > parameters.transaction_bytes_max:
        return Refusal(
            RefusalKind.TOO_LARGE,
            "transaction.too_large",
            f"{len(transaction.encoded)} bytes, at most {parameters.transaction_bytes_max} are accepted",
        )
    if len(transaction.operations) > parameters.transaction_operations_max:
        return Refusal(
            RefusalKind.TOO_LARGE,
            "transaction.too_many_operations",
            f"{len(transaction.operations)} operations, at most {parameters.transaction_operations_max} are accepted",
        )
    if transaction.valid_until_ms < time_ms:
        return Refusal(
            RefusalKind.INVALID,
            "transaction.expired",
            f"it was valid until {transaction.valid_until_ms}, the ledger's time is {time_ms}; sign it again",
        )
    if transaction.valid_until_ms - time_ms > parameters.transaction_validity_ms_max:
        return Refusal(
            RefusalKind.INVALID,
            "transaction.validity_too_long",
            f"valid_until_ms may lie at most {parameters.transaction_validity_ms_max} ms ahead; check the clock",
        )
    if is_replay(transaction):
        return Refusal(RefusalKind.CONFLICT, REPLAYED, "this transaction is committed already; ask for its receipt")
    return None


def signature_refusal(transaction: Transaction, verifier: Verifier = verify) -> Refusal | None:
    """Return the refusal of a transaction that its sender did not sign, or None."""
    if transaction.is_authentic(verifier):
        return None
    return Refusal(
        RefusalKind.UNAUTHENTICATED, "transaction.bad_signature", "the signature is not the sender's over this body"
    )
