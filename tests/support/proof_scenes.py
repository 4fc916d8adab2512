"""Two chains with more to prove: ``moved`` changes its validators, on ``packed`` a pack travels in containers."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from contracts import heads
from ledger.proof import TrustRoot, ValidatorsFrom, verify_bundle
from ledger.transaction import Operation
from node.proofs import (
    head_bundle,
    heads_bundle,
    item_bundle,
    origin_bundle,
    statement_bundle,
    trace_bundle,
    transaction_bundle,
    trust_bundle,
)
from tests.support.chain_builder import ChainBuilder, capture, record

MOVED_ITEM = "urn:epc:id:sgtin:9521141.012345.7"
MOVED_KEY = heads.item(MOVED_ITEM)

PACK, CASE, OTHER_CASE, PALLET, SHIP, LATER_SHIP, CLAIMED, MUDDLED, FULL = (
    f"urn:epc:id:sscc:9521141.{number:010d}" for number in range(9)
)
PAYMENT_KEY = heads.transfer(bytes(range(16)))
NO_PAYMENT_KEY = heads.transfer(bytes(16))
RECORDED_ORIGIN_KEY = heads.transfer(b"\x02" * 16)

Bundle: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Moved:
    """Nine blocks by validators 0123, then 1234 from block 4 on, 2345 from block 7, one record of the item a block.

    ``trusts`` are trust roots by name: ``moved`` is genesis, ``moved_later`` led to block 5 by each change before it,
    ``moved_late`` knows that block alone, the others are wrong each in its way.
    """

    chain: ChainBuilder
    good: dict[str, Bundle]
    trusts: dict[str, TrustRoot]


def fill_moved(chain: ChainBuilder) -> Moved:
    """Build the chain ``moved``."""

    def block(next_numbers: range | None = None) -> None:
        others = None if next_numbers is None else chain.validators_numbered(next_numbers)
        transaction = chain.transaction(record(MOVED_KEY, height=chain.store.tip.height + 1))
        # All sign, so that enough of those who were trusted at first are among the signers.
        chain.block(transaction, next_validators=others, signers=range(4))

    good: dict[str, Bundle] = {}
    block()
    block()
    good["moved_item_before_change"] = item_bundle(chain.store, MOVED_ITEM)
    block(range(1, 5))
    good["moved_item_at_change"] = item_bundle(chain.store, MOVED_ITEM)
    block()
    block()
    good["moved_trust_after_one_change"] = trust_bundle(chain.store)
    later = verify_bundle(good["moved_trust_after_one_change"], chain.trust).trust
    block(range(2, 6))
    good["moved_trust_at_change"] = trust_bundle(chain.store)
    block()
    block()
    good["moved_statement"] = statement_bundle(chain.store, MOVED_KEY, 5)
    good["moved_absence"] = item_bundle(chain.store, MOVED_ITEM + "0")
    block()
    good["moved_item"] = item_bundle(chain.store, MOVED_ITEM)
    good["moved_trust_skipping"] = trust_bundle(chain.store)
    position = chain.store.block(4)
    assert position is not None, "block 4 was built above"
    transaction = transaction_bundle(chain.store, position.transactions[0].transaction_id)
    assert transaction is not None, "it was committed above"
    good["moved_transaction"] = transaction
    return Moved(chain, good, _trusts(chain, later))


def _trusts(chain: ChainBuilder, later: TrustRoot) -> dict[str, TrustRoot]:
    others = chain.validators_numbered(range(4, 8))
    return {
        "moved": chain.trust,
        "moved_later": later,
        "moved_late": replace(later, earlier=()),
        "moved_forked": replace(later, block_hash=bytes(range(32))),
        "moved_forked_change": replace(
            later, height=3, block_hash=bytes(range(32)), earlier=(ValidatorsFrom(0, chain.trust.validators),)
        ),
        "moved_at_odds": replace(later, earlier=(ValidatorsFrom(0, chain.trust.validators), ValidatorsFrom(3, others))),
    }


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack in a case on a pallet in a ship, then in another case; the pallet goes into another ship afterwards.

    A stranger claims to have packed it, and of two packings the receipt does not tell whether they took effect.
    """

    chain: ChainBuilder
    good: dict[str, Bundle]


def fill_packed(chain: ChainBuilder) -> Packed:
    """Build the chain ``packed``."""
    things = (PACK, CASE, OTHER_CASE, PALLET, SHIP, LATER_SHIP, CLAIMED, MUDDLED, FULL)
    chain.block(
        chain.transaction(capture(things, type="ObjectEvent", action="ADD", epcs=list(things), event_time_ms=1_000))
    )
    chain.block(
        chain.transaction(_pack(CASE, PACK, 2_000), _pack(PALLET, CASE, 3_000)),
        chain.transaction(_pack(CLAIMED, PACK, 3_500, violations=[(PACK, "not_custodian")])),
    )
    chain.block(
        chain.transaction(_pack(SHIP, PALLET, 4_000)),
        chain.transaction(_unpack(SHIP, PALLET, 5_000, children=[])),
        chain.transaction(_unpack(PALLET, CASE, 6_000)),
    )
    late = _pack(LATER_SHIP, PALLET, 7_000)
    chain.block(
        # The other case was named as a thing in itself, which says nothing of the pack.
        chain.transaction(late, _pack(OTHER_CASE, PACK, 8_000, [(PACK, "already_packed"), (OTHER_CASE, "cycle")])),
        chain.transaction(_pack(MUDDLED, PACK, 9_000, violations=[(PACK, "a_rule_of_tomorrow")])),
        chain.transaction(_pack(FULL, PACK, 9_500, violations=[(FULL, "too_many_contents")])),
    )
    failed = chain.transaction(Operation("toy.refuse", {}))
    made = chain.transaction(Operation("toy.make", {"key": PAYMENT_KEY}))
    chain.block(made, failed)
    chain.block(
        chain.transaction(
            _put(RECORDED_ORIGIN_KEY, {"transaction": made.transaction_id, "operation": 0}),
            _put(heads.account("plain"), {"owner": "nobody"}),
            record(RECORDED_ORIGIN_KEY),
        )
    )
    store = chain.store
    good = {
        "packed_trace": trace_bundle(store, PACK),
        "packed_trace_of_case": trace_bundle(store, CASE),
        "packed_trace_without_containers": trace_bundle(store, SHIP),
        "packed_trace_of_nothing": trace_bundle(store, PACK + "9"),
        "packed_payment": origin_bundle(store, PAYMENT_KEY),
        "packed_payment_absent": origin_bundle(store, NO_PAYMENT_KEY),
        "packed_heads": heads_bundle(
            store,
            {
                heads.item(CASE): 0,
                heads.item(PACK): 2,
                heads.item("urn:none"): 0,
                heads.account("plain"): 0,
                NO_PAYMENT_KEY: 0,
            },
        ),
        "packed_other_ship": head_bundle(store, heads.item(LATER_SHIP)),
    }
    return Packed(chain, good)


def scenes(directory: Path) -> tuple[ChainBuilder, ChainBuilder]:
    """Return the empty chains ``moved`` and ``packed`` in a directory."""
    return ChainBuilder(directory / "moved", network="moved"), ChainBuilder(directory / "packed", network="packed")


def _pack(parent: str, child: str, time_ms: int, violations: list[tuple[str, str]] | None = None) -> Operation:
    return capture(
        [parent, child],
        violations or (),
        type="AggregationEvent",
        action="ADD",
        parent=parent,
        children=[child],
        event_time_ms=time_ms,
    )


def _unpack(parent: str, child: str, time_ms: int, children: list[str] | None = None) -> Operation:
    return capture(
        [parent, child],
        type="AggregationEvent",
        action="DELETE",
        parent=parent,
        children=[child] if children is None else children,
        event_time_ms=time_ms,
    )


def _put(key: bytes, head: dict[str, Any]) -> Operation:
    return Operation("toy.put", {"key": key, "head": head})
