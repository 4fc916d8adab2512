"""Papers as values that a program can use: documents with what organisations say of them."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class DocumentStatement:
    """What an organisation says of a document; ``level`` is evidenced or verified, ``status`` standing or revoked.

    ``issuer`` is who issued the paper as its holder says; of what is verified the organisation itself is the issuer.
    """

    organisation: str
    level: str
    kind: str
    status: str
    said_ms: int
    title: str | None
    reference: str | None
    issuer: str | None
    valid_from_ms: int | None
    valid_until_ms: int | None
    revocation_reason: str | None

    def is_in_force(self, now_ms: int) -> bool:
        """Say whether it stands, and its validity has begun and not ended."""
        has_begun = self.valid_from_ms is None or self.valid_from_ms <= now_ms
        has_ended = self.valid_until_ms is not None and self.valid_until_ms <= now_ms
        return self.status == "standing" and has_begun and not has_ended


@dataclass(frozen=True, slots=True)
class Document:
    """A document by its SHA-256 in hex."""

    hash: str
    statements: tuple[DocumentStatement, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_document(fields: Fields) -> Document:
    """Return a document out of an answer."""
    return Document(
        hash=fields.text("hash"), statements=read_statements(fields.object("statements")), fields=fields.values
    )


def read_statements(said: Fields) -> tuple[DocumentStatement, ...]:
    """Return what is said of a document, the verified first."""
    found = [_statement(name, said.object(name)) for name in said.values]
    return tuple(sorted(found, key=lambda one: (one.level != "verified", one.said_ms, one.organisation)))


def _statement(organisation: str, fields: Fields) -> DocumentStatement:
    return DocumentStatement(
        organisation=organisation,
        level=fields.text("level"),
        kind=fields.text("kind"),
        status=fields.text("status"),
        said_ms=fields.integer("said_ms"),
        title=fields.optional_text("title"),
        reference=fields.optional_text("reference"),
        issuer=fields.optional_text("issuer"),
        valid_from_ms=fields.optional_integer("valid_from_ms"),
        valid_until_ms=fields.optional_integer("valid_until_ms"),
        revocation_reason=fields.optional_text("revocation_reason"),
    )


@dataclass(frozen=True, slots=True)
class CustomsDeclaration:
    """A customs declaration; ``status`` is declared, held, released or refused, ``leaves`` and ``enters`` countries."""

    id: str
    organisation: str
    procedure: str
    hs_code: str
    hs_edition: str
    origin: str
    leaves: str
    enters: str
    status: str
    declared_ms: int
    decided_by: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmissionLeg:
    """A leg or a hub and a thing's part of it in grams; ``relation`` is own, carried or source."""

    id: str
    relation: str
    organisation: str
    mode: str
    distance_metres: int
    data: str
    source: str
    from_ms: int
    grams: int


@dataclass(frozen=True, slots=True)
class ThingEmissions:
    """What a thing bears in grams of CO2 equivalents; ``not_apportioned`` are records whose part is not known."""

    grams: int
    legs: tuple[EmissionLeg, ...]
    not_apportioned: tuple[str, ...]
    is_complete: bool
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_customs_declaration(fields: Fields) -> CustomsDeclaration:
    """Return a customs declaration out of an answer."""
    return CustomsDeclaration(
        id=fields.text("id"),
        organisation=fields.text("organisation"),
        procedure=fields.text("procedure"),
        hs_code=fields.text("hs_code"),
        hs_edition=fields.text("hs_edition"),
        origin=fields.text("origin"),
        leaves=fields.text("from"),
        enters=fields.text("to"),
        status=fields.text("status"),
        declared_ms=fields.integer("declared_ms"),
        decided_by=fields.optional_text("decided_by"),
        fields=fields.values,
    )


def read_emissions(fields: Fields) -> ThingEmissions:
    """Return what a thing bears out of an answer."""
    return ThingEmissions(
        grams=fields.integer("grams"),
        legs=fields.objects("legs", _leg),
        not_apportioned=fields.texts("not_apportioned"),
        is_complete=fields.boolean("is_complete"),
        fields=fields.values,
    )


def _leg(fields: Fields) -> EmissionLeg:
    return EmissionLeg(
        id=fields.text("id"),
        relation=fields.text("relation"),
        organisation=fields.text("organisation"),
        mode=fields.text("mode"),
        distance_metres=fields.integer("distance_metres"),
        data=fields.text("data"),
        source=fields.text("source"),
        from_ms=fields.integer("from_ms"),
        grams=fields.integer("grams"),
    )
