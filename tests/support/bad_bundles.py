"""Bundles that must be refused, each by its own fault, made out of good ones.

Most are what somebody who lies would try: leave a record out, show an old state as the present one, claim that what
is there is not, show a vote that decides nothing as one that does. Some need validators who sign whatever they are
given ("colluding"): the rules for one bundle must hold even then.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from ledger.certificate import Certificate, VoteKind
from ledger.codec import encode
from ledger.hashing import ZERO_HASH
from ledger.keys import signed_preimage
from ledger.merkle import inclusion_path, root
from ledger.proof.json_text import bytes_of, to_base64url
from ledger.transaction import sign_transaction
from node.proofs import transaction_bundle
from tests.support.bad_scenes import bad_scenes
from tests.support.bad_streams import bad_streams
from tests.support.bundle_changes import (
    BadBundle,
    altered,
    fields_of_encoded,
    flipped,
    header_entry,
    header_of,
    with_bytes,
)
from tests.support.chain_builder import GENESIS_TIME_MS, key_named, record
from tests.support.opened_bundles import transactions_of
from tests.support.proof_chains import GONE_KEY, ITEM_KEY, OTHER_KEY, PLAIN_KEY, ProofChains

_HASH_TEXT = to_base64url(bytes(range(32)))


def bad_bundles(chains: ProofChains) -> Iterator[BadBundle]:
    """Yield every bad bundle."""
    for group in (_texts, _shapes, bad_streams, _encodings, _orders, _chain_faults, _certificates, _headers, _inclusion,
                  _heads, _histories, _subjects):  # fmt: skip
        yield from group(chains)
    yield from bad_scenes(chains.moved, chains.packed)


def _texts(chains: ProofChains) -> Iterator[BadBundle]:
    text = json.dumps(chains.good["item"])
    yield BadBundle("text_cut", "not_json", text[:-1])
    yield BadBundle("text_more_after_end", "not_json", text + "{}")
    yield BadBundle("text_empty", "not_json", "")
    yield BadBundle("text_array", "field_type", "[]\n")
    yield BadBundle("text_field_twice", "not_canonical", '{"kind": "head", ' + text[1:])
    yield BadBundle("text_inner_field_twice", "not_canonical", text.replace('{"key":', '{"key": "AAAA", "key":', 1))
    count = '"after_count": 0'
    yield BadBundle("text_not_a_number", "not_json", text.replace(count, '"after_count": NaN'))
    yield BadBundle("text_float", "not_canonical", text.replace(count, '"after_count": 0.0'))
    yield BadBundle("text_fraction", "not_canonical", text.replace(count, '"after_count": 0.5'))
    yield BadBundle("text_exponent", "not_canonical", text.replace(count, '"after_count": 0e0'))
    yield BadBundle("text_minus_zero", "not_canonical", text.replace(count, '"after_count": -0'))
    yield BadBundle("text_inexact", "not_canonical", text.replace(count, f'"after_count": {(1 << 53) + 1}'))
    yield BadBundle("text_absurd_integer", "not_canonical", text.replace(count, '"after_count": ' + "9" * 5_000))
    yield BadBundle("text_escaped", "not_canonical", text.replace('"head"', '"h\\u0065ad"', 1))
    yield BadBundle("text_half_character", "not_canonical", text.replace('"head"', '"\\ud800"', 1))
    yield BadBundle("text_names_out_of_order", "not_canonical", text.replace('{"key":', '{"1": 0, "0": 0, "key":', 1))
    yield BadBundle("text_number_as_name", "unknown_field", text.replace('{"key":', '{"0": 0, "key":', 1))
    yield BadBundle("text_nested", "not_json", "[" * 100_000)


def _shapes(chains: ProofChains) -> Iterator[BadBundle]:
    item, transaction = chains.good["item"], chains.good["transaction"]
    yield altered("unknown_version", "unknown_format", item, lambda b: b.update(format="tradelane-proof/2"))
    yield altered("unknown_kind", "unknown_kind", item, lambda b: b.update(kind="everything"))
    yield altered("field_missing", "missing_field", item, lambda b: b.pop("history"))
    yield altered("format_missing", "missing_field", item, lambda b: b.pop("format"))
    yield altered("field_unknown", "unknown_field", item, lambda b: b.update(comment="trust me"))
    yield altered("inner_field_missing", "missing_field", item, lambda b: b["heads"][0].pop("path"))
    yield altered("inner_field_unknown", "unknown_field", item, lambda b: b["heads"][0].update(height=1))
    yield altered("subject_of_other_kind", "missing_field", item, lambda b: b.update(kind="transaction"))
    yield altered("subject_field_unknown", "unknown_field", item, lambda b: b["subject"].update(after_count=0))
    yield altered("header_null", "field_type", item, lambda b: b.update(header=None))
    yield altered("transactions_null", "field_type", item, lambda b: b.update(transactions=None))
    yield altered("inclusion_missing", "missing_field", item, lambda b: b.pop("inclusion"))
    yield altered("inclusion_empty", "missing_field", transaction, lambda b: b.update(inclusion={}))
    yield altered("inclusion_false", "field_type", transaction, lambda b: b.update(inclusion=False))
    for name, value in (("text", "1"), ("boolean", True), ("negative", -1), ("huge", 100_001)):
        yield altered(f"index_{name}", "field_type", transaction, partial(_with_index, value))
    yield altered("record_of_five", "field_type", item, lambda b: b["history"][0]["records"][0].pop())
    yield altered("record_of_seven", "too_many", item, lambda b: b["history"][0]["records"][0].append(0))
    yield altered("record_height_text", "field_type", item, lambda b: b["history"][0]["records"][0].__setitem__(2, "1"))
    yield altered(
        "record_output_null", "field_type", item, lambda b: b["history"][0]["records"][0].__setitem__(5, None)
    )
    yield altered("chain_id_short", "field_size", item, lambda b: b.update(chain_id=to_base64url(bytes(31))))
    yield altered("key_empty", "field_size", item, lambda b: b["heads"][0].update(key=""))
    yield altered("sibling_short", "field_size", transaction, lambda b: b["inclusion"].update(receipt_path=["AA"]))
    yield altered("padding", "base64url", item, lambda b: b.update(chain_id=b["chain_id"] + "="))
    yield altered("spare_bits", "base64url", item, lambda b: b.update(chain_id=_spare_bits(b["chain_id"])))
    yield altered("plain_alphabet", "base64url", item, lambda b: b.update(chain_id="+" + b["chain_id"][1:]))
    yield altered("blank_in_base64", "base64url", item, lambda b: b.update(chain_id=" " + b["chain_id"]))
    yield altered("not_ascii", "base64url", item, lambda b: b.update(chain_id="é" + b["chain_id"][1:]))
    yield altered("change_empty", "missing_field", item, lambda b: b.update(validator_changes=[{}]))
    yield altered("place_beyond_count", "transaction_position", transaction, partial(_with_index, 3))
    yield altered(
        "place_of_two_transactions",
        "transaction_position",
        transaction,
        lambda b: b["transactions"].append(transactions_of(item)[1]),
    )
    yield altered("state_path_long", "too_many", item, lambda b: b["heads"][0].update(path=["AAAAAA"] * 65))
    yield altered(
        "merkle_path_long",
        "too_many",
        transaction,
        lambda b: b["inclusion"].update(receipt_path=[_HASH_TEXT] * 65),
    )


def _encodings(chains: ProofChains) -> Iterator[BadBundle]:
    item, header = chains.good["item"], header_of(chains.good["item"])
    unknown_version = encode([2, *fields_of_encoded(header.encoded)[1:]])
    value, output = ("heads", 0, "value"), ("history", 0, "records", 0, 5)
    yield with_bytes("header_longer", "header_encoding", item, ["header"], _longer)
    yield with_bytes("header_version", "header_encoding", item, ["header"], lambda _: unknown_version)
    yield with_bytes("certificate_longer", "certificate_encoding", item, ["certificate"], _longer)
    yield with_bytes("certificate_bitmap_longer", "certificate_encoding", item, ["certificate"], _longer_bitmap)
    yield with_bytes("transaction_longer", "transaction_encoding", item, ["transactions", 0], _longer)
    yield altered("transaction_null", "transaction_encoding", item, lambda b: b["transactions"].append(None))
    yield with_bytes(
        "receipt_longer", "receipt_encoding", chains.good["transaction"], ["inclusion", "receipt"], _longer
    )
    yield with_bytes("output_longer", "output_encoding", item, output, _longer)
    yield with_bytes("output_empty", "output_encoding", item, output, lambda _: b"")
    yield with_bytes("value_longer", "head_encoding", item, value, _longer)
    yield with_bytes("value_array", "head_encoding", item, value, lambda _: encode([]))
    yield with_bytes("value_without_count", "head_encoding", item, value, lambda _: encode({"chain": ZERO_HASH}))
    yield with_bytes("value_chain_short", "head_encoding", item, value, lambda _: encode({"chain": b"", "count": 4}))


def _orders(chains: ProofChains) -> Iterator[BadBundle]:
    item = chains.good["item"]
    second_head = chains.good["item_at_tip"]["heads"]
    for name, what in (("heads", "head"), ("history", "history")):
        yield altered(f"{what}_twice", f"duplicate_{what}", item, partial(_doubled, name))
    yield altered("transactions_reversed", "transaction_order", item, _with_transactions_reversed)
    yield altered("heads_reversed", "head_order", item, lambda b: b.update(heads=[*second_head, *b["heads"]]))
    yield altered(
        "histories_reversed",
        "history_order",
        item,
        lambda b: b["history"].insert(0, {**b["history"][0], "key": to_base64url(OTHER_KEY)}),
    )


def _chain_faults(chains: ProofChains) -> Iterator[BadBundle]:
    toy, item = chains.toy, chains.good["item"]
    yield BadBundle("other_chain", "other_chain", item, trust="solo")
    yield altered("chain_id_of_other_chain", "other_chain", item, lambda b: b.update(chain_id=_HASH_TEXT))
    yield altered(
        "all_of_other_chain_under_our_id",
        "header_chain",
        chains.good["solo_item"],
        lambda b: b.update(chain_id=to_base64url(toy.genesis.chain_id)),
    )
    foreign_header = header_entry(toy, replace(header_of(item), chain_id=bytes(range(32))))
    yield altered("header_of_other_chain_colluding", "header_chain", item, lambda b: b.update(foreign_header))
    foreign = sign_transaction(toy.sender, bytes(range(32)), bytes(16), GENESIS_TIME_MS, [record(ITEM_KEY)])
    yield with_bytes(
        "transaction_of_other_chain", "transaction_chain", item, ["transactions", 0], lambda _: foreign.encoded
    )


def _certificates(chains: ProofChains) -> Iterator[BadBundle]:
    toy, item = chains.toy, chains.good["item"]
    header = header_of(item)
    parent = toy.store.header(header.height - 1)
    assert parent is not None, "the chain has four blocks"
    other = chains.twin

    def certified(name: str, reason: str, certificate: Certificate) -> BadBundle:
        return with_bytes(name, reason, item, ["certificate"], lambda _: certificate.encode())

    good = toy.certificate(header)
    yield certified("minority", "certificate_no_quorum", toy.certificate(header, signers=[0, 2]))
    yield certified("nobody", "certificate_no_quorum", toy.certificate(header, signers=[]))
    yield certified("prepare_as_commit", "certificate_bad_signature", toy.certificate(header, VoteKind.PREPARE))
    yield certified("other_view", "certificate_bad_signature", replace(good, view=1))
    yield certified(
        "one_signer_for_three", "certificate_bad_signature", replace(good, signatures=(good.signatures[0],) * 3)
    )
    yield certified("signatures_swapped", "certificate_bad_signature", replace(good, signatures=good.signatures[::-1]))
    yield certified("signer_claimed", "certificate_signature_count", replace(good, signers=(0, 1, 2, 3)))
    yield certified("minority_padded", "certificate_signature_count", replace(good, signers=(0, 1)))
    yield certified("signer_beyond_set", "certificate_unknown_signer", replace(good, signers=(0, 1, 4)))
    yield certified("signature_zero", "certificate_bad_signature", replace(good, signatures=(bytes(64),) * 3))
    yield certified("other_validators_signed", "certificate_bad_signature", other.certificate(header))
    yield certified("certificate_of_parent", "certificate_block", toy.certificate(parent))
    yield certified("certificate_of_other_height", "certificate_block", replace(good, height=header.height - 1))
    yield certified("certificate_of_other_hash", "certificate_block", replace(good, block_hash=bytes(range(32))))
    foreign = header_entry(other, replace(header, validators_hash=other.validators.hash))
    yield altered("other_validators", "other_validators", item, lambda b: b.update(foreign))
    genesis = toy.store.header(0)
    assert genesis is not None, "every chain has block 0"
    founding = header_entry(toy, genesis)
    yield altered("genesis_colluding", "genesis_header", item, lambda b: b.update(founding))


def _headers(chains: ProofChains) -> Iterator[BadBundle]:
    """Every field of the newest header, changed under the certificate that it has."""
    item = chains.good["item"]
    header = header_of(item)
    changes: dict[str, tuple[str, Any]] = {
        "chain_id": ("header_chain", bytes(32)),
        "height": ("certificate_block", header.height + 1),
        "time_ms": ("certificate_block", header.time_ms + 86_400_000),
        "parent_hash": ("certificate_block", bytes(32)),
        "proposer": ("certificate_block", bytes(32)),
        "transactions_root": ("certificate_block", bytes(32)),
        "receipts_root": ("certificate_block", bytes(32)),
        "state_root": ("certificate_block", header_of(chains.earlier).state_root),
        "validators_hash": ("other_validators", bytes(32)),
        "next_validators_hash": ("certificate_block", bytes(32)),
    }
    for name, (reason, value) in changes.items():
        changed = replace(header, **{name: value})
        yield with_bytes(f"header_{name}altered", reason, item, ["header"], partial(_always, changed.encoded))
    yield BadBundle("stale", "stale", item, time_ms_min=header.time_ms + 1)
    yield BadBundle("stale_height", "stale", item, height_min=header.height + 1)
    older = {name: chains.earlier[name] for name in ("header", "certificate")}
    yield altered("older_header_for_the_newest", "head_path", item, lambda b: b.update(older))
    yield BadBundle("older_bundle_as_fresh", "stale", chains.earlier, height_min=header.height)


def _inclusion(chains: ProofChains) -> Iterator[BadBundle]:
    toy, bundle = chains.toy, chains.good["transaction"]
    block = toy.store.block(1)
    assert block is not None, "block 1 was built"
    entry = bundle["inclusion"]

    def changed(name: str, reason: str, **fields: object) -> BadBundle:
        return altered(name, reason, bundle, lambda b: b["inclusion"].update(fields))

    def exchanged(name: str, reason: str, transaction: bytes) -> BadBundle:
        return altered(name, reason, bundle, lambda b: b.update(transactions=[to_base64url(transaction)]))

    path, receipt_path = entry["transaction_path"], entry["receipt_path"]
    body = block.transactions[1].body
    forged = key_named("thief").sign(signed_preimage("transaction", toy.genesis.chain_id, body))
    yield exchanged("signature_of_thief", "transaction_signature", encode([body, forged]))
    yield exchanged("signature_zero_for_client", "transaction_signature", encode([body, bytes(64)]))
    unsent = toy.transaction(record(ITEM_KEY, step="never committed"))
    yield exchanged("transaction_never_committed", "transaction_path", unsent.encoded)
    yield altered(
        "header_of_another_block",
        "transaction_path",
        bundle,
        lambda b: b.update({name: chains.earlier[name] for name in ("header", "certificate")}),
    )
    yield changed("moved_to_other_place", "transaction_path", index=0)
    yield changed("moved_to_last_place", "transaction_path", index=2)
    yield changed("path_short", "transaction_path", transaction_path=path[:-1])
    yield changed("path_long", "transaction_path", transaction_path=[*path, path[0]])
    yield changed("path_empty", "transaction_path", transaction_path=[])
    yield changed("path_reversed", "transaction_path", transaction_path=path[::-1])
    yield changed("path_flipped", "transaction_path", transaction_path=[flipped(path[0]), path[1]])
    yield changed("receipt_path_short", "receipt_path", receipt_path=receipt_path[:-1])
    yield changed("receipt_path_long", "receipt_path", receipt_path=[*receipt_path, path[0]])
    yield changed("receipt_path_flipped", "receipt_path", receipt_path=[receipt_path[0], flipped(receipt_path[1])])
    other_receipt = block.receipts[2].encode()
    yield changed("receipt_of_neighbour", "receipt_path", receipt=to_base64url(other_receipt))
    yield changed(
        "receipt_made_a_failure", "receipt_path", receipt=to_base64url(replace(block.receipts[1], code=9).encode())
    )
    yield _failed_made_a_success(chains)
    # Colluding validators: a receipts tree in which two receipts stand in each other's place.
    receipts = [block.receipts[0].encode(), other_receipt, block.receipts[1].encode()]
    swapped = replace(block.header, receipts_root=root(receipts))
    yield altered(
        "receipt_of_neighbour_colluding",
        "receipt_transaction",
        bundle,
        lambda b: (
            b.update(header_entry(toy, swapped)),
            b["inclusion"].update(
                receipt=to_base64url(other_receipt),
                receipt_path=[to_base64url(node) for node in inclusion_path(receipts, 1)],
            ),
        ),
    )


def _failed_made_a_success(chains: ProofChains) -> BadBundle:
    block = chains.toy.store.block(2)
    assert block is not None, "block 2 was built"
    receipt = replace(block.receipts[1], code=0, failed_operation=None, outputs=(None, None))
    return altered(
        "failure_made_a_success",
        "receipt_path",
        chains.good["transaction_failed"],
        lambda b: b["inclusion"].update(receipt=to_base64url(receipt.encode())),
    )


def _heads(chains: ProofChains) -> Iterator[BadBundle]:
    item, absent, plain = chains.good["item"], chains.good["no_such_item"], chains.good["head_without_history"]
    earlier = chains.earlier
    path = item["heads"][0]["path"]

    def changed(name: str, reason: str, bundle: object = item, **fields: object) -> BadBundle:
        return altered(name, reason, bundle, lambda b: b["heads"][0].update(fields))

    yield changed("state_path_cut", "head_path", path=path[:-1])
    yield changed("state_path_empty", "head_path", path=[])
    yield changed("state_path_extended", "head_path", path=[*path, path[-1]])
    yield changed("state_path_reversed", "head_path", path=path[::-1])
    yield changed("state_node_flipped", "head_path", path=[flipped(path[0]), *path[1:]])
    yield changed("state_node_long", "head_path", path=[*path[:-1], path[-1] + "AAAA"])
    yield changed("state_path_of_earlier_block", "head_path", path=earlier["heads"][0]["path"])
    yield altered("earlier_state_as_present", "head_path", item, lambda b: b.update(heads=earlier["heads"]))
    yield changed("present_shown_as_absent", "head_present", value=None)
    yield changed("plain_head_shown_as_absent", "head_present", plain, value=None)
    yield changed("absent_shown_as_present", "head_absent", absent, value=to_base64url(encode({"kind": "toy"})))
    yield altered(
        "removed_shown_as_present",
        "head_absent",
        chains.good["removed_head"],
        lambda b: b["heads"][0].update(value=to_base64url(encode({"value": 1}))),
    )
    yield changed("plain_value_of_earlier_block", "head_value", plain, value=to_base64url(encode({"value": 1})))
    yield changed("history_taken_from_head", "head_value", value=to_base64url(encode({"kind": "toy"})))
    # A record hidden without a contradiction inside the bundle: head, history and transactions as of two records ago.
    yield altered("records_hidden_consistently", "head_value", item, lambda b: _as_after(chains, b, 2))
    yield altered("key_of_other_head", "head_path", item, lambda b: _rekeyed(b, PLAIN_KEY))
    yield altered("absent_key_for_present", "head_path", absent, lambda b: _rekeyed(b, ITEM_KEY))


def _histories(chains: ProofChains) -> Iterator[BadBundle]:
    item, statement = chains.good["item"], chains.good["statement"]
    other_history = chains.good["item_at_tip"]["history"]

    def records(name: str, reason: str, change: Callable[[list[list[Any]]], object]) -> BadBundle:
        return altered(name, reason, item, lambda b: change(b["history"][0]["records"]))

    yield records("last_record_left_out", "history_count", lambda r: r.pop())
    yield records("first_record_left_out", "history_count", lambda r: r.pop(0))
    yield records("all_records_left_out", "history_count", lambda r: r.clear())
    yield records("record_repeated", "history_count", lambda r: r.append(r[-1]))
    yield records("record_replaced_by_other", "history_chain", lambda r: r.__setitem__(1, r[0]))
    yield records("records_reversed", "history_chain", lambda r: r.reverse())
    yield records("records_swapped", "history_chain", lambda r: r.insert(1, r.pop(2)))
    yield records("record_of_other_operation", "history_chain", lambda r: r[0].__setitem__(1, 1))
    yield records("record_of_no_operation", "record_operation", lambda r: r[0].__setitem__(1, 2))
    yield records("record_of_no_transaction", "record_transaction", lambda r: r[3].__setitem__(0, 4))
    yield records("record_at_other_height", "history_chain", lambda r: r[0].__setitem__(2, 2))
    yield records("record_at_other_place", "history_chain", lambda r: r[0].__setitem__(3, 0))
    yield records("record_backdated", "history_chain", lambda r: r[0].__setitem__(4, r[0][4] - 1))
    yield records("record_of_other_output", "history_chain", lambda r: r[0].__setitem__(5, to_base64url(encode(1))))
    failed = transactions_of(chains.good["transaction_failed"])[0]
    yield altered(
        "record_of_failed_transaction", "history_chain", item, lambda b: b["transactions"].__setitem__(1, failed)
    )
    yield altered("transaction_of_record_left_out", "record_transaction", item, lambda b: b["transactions"].pop())
    yield altered("history_left_out", "history_missing", item, lambda b: b.update(history=[]))
    yield altered("history_of_other_head", "history_head", item, lambda b: b.update(history=other_history))
    yield altered(
        "history_of_absent_head",
        "history_head",
        chains.good["removed_head"],
        lambda b: b["history"].append(_empty_history(GONE_KEY)),
    )
    yield altered(
        "history_of_plain_head",
        "history_head",
        chains.good["head_without_history"],
        lambda b: b["history"].append(_empty_history(PLAIN_KEY)),
    )
    yield altered(
        "history_from_other_chain_value",
        "history_zero_chain",
        item,
        lambda b: b["history"][0].update(after_chain=_HASH_TEXT),
    )
    yield altered("tail_shown_as_whole", "history_start", statement, _as_whole)
    yield altered(
        "tail_chain_changed", "history_chain", statement, lambda b: b["history"][0].update(after_chain=_HASH_TEXT)
    )
    yield altered("tail_begins_later", "history_count", statement, lambda b: b["history"][0].update(after_count=3))
    yield altered("tail_of_other_start", "history_start", statement, lambda b: b["subject"].update(after_count=1))


def _subjects(chains: ProofChains) -> Iterator[BadBundle]:
    item, transaction, other = chains.good["item"], chains.good["transaction"], chains.good["item_at_tip"]
    yield altered(
        "subject_other_transaction", "subject", transaction, lambda b: b["subject"].update(transaction_id=_HASH_TEXT)
    )
    yield altered("subject_other_key", "subject", item, lambda b: b["subject"].update(key=to_base64url(OTHER_KEY)))
    yield altered("subject_without_head", "subject", item, lambda b: b.update(heads=[], history=[]))
    yield altered(
        "subject_without_transaction", "transaction_position", transaction, lambda b: b.update(transactions=[])
    )
    yield altered("second_head", "subject", item, lambda b: b.update(heads=[*b["heads"], *other["heads"]]))
    yield altered("subject_without_inclusion", "subject", transaction, lambda b: b.update(inclusion=None))
    yield altered("head_with_transaction", "head_path", transaction, lambda b: b.update(heads=item["heads"]))
    alone = chains.good["transaction_alone_in_block"]
    yield altered("head_with_transaction_of_the_tip", "unused_head", alone, lambda b: b.update(heads=item["heads"]))
    yield altered(
        "place_in_a_block_with_a_head",
        "transaction_position",
        item,
        lambda b: b.update(inclusion=alone["inclusion"]),
    )
    yield altered(
        "transaction_too_many", "unused_transaction", item, lambda b: b["transactions"].extend(transactions_of(alone))
    )
    block = chains.solo.store.block(1)
    assert block is not None, "the chain has one block"
    placed: Any = transaction_bundle(chains.solo.store, block.transactions[0].transaction_id)
    of_record = altered(
        "place_of_a_record",
        "unused_inclusion",
        chains.good["solo_item"],
        lambda b: b.update(inclusion=placed["inclusion"]),
    )
    yield replace(of_record, trust="solo")


def _doubled(name: str, bundle: Any) -> None:
    bundle[name].insert(0, deepcopy(bundle[name][0]))


def _always(data: bytes, before: bytes) -> bytes:
    del before
    return data


def _as_after(chains: ProofChains, bundle: Any, count: int) -> None:
    """Make a whole item bundle tell the state as it was after ``count`` records, without a slip."""
    history, head = bundle["history"][0], bundle["heads"][0]
    history["records"] = history["records"][:count]
    bundle["transactions"] = bundle["transactions"][:count]
    tail = chains.good["statement"]["history"]
    assert tail[0]["after_count"] == count, "the statement tells the chain after as many records"
    chain = bytes_of(tail[0]["after_chain"], "chain", 32)
    head["value"] = to_base64url(encode({"kind": "toy", "count": count, "chain": chain}))


def _with_index(index: object, bundle: Any) -> None:
    bundle["inclusion"]["index"] = index


def _with_transactions_reversed(bundle: Any) -> None:
    bundle["transactions"].reverse()
    for entry in bundle["history"][0]["records"]:
        entry[0] = len(bundle["transactions"]) - 1 - entry[0]


def _longer(data: bytes) -> bytes:
    return data + b"\0"


def _as_whole(bundle: Any) -> None:
    bundle["kind"] = "head"
    del bundle["subject"]["after_count"]


def _rekeyed(bundle: Any, key: bytes) -> None:
    bundle["subject"]["key"] = bundle["heads"][0]["key"] = to_base64url(key)
    for history in bundle["history"]:
        history["key"] = to_base64url(key)


def _empty_history(key: bytes) -> dict[str, Any]:
    return {"key": to_base64url(key), "after_count": 0, "after_chain": to_base64url(ZERO_HASH), "records": []}


def _spare_bits(text: str) -> str:
    """Return another spelling of 32 bytes in base64url: the last character has two bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


def _longer_bitmap(data: bytes) -> bytes:
    height, view, block_hash, bitmap, signatures = fields_of_encoded(data)
    return encode([height, view, block_hash, bytes(bitmap) + b"\0", signatures])
