"""The full check of a ledger: every row that can be compared with something is compared with it.

What the walk at start leaves out for the sake of speed is done here: certificates against their validators, bodies
and their indexes against the headers, the state tree against the tip's state root, heads against the tree.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, TypeAlias

from ledger.authenticated_map import TreeWalk, key_hash, prove, value_hash, verify
from ledger.block import Header
from ledger.certificate import OF_ANOTHER_BLOCK, Certificate
from ledger.errors import ProofError
from ledger.keys import Verifier
from ledger.keys import verify as verify_signature
from node.storage.bodies import MALFORMED
from node.storage.database import PinnedValues, prefix_end
from node.storage.errors import DamagedError
from node.storage.link_index import LINK, row_height
from node.storage.rows import BODY, EVENT, HEAD, NODE, TRANSACTION, block_key, body_rows
from node.storage.store import Store

Progress: TypeAlias = Callable[[str, int, int], None]
"""(what is checked, how many are done, how many there are or 0 where that is not known)"""

_STEP: Final = 1_000
_FINDINGS_MAX: Final = 100


def check_ledger(store: Store, progress: Progress, verifier: Verifier = verify_signature) -> list[str]:
    """Return what is wrong with a ledger, in words, at most a hundred findings; none means that all of it is right."""
    rows = store.pin()
    try:
        found: list[str] = []
        for finding in _Check(store, rows, progress, verifier).findings():
            found.append(finding)
            if len(found) == _FINDINGS_MAX:
                break
        return found
    finally:
        rows.close()


class _Check:
    def __init__(self, store: Store, rows: PinnedValues, progress: Progress, verifier: Verifier) -> None:
        self._store = store
        self._rows = rows
        self._progress = progress
        self._verifier = verifier

    def findings(self) -> Iterator[str]:
        for part in (self._blocks, self._tree_and_heads):
            try:
                yield from part()
            except (DamagedError, *MALFORMED) as error:
                yield str(error)

    # Blocks

    def _blocks(self) -> Iterator[str]:
        tip_height = self._store.tip.height
        earliest = self._store.earliest_height
        counts = {BODY: 0, TRANSACTION: 0, EVENT: 0, LINK: 0}
        previous: Header | None = None
        for height in range(tip_height + 1):
            found = self._store.certified_header(height)
            assert found is not None, "the walk at start found all headers"
            header, certificate = found
            if previous is not None:
                yield from self._certificate_findings(previous, header, certificate)
            if height >= earliest:
                try:
                    yield from self._body_findings(height, counts)
                except DamagedError as error:
                    yield str(error)
            previous = header
            if height % _STEP == 0 or height == tip_height:
                self._progress("blocks", height, tip_height)
        for prefix, expected in counts.items():
            # The links of a body that was given up stay, with nothing left to compare them with.
            there = sum(
                1
                for key, _ in self._rows.scan(prefix, prefix_end(prefix))
                if prefix != LINK or row_height(key) >= earliest
            )
            if there != expected:
                yield f"there are {there} rows of kind {prefix.decode()}, the blocks make {expected}"

    def _certificate_findings(self, previous: Header, header: Header, certificate: Certificate | None) -> Iterator[str]:
        if header.validators_hash != previous.next_validators_hash:
            yield f"block {header.height} is signed by other validators than block {previous.height} announced"
        validators = self._store.validators(header.validators_hash)
        if validators is None:
            yield f"the validators of block {header.height} are missing"
            return
        refusal = (
            OF_ANOTHER_BLOCK
            if certificate is None
            else certificate.block_refusal(header.height, header.hash, validators, header.chain_id, self._verifier)
        )
        if refusal == OF_ANOTHER_BLOCK:
            yield f"block {header.height} has no certificate of its own"
        elif refusal is not None:
            yield f"the certificate of block {header.height} does not hold: {refusal}"

    def _body_findings(self, height: int, counts: dict[bytes, int]) -> Iterator[str]:
        block = self._store.block(height)
        assert block is not None, "a header without a body is an error of its own"
        for index, transaction in enumerate(block.transactions):
            if not transaction.is_authentic(self._verifier):
                yield f"transaction {index} of block {height} is not signed by its sender"
        for key, value in body_rows(height, block.transactions, block.receipts).items():
            counts[key[:1]] += 1
            if key != block_key(BODY, height) and self._rows.get(key) != value:
                yield f"an index row (kind {key[:1].decode()}) of block {height} is wrong or missing"

    # State

    def _tree_and_heads(self) -> Iterator[str]:
        """Compare the heads with the leaves of the tree as two sets, by the sums of the hashes of their members.

        That takes no memory. Where the sums differ, each head is looked up in the tree to name those that are wrong.
        """
        leaf_count, leaf_sum = self._tree()
        head_count, head_sum = 0, 0
        for key, encoded in self._rows.scan(HEAD, prefix_end(HEAD)):
            head_count += 1
            head_sum += _member(key_hash(key[1:]) + value_hash(encoded))
            if head_count % _STEP == 0:
                self._progress("heads", head_count, leaf_count)
        self._progress("heads", head_count, leaf_count)
        if (leaf_count, leaf_sum) == (head_count, head_sum):
            return
        if leaf_count != head_count:
            yield f"there are {head_count} heads, the state tree has {leaf_count}"
        for key, encoded in self._rows.scan(HEAD, prefix_end(HEAD)):
            proof = prove(lambda path: self._rows.get(NODE + path), key[1:])
            if verify(self._store.tip.state_root, key[1:], proof) != value_hash(encoded):
                yield f"the head {key[1:]!r} is not the one that the state tree holds"

    def _tree(self) -> tuple[int, int]:
        """Walk the tree and return the number and the sum of its leaves; raises DamagedError."""
        walk = TreeWalk(self._store.tip.state_root)
        count = total = 0
        for key, encoded in self._rows.scan(NODE, prefix_end(NODE)):
            path = key[1:]
            if walk.next_path != path:
                raise DamagedError(f"node {path.hex() or 'root'} of the state tree is out of place")
            try:
                leaves = walk.take(encoded)
            except ProofError as error:
                raise DamagedError(f"node {path.hex() or 'root'} of the state tree is damaged: {error}") from error
            for leaf in leaves:
                count += 1
                total += _member(leaf)
                if count % _STEP == 0:
                    self._progress("state tree", count, 0)
        if walk.next_path is not None:
            raise DamagedError(f"node {walk.next_path.hex() or 'root'} of the state tree is missing")
        return count, total


def _member(leaf: bytes) -> int:
    return int.from_bytes(sha256(leaf).digest(), "big")
