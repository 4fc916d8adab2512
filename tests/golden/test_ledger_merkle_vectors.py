"""The RFC 6962 probes of the transparency-dev project: every good proof is accepted, every bad one refused."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from ledger import merkle
from tests.support.shared_data import shared_data


def probes(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = shared_data("crypto/merkle/testdata") / kind
    for path in sorted(folder.rglob("*.json")):
        yield str(path.relative_to(folder)), json.loads(path.read_text(encoding="utf-8"))


def decoded(text: str | None) -> bytes:
    return base64.b64decode(text or "", validate=True)


def path_of(probe: dict[str, Any]) -> list[bytes]:
    return [decoded(entry) for entry in probe["proof"] or []]


def test_inclusion_probes() -> None:
    verdicts = {
        name: merkle.verify_inclusion(
            probe["leafIdx"], probe["treeSize"], decoded(probe["leafHash"]), path_of(probe), decoded(probe["root"])
        )
        for name, probe in probes("inclusion")
    }
    assert verdicts == {name: not probe["wantErr"] for name, probe in probes("inclusion")}
    assert (len(verdicts), sum(verdicts.values())) == (98, 6)


def test_subtree_inclusion_probes_that_start_at_the_first_leaf() -> None:
    """A subtree from leaf 0 is a tree of its own; the rest is about a form that we have not."""
    chosen = {name: probe for name, probe in probes("subtreeinclusion") if probe["start"] == 0}
    verdicts = {
        name: merkle.verify_inclusion(
            probe["leafIdx"], probe["end"], decoded(probe["leafHash"]), path_of(probe), decoded(probe["root"])
        )
        for name, probe in chosen.items()
    }
    assert verdicts == {name: not probe["wantErr"] for name, probe in chosen.items()}
    assert (len(verdicts), sum(verdicts.values())) == (101, 6)


def test_consistency_probes() -> None:
    verdicts = {
        name: merkle.verify_consistency(
            probe["size1"], probe["size2"], decoded(probe["root1"]), decoded(probe["root2"]), path_of(probe)
        )
        for name, probe in probes("consistency")
    }
    expected = {name: not probe["wantErr"] for name, probe in probes("consistency")}
    # Its roots are 12 bytes of text. We accept nothing that is not a hash, whatever the sizes are.
    assert expected.pop("additional/sizes-are-equal-one-and-proof-is-empty.json") is True
    assert verdicts.pop("additional/sizes-are-equal-one-and-proof-is-empty.json") is False
    assert verdicts == expected
    assert (len(verdicts), sum(verdicts.values())) == (97, 5)


def test_published_hashes() -> None:
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert (
        merkle.node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )
