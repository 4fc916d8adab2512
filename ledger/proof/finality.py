"""Which validators are in force at which height, and whether a quorum of them decided a block (step 3).

The trust root names a first set. Each change on top of it is vouched for by validators who are trusted already: by a
quorum of those whom it replaces (``next``), or by so many that one of them must be honest (``skip``; the argument is in
docs/proofs.md and rests on ``f`` of "Practical Byzantine Fault Tolerance", Castro and Liskov, OSDI 1999).
"""

from bisect import bisect_left
from dataclasses import replace

from ledger.block import Header
from ledger.certificate import OF_ANOTHER_BLOCK, Certificate
from ledger.errors import ProofError
from ledger.proof.parts import NEXT, Bundle, ChangeEntry
from ledger.proof.trust import TrustRoot, ValidatorsFrom
from ledger.validators import ValidatorSet


class Timeline:
    """The validators of each height, as far as they are known: those of the trust root and of proven changes."""

    def __init__(self, trust: TrustRoot) -> None:
        self._trust = trust
        self.followed = 0
        """How many changes were checked; those from before the trust root are passed over."""
        self._sets = [*trust.earlier, ValidatorsFrom(trust.height, trust.validators)]

    def in_force(self, height: int) -> ValidatorSet | None:
        """Return the set whose signatures decide the block at a height; None where the trust root begins later."""
        place = bisect_left(self._sets, height, key=lambda entry: entry.height)
        return self._sets[place - 1].validators if place else None

    def known(self, height: int) -> ValidatorSet:
        """Return the set in force at the height of a proven header."""
        validators = self.in_force(height)
        assert validators is not None, "a header is proven by validators that are known"
        return validators

    def add(self, height: int, validators: ValidatorSet) -> None:
        """Put a set in force from the block after ``height`` on; raises ProofError where another one is known to be."""
        place = bisect_left(self._sets, height, key=lambda entry: entry.height)
        if place < len(self._sets) and self._sets[place].height == height:
            if self._sets[place].validators != validators:
                raise ProofError("change_conflict", f"other validators are known to follow block {height}")
            return
        self._sets.insert(place, ValidatorsFrom(height, validators))

    def trust_at(self, header: Header) -> TrustRoot:
        """Return the trust root that begins after a block; the sets before stay in it, each named once."""
        earlier: list[ValidatorsFrom] = []
        for entry in self._sets:
            if entry.height < header.height and (not earlier or earlier[-1].validators != entry.validators):
                earlier.append(entry)
        return replace(
            self._trust,
            validators=self.known(header.height + 1),
            height=header.height,
            block_hash=header.hash,
            time_ms=header.time_ms,
            earlier=tuple(earlier),
        )


def check_finality(bundle: Bundle, trust: TrustRoot) -> tuple[Timeline, TrustRoot]:
    """Check that every header is final; return who was in force when, and the newest trust root that this leads to."""
    timeline = Timeline(trust)
    newest: Header | None = None
    for change in bundle.changes:
        if _follow(timeline, change, trust.chain_id):
            _check_trusted_block(change.header, trust)
            timeline.followed += 1
            newest = change.header
    header = bundle.header
    _check_voted(header)
    validators = timeline.in_force(header.height)
    if validators is None:
        raise ProofError("before_trust", f"header {header.height} stands before all that the trust root knows of")
    if header.validators_hash != validators.hash:
        raise ProofError("other_validators", f"header {header.height} names others than the validators in force")
    _check_certificate(header, bundle.certificate, validators, trust.chain_id)
    _check_trusted_block(header, trust)
    is_settled = header.next_validators_hash == header.validators_hash
    if is_settled and (newest is None or newest.height < header.height):
        newest = header
    if newest is None or newest.height <= trust.height:
        return timeline, trust
    return timeline, timeline.trust_at(newest)


def _follow(timeline: Timeline, change: ChangeEntry, chain_id: bytes) -> bool:
    """Take in a change; return whether it was, for one from before the trust root is passed over."""
    header, validators = change.header, change.validators
    _check_voted(header)
    trusted = timeline.in_force(header.height)
    if trusted is None:
        return False
    if change.kind == NEXT:
        if header.validators_hash != trusted.hash:
            raise ProofError("other_validators", f"header {header.height} names others than the validators in force")
        if header.next_validators_hash == header.validators_hash:
            raise ProofError("change_nothing", f"the validators stay the same after block {header.height}")
        if header.next_validators_hash != validators.hash:
            raise ProofError("change_validators", f"header {header.height} names other validators for the next block")
        _check_certificate(header, change.certificate, trusted, chain_id)
        timeline.add(header.height, validators)
        return True
    if header.validators_hash != validators.hash or header.next_validators_hash != validators.hash:
        raise ProofError("change_validators", f"header {header.height} names other validators")
    _check_certificate(header, change.certificate, validators, chain_id)
    signers = [validators[index].public_key for index in change.certificate.signers]
    known = sum(trusted.index_of(public_key) is not None for public_key in signers)
    if known <= trusted.faults_tolerated:
        raise ProofError(
            "skip_untrusted",
            f"{known} of the trusted validators signed block {header.height}, {trusted.faults_tolerated} may lie",
        )
    timeline.add(header.height - 1, validators)
    return True


def _check_voted(header: Header) -> None:
    # Nobody votes on block 0. All that it set is in the state of every later block, so no proof needs its header.
    if header.height == 0:
        raise ProofError("genesis_header", "block 0 has no votes; a bundle proves nothing by its header")


def _check_trusted_block(header: Header, trust: TrustRoot) -> None:
    if header.height == trust.height and trust.block_hash not in (None, header.hash):
        raise ProofError("trusted_block", f"block {header.height} is another than the one that the trust root names")


def _check_certificate(header: Header, certificate: Certificate, validators: ValidatorSet, chain_id: bytes) -> None:
    refusal = certificate.block_refusal(header.height, header.hash, validators, chain_id)
    if refusal == OF_ANOTHER_BLOCK:
        raise ProofError("certificate_block", f"the certificate with header {header.height} is for another block")
    if refusal is not None:
        raise ProofError(f"certificate_{refusal}", f"no quorum stands behind block {header.height}: {refusal}")
