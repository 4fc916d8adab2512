"""Signatures are checked once however often a transaction comes at the same time, and no answer goes to another."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from ledger.codec import encode
from ledger.keys import SecretKey
from ledger.transaction import Operation, Transaction, decode_transaction, sign_transaction
from node import signature_checks
from node.admission import Refusal, signature_refusal
from node.signature_checks import SignatureChecks

KEY = SecretKey(b"\x21" * 32)


def signed(number: int) -> Transaction:
    nonce = number.to_bytes(16, "big")
    return sign_transaction(KEY, bytes(32), nonce, 1, [Operation("settlement.transfer", {})])


def forged(transaction: Transaction) -> Transaction:
    return decode_transaction(encode([transaction.body, bytes(64)]))


BATCH = [signed(number) for number in range(8)]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the bytes of every transaction whose signature was checked."""
    seen: list[bytes] = []

    def counting(transaction: Transaction) -> Refusal | None:
        seen.append(transaction.encoded)
        return signature_refusal(transaction)

    monkeypatch.setattr(signature_checks, "signature_refusal", counting)
    return seen


def test_two_who_bring_the_same_have_it_checked_once(checked: list[bytes]) -> None:
    async def both() -> tuple[list[Refusal | None], list[Refusal | None]]:
        checks = SignatureChecks()
        first, second = await asyncio.gather(checks.refusals(BATCH), checks.refusals(list(reversed(BATCH))))
        return first, second

    assert asyncio.run(both()) == ([None] * 8, [None] * 8)
    assert sorted(checked) == sorted(each.encoded for each in BATCH)


def test_a_wrong_signature_never_stands_for_a_right_one() -> None:
    wrong = [forged(each) for each in BATCH]
    assert [each.transaction_id for each in wrong] == [each.transaction_id for each in BATCH]

    async def both() -> tuple[list[bool], list[bool]]:
        checks = SignatureChecks()
        bad, good = await asyncio.gather(checks.refusals(wrong), checks.refusals(BATCH))
        return [each is None for each in bad], [each is None for each in good]

    assert asyncio.run(both()) == ([False] * 8, [True] * 8)


@pytest.mark.parametrize("count", [1, 4, 5, 8])
def test_few_and_many_are_answered_alike_and_in_order(count: int) -> None:
    mixed = [forged(each) if index % 2 else each for index, each in enumerate(BATCH[:count])]
    found = asyncio.run(SignatureChecks().refusals(mixed))
    assert [None if each is None else each.code for each in found] == [
        "transaction.bad_signature" if index % 2 else None for index in range(count)
    ]


def test_one_who_gives_up_takes_nothing_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()

    def slow(transactions: Sequence[Transaction]) -> list[Refusal | None]:
        assert going.wait(10)
        return [signature_refusal(each) for each in transactions]

    monkeypatch.setattr(signature_checks, "_check", slow)

    async def scenario() -> list[Refusal | None]:
        checks = SignatureChecks()
        first = asyncio.create_task(checks.refusals(BATCH))
        second = asyncio.create_task(checks.refusals(BATCH))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        going.set()
        found = await second
        assert first.cancelled()
        return found

    assert asyncio.run(scenario()) == [None] * 8


def test_nothing_is_kept_of_what_was_checked() -> None:
    async def twice() -> int:
        checks = SignatureChecks()
        await checks.refusals(BATCH)
        await checks.refusals(BATCH)
        await asyncio.sleep(0)
        return len(checks._running)

    assert asyncio.run(twice()) == 0


def test_who_waits_for_checks_to_finish_finds_them_told() -> None:
    async def scenario() -> list[str]:
        checks, seen = SignatureChecks(), list[str]()

        async def check() -> None:
            await checks.refusals(BATCH)
            seen.append("told")

        async def wait() -> None:
            await checks.finished([bytes(32), BATCH[3].transaction_id])
            seen.append("finished")

        await asyncio.gather(check(), wait())
        await checks.finished([BATCH[3].transaction_id])
        return seen

    assert asyncio.run(scenario()) == ["told", "finished"]
