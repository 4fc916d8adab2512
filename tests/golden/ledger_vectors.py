"""What the golden files of the ledger floor hold, made anew from fixed keys, nonces and times.

Bytes are hexadecimal, values are readable JSON (``ledger.readable``), so that a program in another language can be
held against the same files. docs/formats.md describes the formats.
"""

import json
from collections.abc import Mapping
from typing import Any

from ledger import authenticated_map, merkle
from ledger.certificate import VoteKind, vote_preimage
from ledger.codec import Value, decode, encode
from ledger.errors import LedgerError
from ledger.hashing import ZERO_HASH
from ledger.keys import signed_preimage
from ledger.readable import to_json
from ledger.state import head_key, next_chain, output_hash, record_hash
from tests.support import ledger_samples as samples

ACCEPTED: list[Value] = [
    None, False, True,
    0, 1, 127, 128, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
    -1, -32, -33, -128, -129, -32_768, -32_769, -(1 << 31), -(1 << 31) - 1, -(1 << 63),
    "", "a", "x" * 31, "x" * 32, "x" * 256, "é", "汉字", "\0", "🍺",
    b"", b"\0", bytes(255), bytes(256),
    [], [1, [2, [3]]], list(range(15)), list(range(16)), [[[[[[[[]]]]]]]],
    {}, {"a": 1, "b": 2}, {"": 0, "A": 1, "a": 2, "aa": 3, "é": 4}, {f"{number:02}": None for number in range(16)},
    {"amount": 125_000, "from": "retailer/USD", "memo": None, "to": "brand/USD"},
]  # fmt: skip

# What a careless or hostile encoder writes, and the name under which it is refused.
REFUSED: list[tuple[str, str]] = [
    ("nothing", ""),
    ("an integer one byte too long", "cc01"),
    ("an integer as signed where unsigned is as short", "d200010000"),
    ("a string one byte too long", "d90161"),
    ("bytes two lengths too long", "c60000000161"),
    ("an array with a long count", "dc000101"),
    ("a map with a long count", "de0001a16101"),
    ("keys out of order", "82a16201a16101"),
    ("a key twice", "82a16101a16102"),
    ("an integer as key", "810101"),
    ("bytes as key", "81c4016101"),
    ("a 32-bit float", "ca3f800000"),
    ("a 64-bit float", "cb3ff0000000000000"),
    ("an extension type", "d40500"),
    ("a timestamp", "d6ff00000001"),
    ("the reserved byte", "c1"),
    ("bytes after the end", "0101"),
    ("an end too soon", "a261"),
    ("a count of four thousand millions", "ddffffffff"),
    ("a string that is not UTF-8", "a1ff"),
    ("a surrogate in UTF-8", "a3eda080"),
    ("a letter and its accent apart", "a365cc81"),
    ("a character that Unicode 14.0 does not assign", "a2cdb8"),
    ("nine levels", "91" * 9 + "01"),
    ("a thousand levels", "91" * 1000 + "01"),
]

TREES: dict[str, list[int]] = {"empty": [], "one": [0], "two": [0, 1], "twenty": list(range(20))}


def texts() -> dict[str, str]:
    """Return the golden files of the ledger floor by name."""
    contents = {"codec": codec(), "objects": objects(), "state_tree": state_tree(), "merkle": merkle_trees()}
    return {
        f"ledger_{name}.json": json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        for name, content in contents.items()
    }


def codec() -> dict[str, Any]:
    """Return values with their encoding, and encodings with the reason why they are refused."""
    return {
        "accepted": [{"value": to_json(value), "hex": encode(value).hex()} for value in ACCEPTED],
        "refused": [{"what": what, "hex": text, "code": refusal_code(bytes.fromhex(text))} for what, text in REFUSED],
    }


def refusal_code(data: bytes) -> str:
    """Return the code with which the decoder refuses the bytes."""
    try:
        decode(data)
    except LedgerError as error:
        return error.code
    raise AssertionError(f"{data.hex()} was accepted")


def objects() -> dict[str, Any]:
    """Return one object of each kind: its fields, its bytes, what is hashed and signed."""
    transaction, header, certificate = samples.TRANSACTION, samples.HEADER, samples.CERTIFICATE
    chain_id = samples.GENESIS.chain_id
    vote = vote_preimage(VoteKind.COMMIT, chain_id, certificate.height, certificate.view, certificate.block_hash)
    outputs: list[Value] = [None, {"moved": 3}]
    output_hashes = [output_hash(encode(output)) for output in outputs]
    records = [
        record_hash(transaction.transaction_id, index, 7, 2, header.time_ms, output_hashes[index]) for index in range(2)
    ]
    first = next_chain(ZERO_HASH, records[0], 1)
    return {
        "genesis": {"document": json.loads(samples.GENESIS.to_json()), "chain_id": chain_id.hex()},
        "validators": {"value": to_json(samples.VALIDATORS.to_value()), "hash": samples.VALIDATORS.hash.hex()},
        "transaction": {
            "body_value": to_json(decode(transaction.body)),
            "body": transaction.body.hex(),
            "signed": signed_preimage("transaction", chain_id, transaction.body).hex(),
            "signature": transaction.signature.hex(),
            "encoded": transaction.encoded.hex(),
            "transaction_id": transaction.transaction_id.hex(),
        },
        "receipt": {
            "value": to_json(decode(samples.RECEIPT.encode())),
            "encoded": samples.RECEIPT.encode().hex(),
            "leaf_hash": merkle.leaf_hash(samples.RECEIPT.encode()).hex(),
        },
        "header": {
            "value": to_json(decode(header.encoded)),
            "encoded": header.encoded.hex(),
            "hash": header.hash.hex(),
        },
        "certificate": {
            "value": to_json(certificate.to_value()),
            "encoded": certificate.encode().hex(),
            "signed": vote.hex(),
        },
        "history": {
            "outputs": [to_json(output) for output in outputs],
            "output_hashes": [value.hex() for value in output_hashes],
            "height": 7,
            "transaction_index": 2,
            "time_ms": header.time_ms,
            "record_hashes": [record.hex() for record in records],
            "chains": [first.hex(), next_chain(first, records[1], 2).hex()],
        },
    }


def state_tree() -> list[dict[str, Any]]:
    """Return trees of heads: every node by its path, and proofs for keys that are there and keys that are not."""
    return [_tree(name, {_key(number): encode({"n": number}) for number in numbers}) for name, numbers in TREES.items()]


def _tree(name: str, heads: Mapping[bytes, bytes]) -> dict[str, Any]:
    plan = authenticated_map.plan_update(lambda _: None, dict(heads))
    nodes = {path: encoded for path, encoded in plan.nodes.items() if encoded is not None}
    keys = sorted({*list(heads)[:3], _key(0), _key(1_000), _key(1_001)})
    return {
        "name": name,
        "heads": {key.hex(): encoded.hex() for key, encoded in sorted(heads.items())},
        "root": plan.root.hex(),
        "nodes": {_digits(path): encoded.hex() for path, encoded in sorted(nodes.items())},
        "proofs": [
            {
                "key": key.hex(),
                "key_hash": authenticated_map.key_hash(key).hex(),
                "value_hash": authenticated_map.value_hash(heads[key]).hex() if key in heads else None,
                "nodes": [encoded.hex() for encoded in authenticated_map.prove(nodes.get, key)],
            }
            for key in keys
        ],
    }


def _key(number: int) -> bytes:
    return head_key("item", f"item-{number}")


def _digits(path: bytes) -> str:
    return "".join(f"{branch:x}" for branch in path)


def merkle_trees() -> list[dict[str, Any]]:
    """Return RFC 6962 trees of up to nine leaves with every inclusion path."""
    trees = []
    for size in range(10):
        leaves = [b"leaf %d" % number for number in range(size)]
        trees.append(
            {
                "leaves": [leaf.hex() for leaf in leaves],
                "root": merkle.root(leaves).hex(),
                "paths": [[entry.hex() for entry in merkle.inclusion_path(leaves, index)] for index in range(size)],
            }
        )
    return trees
