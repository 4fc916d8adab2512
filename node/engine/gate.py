"""The gate for peers' messages: shape, then signatures. What passes is authentic; what does not has one reason.

A message is measured by the validators of the height that it is about, not by those of the height in progress.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from consensus.authenticate import Authentic, Rejected, authenticate
from consensus.messages import decode_message
from ledger.errors import LedgerError
from ledger.keys import Verifier, verify
from ledger.validators import ValidatorSet

ValidatorsOf: TypeAlias = Callable[[int], ValidatorSet]
"""height -> its validators, or the newest known ones where they are not known yet."""

Gate: TypeAlias = Callable[[bytes, ValidatorsOf], Authentic | str]
"""(encoded message, validators by height) -> the message, or the stable name of the reason why it is dropped."""


def remembering(verifier: Verifier, entries_max: int = 8_192) -> Verifier:
    """Return a verifier that does not check again what it found good lately.

    A proposal above view 0 carries a quorum of view changes, each with a quorum of votes; without memory whoever sends
    one could make everybody verify them all, again and again.
    """
    good: OrderedDict[tuple[bytes, bytes, bytes], None] = OrderedDict()

    def verify_once(public_key: bytes, message: bytes, signature: bytes) -> bool:
        entry = (public_key, message, signature)
        if entry in good:
            return True
        if not verifier(public_key, message, signature):
            return False
        good[entry] = None
        if len(good) > entries_max:
            good.popitem(last=False)
        return True

    return verify_once


def open_gate(chain_id: bytes, verifier: Verifier = verify) -> Gate:
    """Return the gate of a chain, with a memory of its own."""
    verify_once = remembering(verifier)

    def admit(data: bytes, validators_of: ValidatorsOf) -> Authentic | str:
        try:
            signed = decode_message(data)
        except LedgerError as error:
            return error.code
        verdict = authenticate(signed, validators_of(signed.message.height), chain_id, verify_once)
        return str(verdict.reason) if isinstance(verdict, Rejected) else verdict

    return admit
