"""The chain of headers: what makes a later block's state root as certain as the genesis document.

V(h) signs block h. A header names V(h) and V(h + 1), so each set was certified by the one before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.block import Header
from ledger.certificate import Certificate
from ledger.keys import Verifier, verify
from ledger.validators import ValidatorSet


class BootstrapError(Exception):
    """What a peer gave does not fit; ``rule`` is the stable name of what it breaks."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class CertifiedHeader:
    """A header, its certificate, and the set of the next height where that is another one."""

    header: Header
    certificate: Certificate
    next_validators: ValidatorSet | None


class HeaderChain:
    """Takes headers in order from the one after ``tip`` on; what it took is certain."""

    def __init__(self, tip: Header, validators: ValidatorSet, verifier: Verifier = verify) -> None:
        assert tip.next_validators_hash == validators.hash, "these are the validators of the height after the tip"
        self.tip = tip
        self.validators = validators
        self._verifier = verifier

    def take(self, entries: Iterable[CertifiedHeader]) -> None:
        """Go on by these headers; raises BootstrapError at the first that does not follow."""
        for entry in entries:
            header = entry.header
            if header.chain_id != self.tip.chain_id:
                raise BootstrapError("chain_id", f"header {header.height} is of another chain")
            if header.height != self.tip.height + 1 or header.parent_hash != self.tip.hash:
                raise BootstrapError("parent", f"header {header.height} does not follow {self.tip.height}")
            if header.validators_hash != self.validators.hash:
                raise BootstrapError("validators_hash", f"header {header.height} names other validators than block "
                                     f"{self.tip.height} announced")  # fmt: skip
            self._check_certificate(entry)
            self._follow(entry)
            self.tip = header

    def _check_certificate(self, entry: CertifiedHeader) -> None:
        header = entry.header
        refusal = entry.certificate.block_refusal(
            header.height, header.hash, self.validators, header.chain_id, self._verifier
        )
        if refusal is not None:
            raise BootstrapError(f"certificate_{refusal}", f"no quorum stands behind block {header.height}")

    def _follow(self, entry: CertifiedHeader) -> None:
        announced = entry.header.next_validators_hash
        if announced == self.validators.hash:
            return
        if entry.next_validators is None or entry.next_validators.hash != announced:
            raise BootstrapError(
                "next_validators", f"block {entry.header.height} announces validators that were not shown"
            )
        self.validators = entry.next_validators
