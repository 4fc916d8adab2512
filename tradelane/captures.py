"""Documents that were captured in parts, as values that a program can use."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class Captured:
    """How far a document is: the first ``captured`` of its ``parts`` are there; ``document`` is its SHA-256 in hex."""

    document: str
    organisation: str
    events: int
    parts: int
    captured: int
    transaction: str
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_captured(fields: Fields) -> Captured:
    """Return a document that came in parts out of an answer."""
    return Captured(
        document=fields.text("document"),
        organisation=fields.text("organisation"),
        events=fields.integer("events"),
        parts=fields.integer("parts"),
        captured=fields.integer("captured"),
        transaction=fields.text("transaction"),
        fields=fields.values,
    )
