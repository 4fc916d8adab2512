"""The signature gate: from a decoded message to one that the replica may believe was sent.

``authenticate`` is pure and may run in any thread. It checks who sent the message and every certificate and view
change inside it, so ``Replica.step`` never sees a signature. Whether the message fits the replica's state is not
asked here.
"""

from dataclasses import dataclass
from enum import StrEnum

from consensus.messages import Message, PrePrepare, SignedMessage, ViewChange, preimage
from ledger import keys
from ledger.certificate import Certificate, VoteKind
from ledger.keys import Verifier
from ledger.validators import ValidatorSet


class RejectionReason(StrEnum):
    """Why a message is dropped unheard."""

    NOT_A_VALIDATOR = "not_a_validator"
    BAD_SIGNATURE = "bad_signature"
    BAD_CERTIFICATE = "bad_certificate"
    CERTIFICATE_OF_ANOTHER_HEIGHT = "certificate_of_another_height"
    CERTIFICATE_NOT_BEFORE_VIEW = "certificate_not_before_view"
    PROPOSAL_OF_ANOTHER_HEIGHT = "proposal_of_another_height"
    VIEW_CHANGE_OF_ANOTHER_VIEW = "view_change_of_another_view"
    VIEW_CHANGE_TWICE = "view_change_twice"
    VIEW_CHANGES_WITHOUT_NEED = "view_changes_without_need"
    NO_QUORUM_OF_VIEW_CHANGES = "no_quorum_of_view_changes"


@dataclass(frozen=True, slots=True)
class Authentic:
    """A message of a validator whose every signature was checked; made by ``authenticate`` alone.

    ``validators`` are those that it was measured by: every index in it is a place among them.
    """

    signed: SignedMessage
    sender_index: int
    validators: ValidatorSet

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.signed.message


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that nobody can be held to."""

    reason: RejectionReason


def authenticate(
    signed: SignedMessage, validators: ValidatorSet, chain_id: bytes, verifier: Verifier = keys.verify
) -> Authentic | Rejected:
    """Return the message as authentic for these validators, or why it is not. Cheap checks stand first."""
    sender_index = validators.index_of(signed.sender)
    if sender_index is None:
        return Rejected(RejectionReason.NOT_A_VALIDATOR)
    message = signed.message
    broken = _broken_form(message, validators)
    if broken is not None:
        return Rejected(broken)
    if not verifier(signed.sender, preimage(chain_id, message), signed.signature):
        return Rejected(RejectionReason.BAD_SIGNATURE)
    if isinstance(message, PrePrepare):
        for change in message.view_changes:
            verdict = authenticate(change, validators, chain_id, verifier)
            if isinstance(verdict, Rejected):
                return verdict
    if (
        isinstance(message, ViewChange)
        and message.prepared is not None
        and not _is_certified(message.prepared, validators, chain_id, verifier)
    ):
        return Rejected(RejectionReason.BAD_CERTIFICATE)
    return Authentic(signed, sender_index, validators)


def _broken_form(message: Message, validators: ValidatorSet) -> RejectionReason | None:
    """Return what is wrong between the parts of a message, whoever signed it."""
    if isinstance(message, ViewChange) and message.prepared is not None:
        if message.prepared.height != message.height:
            return RejectionReason.CERTIFICATE_OF_ANOTHER_HEIGHT
        if message.prepared.view >= message.view:
            return RejectionReason.CERTIFICATE_NOT_BEFORE_VIEW
        if message.proposal is not None and message.proposal.header.height != message.height:
            return RejectionReason.PROPOSAL_OF_ANOTHER_HEIGHT
    if isinstance(message, PrePrepare):
        return _broken_pre_prepare(message, validators)
    return None


def _broken_pre_prepare(message: PrePrepare, validators: ValidatorSet) -> RejectionReason | None:
    if message.proposal.header.height != message.height:
        return RejectionReason.PROPOSAL_OF_ANOTHER_HEIGHT
    if message.view == 0:
        return RejectionReason.VIEW_CHANGES_WITHOUT_NEED if message.view_changes else None
    for change in message.view_changes:
        if (change.message.height, change.message.view) != (message.height, message.view):
            return RejectionReason.VIEW_CHANGE_OF_ANOTHER_VIEW
    senders = {change.sender for change in message.view_changes}
    if len(senders) != len(message.view_changes):
        return RejectionReason.VIEW_CHANGE_TWICE
    if len(senders) < validators.quorum:
        return RejectionReason.NO_QUORUM_OF_VIEW_CHANGES
    return None


def _is_certified(certificate: Certificate, validators: ValidatorSet, chain_id: bytes, verifier: Verifier) -> bool:
    return certificate.refusal(VoteKind.PREPARE, validators, chain_id, verifier) is None
