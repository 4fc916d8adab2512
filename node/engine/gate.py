"""The gate for peers' messages: shape, then signatures. What passes is authentic; what does not has one reason."""

from collections.abc import Callable
from typing import TypeAlias

from consensus.authenticate import Authentic, Rejected, authenticate
from consensus.messages import decode_message
from ledger.errors import LedgerError
from ledger.keys import Verifier, verify
from ledger.validators import ValidatorSet

Gate: TypeAlias = Callable[[bytes, ValidatorSet], Authentic | str]
"""(encoded message, validators of the height) -> the message, or the stable name of the reason why it is dropped."""


def open_gate(chain_id: bytes, verifier: Verifier = verify) -> Gate:
    """Return the gate of a chain."""

    def admit(data: bytes, validators: ValidatorSet) -> Authentic | str:
        try:
            signed = decode_message(data)
        except LedgerError as error:
            return error.code
        verdict = authenticate(signed, validators, chain_id, verifier)
        return str(verdict.reason) if isinstance(verdict, Rejected) else verdict

    return admit
