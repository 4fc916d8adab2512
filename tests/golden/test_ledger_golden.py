"""The golden files are what the program makes, on any machine, and say of themselves what they should.

A file that only repeats what the program says would prove nothing, so its content is also read here by the plain
rules of docs/formats.md: hashlib, and nothing of the code that wrote it where that can be helped.
"""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.authenticated_map import verify
from ledger.block import decode_header
from ledger.certificate import decode_certificate
from ledger.codec import decode, encode
from ledger.errors import CodecError
from ledger.genesis import genesis_from_json
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.readable import from_json
from ledger.transaction import decode_transaction
from tests.golden.generate import FOLDER
from tests.golden.ledger_vectors import texts
from tests.support.shared_data import REPOSITORY


def golden(name: str) -> Any:
    return json.loads((FOLDER / f"ledger_{name}.json").read_text(encoding="utf-8"))


def sha256(what: str, *parts: bytes) -> str:
    return hashlib.sha256(b"tradelane/" + what.encode() + b"/v1\0" + b"".join(parts)).hexdigest()


def test_the_files_are_what_the_program_makes() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("ledger_*.json")} == texts()


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_a_process_with_another_hash_seed_makes_the_same_bytes(seed: str) -> None:
    command = [sys.executable, "-m", "tests.golden.generate", "--check"]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "0", "LC_ALL": "C", "TZ": "Pacific/Auckland"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_codec() -> None:
    vectors = golden("codec")
    assert (len(vectors["accepted"]), len(vectors["refused"])) == (49, 25)
    for case in vectors["accepted"]:
        value, data = from_json(case["value"]), bytes.fromhex(case["hex"])
        assert encode(value) == data
        assert decode(data) == value
    for case in vectors["refused"]:
        with pytest.raises(CodecError) as refusal:
            decode(bytes.fromhex(case["hex"]))
        assert refusal.value.code == case["code"]


def test_transaction() -> None:
    vector = golden("objects")["transaction"]
    chain_id = bytes.fromhex(golden("objects")["genesis"]["chain_id"])
    body = bytes.fromhex(vector["body"])
    assert len(body) == 0xD5
    assert vector["encoded"] == "92c4d5" + vector["body"] + "c440" + vector["signature"]
    assert vector["signed"] == (b"tradelane/transaction/v1\0" + chain_id + body).hex()
    assert vector["transaction_id"] == sha256("transaction", body)
    signature = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32).sign(bytes.fromhex(vector["signed"]))
    assert vector["signature"] == signature.hex()
    transaction = decode_transaction(bytes.fromhex(vector["encoded"]))
    assert transaction.is_authentic()
    version, chain, sender, nonce, valid_until_ms, operations = vector["body_value"]
    assert (version, chain["$bytes"], nonce["$bytes"]) == (1, chain_id.hex(), bytes(range(16)).hex())
    assert sender["$bytes"] == transaction.sender.hex()
    assert valid_until_ms == transaction.valid_until_ms
    assert [[entry.method, entry.arguments] for entry in transaction.operations] == operations


def test_header_receipt_and_certificate() -> None:
    vectors = golden("objects")
    header = decode_header(bytes.fromhex(vectors["header"]["encoded"]))
    assert header.hash.hex() == vectors["header"]["hash"] == sha256("header", header.encoded)
    # One leaf: its hash is the root.
    assert header.receipts_root.hex() == vectors["receipt"]["leaf_hash"]
    assert (
        header.receipts_root.hex() == hashlib.sha256(b"\0" + bytes.fromhex(vectors["receipt"]["encoded"])).hexdigest()
    )
    transaction_id = bytes.fromhex(vectors["transaction"]["transaction_id"])
    assert header.transactions_root == hashlib.sha256(b"\0" + transaction_id).digest()
    assert header.validators_hash.hex() == vectors["validators"]["hash"]
    certificate = decode_certificate(bytes.fromhex(vectors["certificate"]["encoded"]))
    assert certificate.block_hash == header.hash
    assert certificate.signers == (0, 2, 3)
    signed = b"tradelane/commit/v1\0" + header.chain_id + encode([header.height, certificate.view, header.hash])
    assert vectors["certificate"]["signed"] == signed.hex()


def test_genesis_and_validators() -> None:
    vectors = golden("objects")
    genesis = genesis_from_json(json.dumps(vectors["genesis"]["document"]))
    assert genesis.chain_id.hex() == vectors["genesis"]["chain_id"]
    assert vectors["genesis"]["chain_id"] == sha256("genesis", encode(from_json(vectors["genesis"]["document"])))
    assert vectors["validators"]["hash"] == sha256("validators", encode(from_json(vectors["validators"]["value"])))


def test_history() -> None:
    vectors = golden("objects")
    transaction_id = bytes.fromhex(vectors["transaction"]["transaction_id"])
    chain = bytes(32)
    for index in (0, 1):
        history = vectors["history"]
        output = sha256("output", encode(from_json(history["outputs"][index])))
        assert history["output_hashes"][index] == output
        place = [
            index.to_bytes(4, "big"),
            history["height"].to_bytes(8, "big"),
            history["transaction_index"].to_bytes(4, "big"),
            history["time_ms"].to_bytes(8, "big"),
        ]
        record = sha256("record", transaction_id, *place, bytes.fromhex(output))
        assert history["record_hashes"][index] == record
        chain = bytes.fromhex(sha256("chain", chain, bytes.fromhex(record), (index + 1).to_bytes(8, "big")))
        assert vectors["history"]["chains"][index] == chain.hex()


def test_state_trees() -> None:
    trees = golden("state_tree")
    assert [(tree["name"], len(tree["heads"])) for tree in trees] == [
        ("empty", 0),
        ("one", 1),
        ("two", 2),
        ("twenty", 20),
    ]
    for tree in trees:
        root = bytes.fromhex(tree["root"])
        assert tree["root"] == sha256("node", bytes.fromhex(tree["nodes"][""]))
        for proof in tree["proofs"]:
            key = bytes.fromhex(proof["key"])
            head = tree["heads"].get(proof["key"])
            expected = None if head is None else sha256("head", bytes.fromhex(head))
            found = verify(root, key, [bytes.fromhex(node) for node in proof["nodes"]])
            assert (proof["value_hash"], None if found is None else found.hex()) == (expected, expected)
            # Nodes are addressed by the digits of the key's hash.
            assert proof["key_hash"] == sha256("key", key)
            places = [proof["key_hash"][:depth] for depth in range(len(proof["nodes"]))]
            assert [tree["nodes"][place] for place in places] == proof["nodes"]


def test_merkle_trees() -> None:
    trees = golden("merkle")
    assert [len(tree["leaves"]) for tree in trees] == list(range(10))
    for tree in trees:
        size = len(tree["leaves"])
        for index, leaf in enumerate(tree["leaves"]):
            path = [bytes.fromhex(entry) for entry in tree["paths"][index]]
            assert verify_inclusion(index, size, leaf_hash(bytes.fromhex(leaf)), path, bytes.fromhex(tree["root"]))
