"""The pen: what our key signs. A slot (height, view, type) is signed once, and is on the disk before it leaves.

Two contradicting votes of one validator are what the protocol cannot forgive, so there is no other way to sign.
"""

from consensus.effects import Effect, Persist, Report, ReportKind, SafetyRecord
from consensus.height import HeightState
from consensus.messages import Message, SignedMessage, Signer, Status, sign_message, statement_of, tag_of


class Pen:
    """Signs for one key; what it orders goes to the end of ``effects``."""

    def __init__(self, key: Signer, chain_id: bytes, effects: list[Effect]) -> None:
        self._key = key
        self._chain_id = chain_id
        self._effects = effects
        self._is_silenced = False

    @property
    def public_key(self) -> bytes:
        """The key that signs."""
        return self._key.public_key

    @property
    def is_silenced(self) -> bool:
        """Whether the key was seen signing elsewhere; it signs no vote any more."""
        return self._is_silenced

    def sign(self, state: HeightState, message: Message, records: tuple[SafetyRecord, ...]) -> SignedMessage | None:
        """Sign for a slot of this height, with the order to persist it and ``records``; None where that is refused.

        A slot that was signed before gives the same bytes again if they say the same, and is refused if they differ.
        """
        if self._is_silenced:
            return None
        slot = (tag_of(message), message.view)
        held = state.sent.get(slot)
        if held is not None:
            if statement_of(held.message) == statement_of(message):
                return held
            where = f"{slot[0]} at height {message.height} view {message.view}"
            self._effects.append(Report(ReportKind.DOUBLE_SIGN_REFUSED, where))
            return None
        signed = sign_message(self._key, self._chain_id, message)
        state.sent[slot] = signed
        own = SafetyRecord(message.height, message.view, slot[0], signed.encoded)
        self._effects.append(Persist((*records, own)))
        return signed

    def sign_status(self, status: Status) -> SignedMessage:
        """Sign a status, which binds nobody and takes no slot."""
        return sign_message(self._key, self._chain_id, status)

    def look_at_own(self, state: HeightState, signed: SignedMessage) -> None:
        """Look at a message that our own key signed: an echo is harmless, anything else means a second holder."""
        message = signed.message
        known = state.sent.get((tag_of(message), message.view))
        is_ours = isinstance(message, Status) or message.height != state.height
        if is_ours or (known is not None and known.signature == signed.signature):
            self._effects.append(Report(ReportKind.OWN_MESSAGE, tag_of(message), signed.sender))
            return
        self._is_silenced = True
        self._effects.append(
            Report(
                ReportKind.OWN_KEY_ELSEWHERE,
                f"our key signed a {tag_of(message)} for height {message.height} view {message.view} that this node "
                f"did not sign; voting has stopped",
                signed.sender,
            )
        )
