"""A chain whose validators change, with a dumb twin of the rule: who signs each height, kept as a plain list."""

from collections.abc import Sequence

from contracts.results import ResultCode
from ledger.block import Header
from ledger.certificate import Certificate, VoteKind, assemble_certificate, vote_preimage
from ledger.codec import Value
from ledger.transaction import Operation, Transaction, sign_transaction
from ledger.validators import Validator, ValidatorSet, possession_preimage
from node.chain import Candidate, Chain, genesis_write
from node.storage.store import Store, write_genesis
from tests.support.contracts_world import START_MS, VALIDATOR_ORGANISATIONS, Call, genesis, key_of
from tests.support.memory_values import MemoryValues

NAMES: tuple[str, ...] = (*(f"validator {name}" for name in VALIDATOR_ORGANISATIONS), *"abcdefgh")
"""The names of all validators that there can be."""

Members = dict[str, str]
"""The organisation of each validator by the validator's name."""


def validator_set(members: Members) -> ValidatorSet:
    """Return the set of named validators."""
    return ValidatorSet(Validator(key_of(name).public_key, organisation) for name, organisation in members.items())


class ValidatorChain:
    """A chain over memory; ``sets[h]`` are the members who sign height h, by the model."""

    def __init__(self) -> None:
        self.genesis = genesis()
        self.values = MemoryValues()
        write_genesis(self.values, genesis_write(self.genesis))
        founders = {f"validator {name}": name for name in VALIDATOR_ORGANISATIONS}
        self.sets: list[Members] = [{}, founders, founders]
        self.nonce = 0
        self.restart()

    def restart(self) -> None:
        """Open the stored chain again, with nothing kept in memory."""
        self.chain = Chain(Store(self.values, self.genesis.chain_id))

    @property
    def height(self) -> int:
        """The height of the tip."""
        return self.chain.tip.height

    def transaction(self, signer: str, call: Call) -> Transaction:
        """Return a transaction that the key of a name signed."""
        self.nonce += 1
        nonce = self.nonce.to_bytes(16, "big")
        return sign_transaction(key_of(signer), self.genesis.chain_id, nonce, START_MS + 60_000, [Operation(*call)])

    def change(self, joins: Sequence[tuple[str, str]], leaves: Sequence[str]) -> list[Transaction]:
        """Return the transactions by which the organisations of the newest set change the validators."""
        add: list[Value] = []
        for name, organisation in joins:
            key = key_of(name)
            proof = key.sign(possession_preimage(self.genesis.chain_id, key.public_key, organisation))
            add.append([key.public_key, organisation, proof])
        remove: list[Value] = [key_of(name).public_key for name in leaves]
        action: Value = ["governance.change_validators", {"add": add, "remove": remove}]
        first, *others = sorted(set(self.sets[self.height + 2].values()))
        name = f"p{self.height}"
        propose: Call = ("governance.propose", {"id": name, "action": action, "expires_ms": START_MS + 60_000})
        calls: list[tuple[str, Call]] = [(first, propose)]
        calls += [(organisation, ("governance.approve", {"id": name})) for organisation in others]
        return [self.transaction(signer, call) for signer, call in calls]

    def nothing(self) -> list[Transaction]:
        """Return a transaction that leaves a receipt and nothing else."""
        return [self.transaction("maker", ("nothing", {}))]

    def candidate(self, transactions: Sequence[Transaction]) -> Candidate:
        """Return the next block, proposed by a member of its own height."""
        proposer = key_of(min(self.sets[self.height + 1])).public_key
        candidate = self.chain.propose(proposer, transactions, START_MS + self.height)
        assert candidate is not None
        return candidate

    def certify(self, header: Header, members: Members, signers: Sequence[str] | None = None) -> Certificate:
        """Return the certificate that these members (or the named ones of them) sign, each under its own index."""
        validators = validator_set(members)
        votes: dict[int, bytes] = {}
        for name in members if signers is None else signers:
            index = validators.index_of(key_of(name).public_key)
            assert index is not None
            preimage = vote_preimage(VoteKind.COMMIT, header.chain_id, header.height, 0, header.hash)
            votes[index] = key_of(name).sign(preimage)
        return assemble_certificate(header.height, 0, header.hash, votes)

    def grow(self, transactions: Sequence[Transaction]) -> Header:
        """Add a block as a peer would hand it over."""
        made = self.candidate(transactions)
        certificate = self.certify(made.header, self.sets[made.header.height])
        checked = self.chain.check_certified(made.header, certificate, made.transactions)
        assert isinstance(checked, Candidate), checked
        assert self.chain.commit(checked, certificate)
        self.sets.append(self._after(made))
        return made.header

    def _after(self, made: Candidate) -> Members:
        """Return who signs two heights after a block: the newest set, with the changes that were carried out."""
        members = self.sets[-1]
        for transaction, receipt in zip(made.transactions, made.execution.receipts, strict=True):
            output = receipt.outputs[0] if receipt.code == ResultCode.OK else None
            if not isinstance(output, dict) or not output.get("executed"):
                continue
            arguments = self._proposed(transaction, made)
            joining, leaving = arguments["add"], arguments["remove"]
            assert isinstance(joining, list)
            assert isinstance(leaving, list)
            members = {name: runner for name, runner in members.items() if key_of(name).public_key not in leaving}
            members |= {self._name(row[0]): str(row[1]) for row in joining if isinstance(row, list)}
        return members

    def _proposed(self, approval: Transaction, made: Candidate) -> dict[str, Value]:
        identifier = approval.operations[0].arguments["id"]
        for transaction in made.transactions:
            operation = transaction.operations[0]
            if operation.method == "governance.propose" and operation.arguments["id"] == identifier:
                action = operation.arguments["action"]
                assert isinstance(action, list)
                arguments = action[1]
                assert isinstance(arguments, dict)
                return arguments
        raise AssertionError("a change is proposed in the block that carries it out")

    def _name(self, key: Value) -> str:
        return next(name for name in NAMES if key_of(name).public_key == key)
