"""One good object of every kind of the ledger floor, from fixed keys: the same bytes on every machine."""

from ledger.block import Header, receipts_root, transactions_root
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.genesis import Genesis
from ledger.hashing import tagged_hash
from ledger.keys import SecretKey
from ledger.parameters import Parameters
from ledger.receipt import Receipt
from ledger.transaction import Operation, Transaction, sign_transaction
from ledger.validators import Validator, ValidatorSet

TIME_MS = 1_760_000_000_000
KEYS = {key.public_key: key for key in (SecretKey(bytes([number]) * 32) for number in range(1, 5))}
SENDER = SecretKey(bytes([9]) * 32)
VALIDATORS = ValidatorSet(
    Validator(public_key, f"organisation {number}") for number, public_key in enumerate(sorted(KEYS), start=1)
)
GENESIS = Genesis(
    network="example",
    time_ms=TIME_MS,
    parameters=Parameters(),
    validators=VALIDATORS,
    operations=(
        Operation(
            "membership.register", {"id": "brand", "key": SENDER.public_key, "$odd": [None, True, -1, {"b": b""}]}
        ),
    ),
)
TRANSACTION: Transaction = sign_transaction(
    SENDER,
    GENESIS.chain_id,
    bytes(range(16)),
    TIME_MS + 60_000,
    [
        Operation("custody.offer", {"id": "offer-1", "to": "carrier", "things": ["a", "b"]}),
        Operation("settlement.transfer", {"amount": 125_000, "from": "retailer/USD", "to": "brand/USD"}),
    ],
)
RECEIPT = Receipt(TRANSACTION.transaction_id, 0, None, (None, {"balance": 1}))
HEADER = Header(
    chain_id=GENESIS.chain_id,
    height=7,
    time_ms=TIME_MS + 7_000,
    parent_hash=tagged_hash("header", b"the block before"),
    proposer=VALIDATORS[7 % len(VALIDATORS)].public_key,
    transaction_count=1,
    transactions_root=transactions_root([TRANSACTION.transaction_id]),
    receipts_root=receipts_root([RECEIPT]),
    state_root=tagged_hash("node", b"some tree"),
    validators_hash=VALIDATORS.hash,
    next_validators_hash=VALIDATORS.hash,
)


def votes(
    indexes: tuple[int, ...], kind: VoteKind = VoteKind.COMMIT, height: int = 7, view: int = 1
) -> dict[int, bytes]:
    """Return signatures by these validators over the sample block."""
    preimage = vote_preimage(kind, GENESIS.chain_id, height, view, HEADER.hash)
    return {index: KEYS[VALIDATORS[index].public_key].sign(preimage) for index in indexes}


CERTIFICATE: Certificate = assemble_certificate(7, 1, HEADER.hash, votes((0, 2, 3)))
