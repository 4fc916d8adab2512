"""The gate's memory: what was found good is not verified again, what was bad always is, and it is bounded."""

from consensus.authenticate import Authentic
from consensus.messages import PrePrepare, SignedMessage, sign_message, with_signature, without_proposal
from node.engine.gate import open_gate, remembering
from tests.sim.keys import StubKey, stub_verify
from tests.support.replicas import KEYS, Bench
from tests.support.toy_chain import CHAIN_ID


class Counting:
    """A verifier that counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        self.calls += 1
        return stub_verify(public_key, message, signature)


ONE, OTHER = StubKey(b"one"), StubKey(b"other")


def test_the_same_triple_is_verified_once() -> None:
    counting = Counting()
    verify = remembering(counting)
    for _ in range(5):
        assert verify(b"one", b"message", ONE.sign(b"message"))
    assert counting.calls == 1


def test_every_part_of_the_triple_counts() -> None:
    counting = Counting()
    verify = remembering(counting)
    signature = ONE.sign(b"message")
    assert verify(b"one", b"message", signature)
    assert not verify(b"other", b"message", signature)
    assert not verify(b"one", b"other message", signature)
    assert not verify(b"one", b"message", OTHER.sign(b"message"))
    assert counting.calls == 4


def test_what_was_bad_is_never_remembered() -> None:
    counting = Counting()
    verify = remembering(counting, 2)
    for _ in range(5):
        assert not verify(b"one", b"message", bytes(64))
    assert counting.calls == 5
    assert verify(b"one", b"message", ONE.sign(b"message"))
    assert not verify(b"one", b"message", bytes(64))


def test_the_oldest_is_forgotten_beyond_the_bound() -> None:
    counting = Counting()
    verify = remembering(counting, 3)
    signed = [(b"one", bytes([number]), ONE.sign(bytes([number]))) for number in range(4)]
    for triple in signed:
        assert verify(*triple)
    assert counting.calls == 4
    for triple in signed[1:]:
        assert verify(*triple)
    assert counting.calls == 4, "the newest three are there"
    assert verify(*signed[0])
    assert counting.calls == 5


def test_two_gates_share_no_memory() -> None:
    counting = Counting()
    for verify in (remembering(counting), remembering(counting)):
        assert verify(b"one", b"message", ONE.sign(b"message"))
    assert counting.calls == 2


def proposal_of_ten() -> tuple[Bench, SignedMessage]:
    """Return the proposal of view 1 among ten, in which each of a quorum shows a certificate of its own view 0."""
    bench = Bench(count=10)
    block = bench.block()
    changes = [
        without_proposal(bench.view_change(index, 1, bench.certificate(block, signers=signers), block))
        for index, signers in enumerate(
            [range(7), range(1, 8), range(2, 9), range(3, 10), range(7), range(7), range(7)]
        )
    ]
    message = PrePrepare(1, 1, block, tuple(changes))
    return bench, sign_message(KEYS[bench.proposer(1)], CHAIN_ID, message)


def test_a_proposal_that_comes_twice_costs_its_signatures_once() -> None:
    bench, signed = proposal_of_ten()
    counting = Counting()
    admit = open_gate(CHAIN_ID, counting)
    verdict = admit(signed.encoded, lambda height: bench.validators)
    assert isinstance(verdict, Authentic), verdict
    assert counting.calls == 1 + 7 + 10, "its own, one of each view change, one PREPARE of each of the ten"
    assert isinstance(admit(signed.encoded, lambda height: bench.validators), Authentic)
    assert counting.calls == 18


def test_another_sender_of_the_same_view_changes_pays_for_its_own_signature_alone() -> None:
    bench, signed = proposal_of_ten()
    counting = Counting()
    admit = open_gate(CHAIN_ID, counting)
    admit(signed.encoded, lambda height: bench.validators)
    again = sign_message(KEYS[0], CHAIN_ID, signed.message)
    assert isinstance(admit(again.encoded, lambda height: bench.validators), Authentic)
    assert counting.calls == 19


def test_a_forged_signature_is_refused_however_often_the_good_one_was_seen() -> None:
    bench, signed = proposal_of_ten()
    counting = Counting()
    admit = open_gate(CHAIN_ID, counting)
    admit(signed.encoded, lambda height: bench.validators)
    forged = with_signature(signed.message, signed.sender, bytes(64))
    for calls in (19, 20):
        assert admit(forged.encoded, lambda height: bench.validators) == "bad_signature"
        assert counting.calls == calls


def test_junk_costs_no_signature() -> None:
    counting = Counting()
    admit = open_gate(CHAIN_ID, counting)
    bench = Bench()
    assert admit(b"\x93", lambda height: bench.validators) == "not_msgpack"
    assert counting.calls == 0
