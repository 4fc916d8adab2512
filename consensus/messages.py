"""The messages of the protocol and their one encoding.

encoded  = [tag, fields, sender key, signature]; the signature covers the tag's domain, the chain and ``signed_content``

A PREPARE or COMMIT signs exactly what a certificate holds (``ledger.certificate.vote_preimage``), so collected votes
are a certificate. What a PRE-PREPARE and a VIEW-CHANGE carry beside their signed content is bound by hash: a
proposal's header hashes to the block hash, its ids to the header's root.
"""

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from ledger.block import Header, decode_header, transactions_root
from ledger.certificate import (
    VIEW_MAX,
    Certificate,
    VoteKind,
    bitmap_of,
    certificate_from_value,
    indexes_of,
    vote_preimage,
)
from ledger.codec import Value, decode, encode
from ledger.errors import ShapeError
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, signed_preimage
from ledger.limits import BLOCK_TRANSACTIONS_MAX, INTEGER_MAX, VALIDATORS_MAX
from ledger.shape import as_array, as_blob, as_boolean, as_bytes, as_integer, as_list

MESSAGE_BYTES_MAX: Final = 8 * 1024 * 1024


class Signer(Protocol):
    """A key that signs; ``ledger.keys.SecretKey`` is one."""

    public_key: bytes

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """A header and the ids of the transactions of its block, which hash to the header's root."""

    header: Header
    transaction_ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PrePrepare:
    """The proposer's block for a view. Above view 0 it carries the quorum of view changes that entitles it."""

    height: int
    view: int
    proposal: Proposal
    view_changes: tuple["SignedMessage", ...]


@dataclass(frozen=True, slots=True)
class Prepare:
    """A vote: I checked this block and saw no other proposed in this view."""

    height: int
    view: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """A vote: a quorum prepared this block, and I am locked on it."""

    height: int
    view: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class ViewChange:
    """I want this view; ``prepared`` is the highest PREPARE certificate that I hold for the height.

    ``proposal`` is the block of that certificate. It stands outside the signed content, so it may be left out where
    the certificate alone is needed.
    """

    height: int
    view: int
    prepared: Certificate | None
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class Status:
    """The heart beat: the height and view that I work on, the tip that I have, and what I have seen of this view.

    ``has_proposal`` says that its PRE-PREPARE is here; ``view_changes``, ``prepares`` and ``commits`` are the indexes
    of those whose message of this very view is here, ascending.
    """

    height: int
    view: int
    tip_hash: bytes
    has_proposal: bool = False
    view_changes: tuple[int, ...] = ()
    prepares: tuple[int, ...] = ()
    commits: tuple[int, ...] = ()

    def shows(self, index: int) -> bool:
        """Say whether a message of the view by this validator is there."""
        return index in self.view_changes or index in self.prepares or index in self.commits


Message: TypeAlias = PrePrepare | Prepare | Commit | ViewChange | Status

_TAGS: Final[dict[type[Message], str]] = {
    PrePrepare: "pre-prepare",
    Prepare: "prepare",
    Commit: "commit",
    ViewChange: "view-change",
    Status: "status",
}


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message with its claimed sender and signature, neither checked yet, and its bytes."""

    message: Message
    sender: bytes
    signature: bytes
    encoded: bytes


def tag_of(message: Message) -> str:
    """Return the name of a message's type: its tag on the wire and the domain of its signature."""
    return _TAGS[type(message)]


def preimage(chain_id: bytes, message: Message) -> bytes:
    """Return what the sender of a message signs."""
    match message:
        case Prepare():
            return vote_preimage(VoteKind.PREPARE, chain_id, message.height, message.view, message.block_hash)
        case Commit():
            return vote_preimage(VoteKind.COMMIT, chain_id, message.height, message.view, message.block_hash)
        case PrePrepare():
            content: Value = [message.height, message.view, message.proposal.header.hash]
        case ViewChange():
            prepared = None if message.prepared is None else message.prepared.to_value()
            content = [message.height, message.view, prepared]
        case Status():
            content = _status_value(message)
    return signed_preimage(tag_of(message), chain_id, encode(content))


def statement_of(message: Message) -> object:
    """Return what two messages of one slot must share to be the same statement."""
    if isinstance(message, PrePrepare):
        return message.proposal.header.hash
    if isinstance(message, ViewChange):
        return message.prepared
    return message


def sign_message(key: Signer, chain_id: bytes, message: Message) -> SignedMessage:
    """Return the message signed and encoded."""
    return with_signature(message, key.public_key, key.sign(preimage(chain_id, message)))


def with_signature(message: Message, sender: bytes, signature: bytes) -> SignedMessage:
    """Return the message with a signature that is known already."""
    encoded = encode([tag_of(message), _fields(message), sender, signature])
    return SignedMessage(message, sender, signature, encoded)


def without_proposal(signed: SignedMessage) -> SignedMessage:
    """Return a view change without its block, for a place where the certificate is enough."""
    message = signed.message
    assert isinstance(message, ViewChange), "only view changes carry a block beside their signed content"
    bare = ViewChange(message.height, message.view, message.prepared, None)
    return with_signature(bare, signed.sender, signed.signature)


def encode_proposal(proposal: Proposal) -> bytes:
    """Return the canonical bytes of a proposal."""
    return encode(_proposal_value(proposal))


def decode_proposal(data: bytes) -> Proposal:
    """Return the proposal that the bytes encode; raises CodecError or ShapeError."""
    return _proposal(decode(data, MESSAGE_BYTES_MAX))


def decode_message(data: bytes) -> SignedMessage:
    """Return the message that the bytes encode; raises CodecError or ShapeError."""
    return _signed_message(data, tuple(_TAGS.values()))


def _signed_message(data: bytes, tags: tuple[str, ...]) -> SignedMessage:
    tag, fields, sender, signature = as_array(decode(data, MESSAGE_BYTES_MAX), 4, "message")
    if tag not in tags:
        raise ShapeError("message_tag", f"no message that may stand here; there are {', '.join(tags)}")
    return SignedMessage(
        _message(tag, fields),
        as_bytes(sender, PUBLIC_KEY_BYTES, "sender"),
        as_bytes(signature, SIGNATURE_BYTES, "signature"),
        data,
    )


def _fields(message: Message) -> Value:
    match message:
        case PrePrepare():
            changes: list[Value] = [change.encoded for change in message.view_changes]
            return [message.height, message.view, _proposal_value(message.proposal), changes]
        case Prepare() | Commit():
            return [message.height, message.view, message.block_hash]
        case ViewChange():
            prepared = None if message.prepared is None else message.prepared.to_value()
            proposal = None if message.proposal is None else _proposal_value(message.proposal)
            return [message.height, message.view, prepared, proposal]
        case Status():
            return _status_value(message)


def _message(tag: Value, fields: Value) -> Message:
    match tag:
        case "pre-prepare":
            height, view, proposal, changes = as_array(fields, 4, "pre-prepare")
            return PrePrepare(
                _height(height),
                _view(view),
                _proposal(proposal),
                tuple(_view_change(change) for change in as_list(changes, VALIDATORS_MAX, "view changes")),
            )
        case "prepare":
            height, view, block_hash = as_array(fields, 3, "prepare")
            return Prepare(_height(height), _view(view), as_bytes(block_hash, HASH_BYTES, "block hash"))
        case "commit":
            height, view, block_hash = as_array(fields, 3, "commit")
            return Commit(_height(height), _view(view), as_bytes(block_hash, HASH_BYTES, "block hash"))
        case "view-change":
            height, view, prepared, proposal = as_array(fields, 4, "view-change")
            certificate = None if prepared is None else certificate_from_value(prepared)
            block = None if proposal is None else _proposal(proposal)
            if block is not None and (certificate is None or certificate.block_hash != block.header.hash):
                raise ShapeError("proposal_hash", "a view change carries the block of its certificate and no other")
            return ViewChange(_height(height), _view(view), certificate, block)
        case "status":
            height, view, tip_hash, has_proposal, *bitmaps = as_array(fields, 7, "status")
            return Status(
                _height(height),
                _view(view),
                as_bytes(tip_hash, HASH_BYTES, "tip hash"),
                as_boolean(has_proposal, "has proposal"),
                *(indexes_of(bitmap) for bitmap in bitmaps),
            )
    raise ShapeError("message_tag", "no message has this tag")


def _status_value(status: Status) -> Value:
    return [
        status.height,
        status.view,
        status.tip_hash,
        status.has_proposal,
        bitmap_of(status.view_changes),
        bitmap_of(status.prepares),
        bitmap_of(status.commits),
    ]


def _view_change(value: Value) -> SignedMessage:
    # The tag is looked at first, so that messages inside messages end at the first level.
    return _signed_message(as_blob(value, MESSAGE_BYTES_MAX, "view change"), (_TAGS[ViewChange],))


def _proposal_value(proposal: Proposal) -> Value:
    return [proposal.header.encoded, list(proposal.transaction_ids)]


def _proposal(value: Value) -> Proposal:
    header_bytes, ids = as_array(value, 2, "proposal")
    header = decode_header(as_blob(header_bytes, MESSAGE_BYTES_MAX, "header"))
    transaction_ids = tuple(
        as_bytes(entry, HASH_BYTES, "transaction id")
        for entry in as_list(ids, BLOCK_TRANSACTIONS_MAX, "transaction ids")
    )
    is_count_right = len(transaction_ids) == header.transaction_count
    if not is_count_right or transactions_root(transaction_ids) != header.transactions_root:
        raise ShapeError("transactions_root", "the ids of a proposal are not those of its header")
    return Proposal(header, transaction_ids)


def _height(value: Value) -> int:
    return as_integer(value, 1, INTEGER_MAX, "height")


def _view(value: Value) -> int:
    return as_integer(value, 0, VIEW_MAX, "view")
