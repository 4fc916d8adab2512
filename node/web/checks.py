"""What this node checked before it says "record verified": the proof bundle of the thing, with the offline verifier.

It is the bundle that a shopper can download, checked against the validators of this node's own genesis document.
"""

from dataclasses import dataclass
from typing import Final

from ledger.errors import ProofError
from ledger.genesis import Genesis
from ledger.proof import trust_from_genesis, verify_bundle
from ledger.proof.facts import Facts
from ledger.readable import Json
from node.proofs import BundleRefusedError, head_bundle, statement_bundle, trace_bundle
from node.queries import Thing
from node.storage.store import Store

RECORDS_MAX: Final = 300
"""Records that are checked for one page; of a longer history the entry itself and not each record."""

_TOO_LONG: Final = "history_too_long"


@dataclass(frozen=True, slots=True)
class Checked:
    """What holds as of the block at ``height``, which ``signers`` of ``validators`` signed; ``quorum`` are enough.

    ``records`` of the ``count`` records of the thing were checked one by one. ``refusal`` says in a word why nothing
    was proven, and is None where all was. ``kind`` is that of the bundle, "" where there is none.
    """

    is_verified: bool
    kind: str
    refusal: str | None
    height: int
    time_ms: int
    block_hash: str
    state_root: str
    signers: int
    validators: int
    quorum: int
    records: int
    count: int


def bundle_of(store: Store, thing: Thing) -> dict[str, Json]:
    """Return the bundle of a thing, with its history and that of its containers as far as these are not too long.

    Raises
    ------
    BundleRefusedError
        The store cannot give it.

    """
    if thing.count > RECORDS_MAX:
        return statement_bundle(store, thing.key, thing.count)
    if thing.kind == "item":
        try:
            return trace_bundle(store, thing.identifier, RECORDS_MAX)
        except BundleRefusedError as error:
            if error.code != _TOO_LONG:
                raise
    return head_bundle(store, thing.key)


def check(store: Store, genesis: Genesis, thing: Thing) -> Checked:
    """Return what the proof of a thing proves."""
    refusal: str | None = None
    facts: Facts | None = None
    try:
        facts = verify_bundle(bundle_of(store, thing), trust_from_genesis(genesis))
    except (BundleRefusedError, ProofError) as error:
        refusal = error.code
    header = store.tip if facts is None else store.header(facts.height)
    assert header is not None, "what was proven is in the store"
    return Checked(
        is_verified=facts is not None,
        kind="" if facts is None else facts.kind,
        refusal=refusal,
        height=header.height,
        time_ms=header.time_ms,
        block_hash=header.hash.hex(),
        state_root=header.state_root.hex(),
        signers=0 if facts is None else facts.header.signers,
        validators=len(genesis.validators),
        quorum=genesis.validators.quorum,
        records=0 if facts is None else sum(len(head.records) for head in facts.heads if head.key == thing.key),
        count=thing.count,
    )
