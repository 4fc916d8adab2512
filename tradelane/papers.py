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
