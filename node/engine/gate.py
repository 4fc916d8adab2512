"""The gate for peers' messages: shape, then signatures. What passes is authentic; what does not has one reason.

A message is measured by the validators of the height that it is about, not by those of the height in progress.
"""

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


def open_gate(chain_id: bytes, verifier: Verifier = verify) -> Gate:
    """Return the gate of a chain."""

    def admit(data: bytes, validators_of: ValidatorsOf) -> Authentic | str:
        try:
            signed = decode_message(data)
        except LedgerError as error:
            return error.code
        verdict = authenticate(signed, validators_of(signed.message.height), chain_id, verifier)
        return str(verdict.reason) if isinstance(verdict, Rejected) else verdict

    return admit
