"""Bad bundles about changes of the validators, containers, several heads at once and where a head comes from."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from contracts import heads
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind
from ledger.codec import encode
from ledger.proof import validators_json
from ledger.proof.json_text import bytes_of, to_base64url
from node.proofs import head_bundle, heads_bundle, transaction_bundle
from tests.support.bundle_changes import BadBundle, altered, header_entry
from tests.support.opened_bundles import transactions_of
from tests.support.proof_scenes import (
    CASE,
    PACK,
    PALLET,
    PAYMENT_KEY,
    RECORDED_ORIGIN_KEY,
    SHIP,
    Moved,
    Packed,
)

Change = Callable[[Any], object]
_PLAIN_KEY = heads.account("plain")


def bad_scenes(moved: Moved, packed: Packed) -> Iterator[BadBundle]:
    """Yield every bad bundle of the two chains."""
    yield from _changes(moved)
    yield from _change_certificates(moved)
    yield from _skips(moved)
    yield from _later_trusts(moved)
    yield from _traces(packed)
    yield from _several(packed)
    yield from _origins(packed)


def _moved(name: str, reason: str, bundle: Any, change: Change, trust: str = "moved") -> BadBundle:
    return replace(altered(name, reason, bundle, change), trust=trust)


def _packed(name: str, reason: str, bundle: Any, change: Change) -> BadBundle:
    return replace(altered(name, reason, bundle, change), trust="packed")


def _changes(moved: Moved) -> Iterator[BadBundle]:
    item, chain = moved.good["moved_item"], moved.chain

    def entry(name: str, reason: str, **fields: object) -> BadBundle:
        return _moved(name, reason, item, lambda b: b["validator_changes"][0].update(fields))

    members = item["validator_changes"][0]["validators"]
    others = validators_json(chain.validators_numbered(range(4, 8)))
    yield _moved("change_left_out", "other_validators", item, lambda b: b["validator_changes"].pop(0))
    yield _moved("last_change_left_out", "other_validators", item, lambda b: b["validator_changes"].pop())
    yield _moved("all_changes_left_out", "other_validators", item, lambda b: b.update(validator_changes=[]))
    yield _moved("changes_reversed", "change_order", item, lambda b: b["validator_changes"].reverse())
    yield _moved("change_twice", "duplicate_change", item, lambda b: b["validator_changes"].append(_last(b)))
    yield _moved("changes_null", "field_type", item, lambda b: b.update(validator_changes=None))
    yield entry("change_of_unknown_kind", "change_kind", kind="jump")
    yield entry("change_kind_null", "change_kind", kind=None)
    yield entry("change_field_unknown", "unknown_field", height=3)
    yield _moved("change_field_missing", "missing_field", item, lambda b: _last(b).pop("kind"))
    yield entry("change_to_nobody", "change_members", validators=[])
    yield entry("change_members_reversed", "change_members", validators=members[::-1])
    yield entry("change_member_twice", "change_members", validators=[members[0], *members])
    yield entry("change_member_unusable", "change_members", validators=[{**members[0], "public_key": "A" * 43}])
    yield entry("change_member_field_unknown", "unknown_field", validators=[{**members[0], "weight": 2}])
    yield entry("change_header_longer", "header_encoding", header=_longer(item["validator_changes"][0]["header"]))
    yield entry("change_to_others", "change_validators", validators=others)
    yield entry("change_member_left_out", "change_validators", validators=members[1:])
    yield entry(
        "change_organisation_renamed",
        "change_validators",
        validators=[{**members[0], "organisation": "somebody else"}, *members[1:]],
    )
    quiet = header_entry(chain, _header_at(moved, 2))
    yield entry("change_without_change", "change_nothing", **quiet)
    yield _moved("next_called_skip", "change_validators", item, lambda b: _last(b).update(kind="skip"))
    block = chain.store.header(0)
    assert block is not None, "every chain has block 0"
    yield entry("change_by_genesis_colluding", "genesis_header", **header_entry(chain, block))
    foreign = replace(_header_at(moved, 3), chain_id=bytes(range(32)))
    yield entry("change_of_other_chain_colluding", "header_chain", **header_entry(chain, foreign))
    early = moved.good["moved_item_before_change"]
    yield _moved(
        "change_after_the_newest_header",
        "unused_change",
        early,
        lambda b: b.update(validator_changes=item["validator_changes"][:1]),
    )
    yield _moved(
        "skip_after_the_newest_header",
        "unused_change",
        early,
        lambda b: b.update(validator_changes=moved.good["moved_trust_skipping"]["validator_changes"]),
    )


def _change_certificates(moved: Moved) -> Iterator[BadBundle]:
    item, chain = moved.good["moved_item"], moved.chain
    header = _header_at(moved, 3)

    def certified(name: str, reason: str, certificate: Certificate) -> BadBundle:
        text = to_base64url(certificate.encode())
        return _moved(name, reason, item, lambda b: b["validator_changes"][0].update(certificate=text))

    good = chain.certificate(header, signers=range(4))
    yield certified("change_by_minority", "certificate_no_quorum", chain.certificate(header, signers=[1, 3]))
    yield certified("change_by_prepares", "certificate_bad_signature", chain.certificate(header, VoteKind.PREPARE))
    yield certified("change_of_other_block", "certificate_block", chain.certificate(_header_at(moved, 2)))
    yield certified(
        "change_signer_twice", "certificate_bad_signature", replace(good, signatures=(good.signatures[0],) * 4)
    )
    joined = replace(header, validators_hash=header.next_validators_hash)
    by_joiners = replace(chain.certificate(joined, signers=range(4)), block_hash=header.hash)
    yield certified("change_by_those_who_join", "certificate_bad_signature", by_joiners)
    # Validators outside of the chain who name each other: the header is theirs, and so is the certificate.
    own = chain.validators_numbered(range(4, 8))
    claimed = replace(header, next_validators_hash=own.hash)
    yield _moved(
        "change_header_altered",
        "certificate_block",
        item,
        lambda b: b["validator_changes"][0].update(
            header=to_base64url(claimed.encoded), validators=validators_json(own)
        ),
    )
    yield _moved(
        "change_names_others_as_its_own",
        "other_validators",
        item,
        lambda b: b["validator_changes"][0].update(
            header=to_base64url(replace(header, validators_hash=own.hash).encoded)
        ),
    )


def _skips(moved: Moved) -> Iterator[BadBundle]:
    bundle, chain = moved.good["moved_trust_skipping"], moved.chain
    tip = _header_at(moved, 9)

    def entry(name: str, reason: str, **fields: object) -> BadBundle:
        return _moved(name, reason, bundle, lambda b: b["validator_changes"][0].update(fields))

    members = list(chain.validators)
    founders = {member.public_key for member in moved.trusts["moved"].validators}
    # A quorum of the new set in which one alone was trusted: it might be the one that lies.
    indexes = [index for index, member in enumerate(members) if member.public_key not in founders]
    indexes += [index for index, member in enumerate(members) if member.public_key in founders][:1]
    few = to_base64url(chain.certificate(tip, signers=sorted(indexes)).encode())
    yield entry("skip_by_one_of_the_trusted", "skip_untrusted", certificate=few)
    minority = to_base64url(chain.certificate(tip, signers=[0, 1]).encode())
    yield entry("skip_by_minority", "certificate_no_quorum", certificate=minority)
    own = chain.validators_numbered(range(4, 8))
    yield entry("skip_to_others", "change_validators", validators=validators_json(own))
    forged = replace(tip, validators_hash=own.hash, next_validators_hash=own.hash)
    yield entry("skip_by_strangers", "skip_untrusted", validators=validators_json(own), **header_entry(chain, forged))
    changing = header_entry(chain, _header_at(moved, 6))
    between = validators_json(chain.validators_numbered(range(1, 5)))
    yield entry("skip_to_a_changing_block", "change_validators", validators=between, **changing)
    yield _moved("skip_called_next", "other_validators", bundle, lambda b: _last(b).update(kind="next"))
    yield _moved("skip_left_out", "other_validators", bundle, lambda b: b.update(validator_changes=[]))
    yield _moved("trust_of_other_height", "subject", bundle, lambda b: b["subject"].update(height=8))
    yield _moved("trust_subject_key", "unknown_field", bundle, lambda b: b["subject"].update(key="AAAA"))
    transaction = transactions_of(moved.good["moved_item"])[-1]
    yield _moved(
        "trust_with_transaction", "unused_transaction", bundle, lambda b: b["transactions"].append(transaction)
    )
    head = moved.good["moved_item"]["heads"][0]
    yield _moved("trust_with_head", "unused_head", bundle, lambda b: b["heads"].append(head))


def _later_trusts(moved: Moved) -> Iterator[BadBundle]:
    good = moved.good
    yield BadBundle("transaction_before_the_trust_root", "before_trust", good["moved_transaction"], "moved_late")
    yield BadBundle("other_block_is_trusted", "trusted_block", good["moved_trust_after_one_change"], "moved_forked")
    yield BadBundle("other_change_is_trusted", "trusted_block", good["moved_statement"], "moved_forked_change")
    yield BadBundle("trust_root_at_odds", "change_conflict", good["moved_item"], "moved_at_odds")
    yield BadBundle(
        "older_than_the_trust_root", "stale", good["moved_trust_after_one_change"], "moved_later", height_min=6
    )
    yield _moved(
        "changes_left_out_for_later_trust",
        "other_validators",
        good["moved_item"],
        lambda b: b.update(validator_changes=[]),
        "moved_later",
    )


def _traces(packed: Packed) -> Iterator[BadBundle]:
    trace, ship = packed.good["packed_trace"], packed.good["packed_other_ship"]
    ship_key, pallet_key = heads.item(SHIP), heads.item(PALLET)
    yield _packed("container_left_out", "parent_missing", trace, partial(_without, ship_key))
    yield _packed("container_in_between_left_out", "parent_missing", trace, partial(_without, pallet_key))
    yield _packed("container_without_history", "parent_missing", trace, partial(_without_history, ship_key))
    yield _packed("all_containers_left_out", "parent_missing", trace, partial(_only, heads.item(PACK)))

    def redirected(bundle: Any) -> None:
        _without(ship_key, bundle)
        _with(bundle, ship)

    yield _packed("container_redirected", "parent_missing", trace, redirected)
    yield _packed("container_of_another_time", "unused_head", trace, lambda b: _with(b, ship))
    tail = heads_bundle(packed.chain.store, {ship_key: 1})

    def shortened(bundle: Any) -> None:
        _without(ship_key, bundle)
        _with(bundle, tail)

    yield _packed("container_history_trimmed", "parent_missing", trace, shortened)
    yield _packed("trace_called_head", "subject", trace, lambda b: b.update(kind="head"))
    yield _packed("trace_subject_left_out", "subject", trace, partial(_without, heads.item(PACK)))
    yield _packed(
        "trace_subject_without_history", "history_missing", trace, partial(_without_history, heads.item(PACK))
    )
    for name, reason, other in (("", "unused_head", CASE), ("_at_all_times", "parent_missing", PALLET)):
        yield _packed(f"trace_of_its_container{name}", reason, trace, partial(_about, heads.item(other)))
    plain = head_bundle(packed.chain.store, _PLAIN_KEY)
    yield _packed("trace_of_no_item", "trace_item", plain, lambda b: b.update(kind="trace"))
    yield _packed(
        "trace_of_unreadable_item",
        "trace_item",
        trace,
        lambda b: b["subject"].update(key=to_base64url(b"item\0\xff")),
    )
    yield _packed("transaction_twice", "duplicate_transaction", trace, _with_own_transactions)
    absent = packed.good["packed_trace_of_nothing"]
    yield _packed("trace_present_as_absent", "head_path", absent, partial(_rekeyed, heads.item(PACK)))


def _several(packed: Packed) -> Iterator[BadBundle]:
    several = packed.good["packed_heads"]
    last = len(several["subject"]["heads"]) - 1

    def subject(name: str, reason: str, change: Change) -> BadBundle:
        return _packed(name, reason, several, lambda b: change(b["subject"]["heads"]))

    def position(key: bytes) -> int:
        return [entry[0] for entry in several["subject"]["heads"]].index(to_base64url(key))

    pack, plain = position(heads.item(PACK)), position(_PLAIN_KEY)
    absent = position(heads.item("urn:none"))
    yield subject("subject_heads_reversed", "subject_order", lambda h: h.reverse())
    yield subject("subject_head_twice", "duplicate_subject", lambda h: h.append(h[last]))
    yield subject("subject_head_of_three", "too_many", lambda h: h[0].append(0))
    yield subject("subject_head_of_one", "field_type", lambda h: h[0].pop())
    yield subject("subject_head_left_out", "subject", lambda h: h.pop())
    yield subject("subject_count_of_absent", "history_start", lambda h: h[absent].__setitem__(1, 1))
    yield subject("subject_count_without_history", "history_start", lambda h: h[plain].__setitem__(1, 1))
    yield subject("subject_count_lower", "history_start", lambda h: h[pack].__setitem__(1, 1))
    yield _packed("one_head_of_several_left_out", "subject", several, lambda b: b["heads"].pop())
    yield _packed("one_history_of_several_left_out", "history_missing", several, lambda b: b["history"].pop())
    yield _packed(
        "one_of_several_shown_as_absent", "head_present", several, lambda b: b["heads"][pack].update(value=None)
    )
    yield _packed(
        "absence_shown_as_present",
        "head_absent",
        several,
        lambda b: b["heads"][absent].update(value=to_base64url(encode({}))),
    )


def _origins(packed: Packed) -> Iterator[BadBundle]:
    payment, absent, store = packed.good["packed_payment"], packed.good["packed_payment_absent"], packed.chain.store
    block = store.block(5)
    assert block is not None, "block 5 was built"
    failed: Any = transaction_bundle(store, block.transactions[1].transaction_id)
    assert failed is not None, "it is in block 5"
    yield _packed("origin_left_out", "origin_missing", payment, lambda b: b.update(transactions=[]))
    yield _packed(
        "origin_of_other_transaction",
        "origin_missing",
        payment,
        lambda b: b.update(transactions=transactions_of(failed)),
    )
    yield _packed(
        "origin_with_another",
        "unused_transaction",
        payment,
        lambda b: b["transactions"].extend(transactions_of(failed)),
    )
    yield _packed("origin_without_head", "subject", payment, lambda b: b.update(heads=[]))
    yield _packed("settled_shown_as_absent", "head_present", payment, lambda b: b["heads"][0].update(value=None))
    yield _packed("unsettled_under_key_of_settled", "head_path", absent, partial(_rekeyed, PAYMENT_KEY))
    yield _packed("origin_of_plain_head", "origin_missing", head_bundle(store, _PLAIN_KEY), _as_origin)

    def recorded(bundle: Any) -> None:
        _as_origin(bundle)
        bundle["transactions"] = [*transactions_of(payment), *bundle["transactions"]]
        bundle["history"][0]["records"][0][0] = 1

    yield _packed("origin_with_history", "unused_history", head_bundle(store, RECORDED_ORIGIN_KEY), recorded)


def _about(key: bytes, bundle: Any) -> None:
    bundle["subject"]["key"] = to_base64url(key)


def _as_origin(bundle: Any) -> None:
    bundle["kind"] = "origin"


def _only(key: bytes, bundle: Any) -> None:
    for other in [bytes_of(entry["key"], "key", 4096) for entry in bundle["heads"]]:
        if other != key:
            _without(other, bundle)


def _without(key: bytes, bundle: Any) -> None:
    """Leave a head and all that rests on it alone out of a bundle, so that nothing is unused."""
    text = to_base64url(key)
    bundle["heads"] = [entry for entry in bundle["heads"] if entry["key"] != text]
    _without_history(key, bundle)


def _without_history(key: bytes, bundle: Any) -> None:
    bundle["history"] = [entry for entry in bundle["history"] if entry["key"] != to_base64url(key)]
    _drop_unused(bundle)


def _with(bundle: Any, other: Any) -> None:
    """Take the heads of another bundle into one, with all that they rest on, and drop what is unused."""
    count = len(bundle["transactions"])
    bundle["transactions"] += transactions_of(other)
    for name in ("heads", "history"):
        known = {entry["key"] for entry in bundle[name]}
        entries = [*bundle[name], *(deepcopy(entry) for entry in other[name] if entry["key"] not in known)]
        if name == "history":
            for entry in entries[len(bundle[name]) :]:
                entry["records"] = [[number + count, *rest] for number, *rest in entry["records"]]
        bundle[name] = sorted(entries, key=lambda entry: bytes_of(entry["key"], "key", 4096))
    _drop_unused(bundle)


def _with_own_transactions(bundle: Any) -> None:
    """Have each record rest on a copy of its transaction."""
    before, bundle["transactions"] = bundle["transactions"], []
    for entry in [entry for history in bundle["history"] for entry in history["records"]]:
        bundle["transactions"].append(before[entry[0]])
        entry[0] = len(bundle["transactions"]) - 1


def _drop_unused(bundle: Any) -> None:
    """Number the transactions anew in the order in which the histories come to them, each once."""
    before, numbers = bundle["transactions"], dict[str, int]()
    for entry in bundle["history"]:
        entry["records"] = [
            [numbers.setdefault(before[number], len(numbers)), *rest] for number, *rest in entry["records"]
        ]
    bundle["transactions"] = list(numbers)


def _rekeyed(key: bytes, bundle: Any) -> None:
    bundle["subject"]["key"] = bundle["heads"][0]["key"] = to_base64url(key)


def _last(bundle: Any) -> Any:
    return bundle["validator_changes"][-1]


def _longer(text: str) -> str:
    return to_base64url(bytes_of(text, "header", 1024) + b"\0")


def _header_at(moved: Moved, height: int) -> Header:
    header = moved.chain.store.header(height)
    assert header is not None, "the chain has nine blocks"
    return header
