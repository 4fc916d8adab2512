"""What a node answers about validators, proposals and evidence, as typed values; see results.py for the conventions."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class ValidatorMember:
    """A validator; ``double_votes`` says how many there is evidence of, and is None where that was not asked."""

    public_key: str
    organisation: str
    double_votes: int | None = None


@dataclass(frozen=True, slots=True)
class ValidatorChange:
    """Who joins and who leaves the validators from a height on."""

    from_height: int
    add: tuple[ValidatorMember, ...]
    remove: tuple[ValidatorMember, ...]


@dataclass(frozen=True, slots=True)
class Validators:
    """The validators who sign the block at a height; ``change`` is what a block after the next one brings, if any."""

    height: int
    quorum: int
    faults_tolerated: int
    hash: str
    members: tuple[ValidatorMember, ...]
    change: ValidatorChange | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An action that was proposed to the validators' organisations; ``status`` is open, executed or withdrawn."""

    id: str
    proposer: str
    method: str
    status: str
    expires_ms: int
    approvals: tuple[str, ...]
    arguments: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A validator's double vote that is on the ledger; ``fields`` has the two votes with their signatures."""

    validator: str
    organisation: str
    kind: str
    height: int
    view: int
    reporter: str
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_validators(fields: Fields) -> Validators:
    """Return the validators of a height out of an answer."""
    change = fields.optional_object("change")
    return Validators(
        height=fields.integer("height"),
        quorum=fields.integer("quorum"),
        faults_tolerated=fields.integer("faults_tolerated"),
        hash=fields.text("hash"),
        members=fields.objects("validators", _read_member),
        change=None
        if change is None
        else ValidatorChange(
            from_height=change.integer("from_height"),
            add=change.objects("add", _read_member),
            remove=change.objects("remove", _read_member),
        ),
    )


def read_proposal(fields: Fields) -> Proposal:
    """Return a proposal out of an answer."""
    return Proposal(
        id=fields.text("id"),
        proposer=fields.text("proposer"),
        method=fields.text("method"),
        status=fields.text("status"),
        expires_ms=fields.integer("expires_ms"),
        approvals=fields.texts("approvals"),
        arguments=fields.raw_object("arguments"),
    )


def read_evidence(fields: Fields) -> Evidence:
    """Return a piece of evidence out of an answer."""
    return Evidence(
        validator=fields.text("validator"),
        organisation=fields.text("organisation"),
        kind=fields.text("kind"),
        height=fields.integer("height"),
        view=fields.integer("view"),
        reporter=fields.text("reporter"),
        fields=fields.values,
    )


def _read_member(fields: Fields) -> ValidatorMember:
    return ValidatorMember(
        public_key=fields.text("public_key"),
        organisation=fields.text("organisation"),
        double_votes=fields.optional_integer("double_votes"),
    )
