"""Admission and the pool: one reason a refusal, and bounds that hold."""

import pytest

from ledger.keys import SecretKey
from ledger.parameters import Parameters
from ledger.transaction import Operation, Transaction, sign_transaction
from node.admission import Refusal, RefusalKind, decode_submission, refusal_of, signature_refusal
from node.mempool import Mempool, MempoolLimits

CHAIN_ID = b"\x01" * 32
KEY = SecretKey(b"\x02" * 32)
OTHER_KEY = SecretKey(b"\x03" * 32)
NOW_MS = 1_000_000
PARAMETERS = Parameters(transaction_operations_max=2, transaction_bytes_max=2_000)


def signed(
    nonce: int = 0, valid_until_ms: int = NOW_MS + 1_000, operations: int = 1, key: SecretKey = KEY
) -> Transaction:
    calls = [Operation("a.b", {"n": n}) for n in range(operations)]
    return sign_transaction(key, CHAIN_ID, nonce.to_bytes(16, "big"), valid_until_ms, calls)


def refused(transaction: Transaction, chain_id: bytes = CHAIN_ID, *, committed: bool = False) -> str | None:
    refusal = refusal_of(transaction, PARAMETERS, chain_id, NOW_MS, lambda _: committed)
    return None if refusal is None else refusal.code


def test_a_good_transaction_is_taken() -> None:
    assert refused(signed()) is None
    assert refused(signed(valid_until_ms=NOW_MS)) is None
    assert refused(signed(valid_until_ms=NOW_MS + PARAMETERS.transaction_validity_ms_max)) is None
    assert signature_refusal(signed()) is None


def test_each_rule_has_its_own_code() -> None:
    assert refused(signed(), b"\x09" * 32) == "transaction.wrong_chain"
    assert refused(signed(operations=3)) == "transaction.too_many_operations"
    assert refused(signed(valid_until_ms=NOW_MS - 1)) == "transaction.expired"
    too_long = NOW_MS + PARAMETERS.transaction_validity_ms_max + 1
    assert refused(signed(valid_until_ms=too_long)) == "transaction.validity_too_long"
    assert refused(signed(), committed=True) == "transaction.replayed"


def test_a_signature_of_another_key_or_chain_is_refused() -> None:
    transaction = signed()
    body_signed_for_another_chain = sign_transaction(
        KEY, b"\x09" * 32, transaction.nonce, transaction.valid_until_ms, transaction.operations
    )
    for signature in (signed(1).signature, body_signed_for_another_chain.signature, bytes(64)):
        forged = Transaction(
            chain_id=transaction.chain_id,
            sender=transaction.sender,
            nonce=transaction.nonce,
            valid_until_ms=transaction.valid_until_ms,
            operations=transaction.operations,
            signature=signature,
            transaction_id=transaction.transaction_id,
            body=transaction.body,
            encoded=transaction.encoded,
        )
        refusal = signature_refusal(forged)
        assert refusal is not None
        assert refusal.code == "transaction.bad_signature"


@pytest.mark.parametrize(
    ("encoded", "kind", "code"),
    [
        (b"", RefusalKind.MALFORMED, "transaction.malformed"),
        (b"\xc1", RefusalKind.MALFORMED, "transaction.malformed"),
        (b"\x92\xc4\x00\xc4\x00", RefusalKind.MALFORMED, "transaction.malformed"),
        (bytes(2_001), RefusalKind.TOO_LARGE, "transaction.too_large"),
    ],
)
def test_bytes_that_are_no_transaction(encoded: bytes, kind: RefusalKind, code: str) -> None:
    refusal = decode_submission(encoded, PARAMETERS)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.code) == (kind, code)


def test_the_pool_keeps_arrival_order_and_forgets_what_is_removed() -> None:
    pool = Mempool(MempoolLimits())
    transactions = [signed(nonce) for nonce in range(5)]
    for transaction in transactions:
        assert pool.add(transaction) is None
    assert pool.add(transactions[0]) is None
    assert [transaction.nonce[-1] for transaction in pool] == [0, 1, 2, 3, 4]
    pool.remove([transactions[1].transaction_id, b"\0" * 32])
    assert [transaction.nonce[-1] for transaction in pool] == [0, 2, 3, 4]
    assert pool.size_bytes == sum(len(transaction.encoded) for transaction in pool)
    pool.remove(transaction.transaction_id for transaction in transactions)
    assert (len(pool), pool.size_bytes) == (0, 0)


def test_the_pool_is_bounded_in_count_bytes_and_by_sender() -> None:
    size_bytes = len(signed().encoded)
    few = Mempool(MempoolLimits(transactions_max=2))
    for nonce in range(2):
        assert few.add(signed(nonce)) is None
    refusal = few.add(signed(2))
    assert refusal is not None
    assert (refusal.kind, refusal.code) == (RefusalKind.BUSY, "pool.full")

    small = Mempool(MempoolLimits(size_bytes_max=8 * size_bytes + 7))
    for nonce in range(2):
        assert small.add(signed(nonce)) is None
    refusal = small.add(signed(2))
    assert refusal is not None
    assert refusal.code == "pool.sender_quota"
    assert small.add(signed(0, key=OTHER_KEY)) is None
    small.remove([signed(0).transaction_id])
    assert small.add(signed(2)) is None


def test_the_pool_drops_what_expired() -> None:
    pool = Mempool(MempoolLimits())
    early, late = signed(0, NOW_MS + 1), signed(1, NOW_MS + 2)
    pool.add(early)
    pool.add(late)
    assert pool.expire(NOW_MS + 1) == []
    assert pool.expire(NOW_MS + 2) == [early.transaction_id]
    assert list(pool) == [late]


def test_the_pool_knows_when_something_can_expire_whatever_came_and_went() -> None:
    pool = Mempool(MempoolLimits())
    first, second, third = (signed(nonce, NOW_MS + deadline) for nonce, deadline in enumerate((5, 3, 9)))
    pool.add(first)
    pool.add(second)
    pool.remove([second.transaction_id])
    assert pool.expire(NOW_MS + 4) == []
    pool.add(third)
    assert pool.expire(NOW_MS + 6) == [first.transaction_id]
    pool.add(second)
    assert pool.expire(NOW_MS + 4) == [second.transaction_id]
    assert pool.expire(NOW_MS + 10) == [third.transaction_id]
    pool.add(first)
    assert pool.expire(NOW_MS + 5) == []
    assert pool.expire(NOW_MS + 6) == [first.transaction_id]
