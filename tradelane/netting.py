"""What a node answers about windows of obligations; see results.py for the conventions."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one account owes another through a window; ``status`` waiting, settled or deferred.

    ``outcome`` is what came of it in the window that was asked for: None, settled, or why it was deferred.
    """

    id: str
    window: str
    currency: str
    exponent: int
    debit: str
    credit: str
    amount: int
    status: str
    reason: str | None
    outcome: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class NettingWindow:
    """A window; ``status`` open, closed or settled. The values, in minor units, are None before it is settled."""

    id: str
    currency: str
    exponent: int
    model: str
    status: str
    closes_ms: int
    obligations: int
    gross_value: int | None
    net_value: int | None
    saving_ppm: int | None
    listed: tuple[Obligation, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


def read_obligation(fields: Fields) -> Obligation:
    """Return an obligation out of an answer."""
    return Obligation(
        id=fields.text("id"),
        window=fields.text("window"),
        currency=fields.text("currency"),
        exponent=fields.integer("exponent"),
        debit=fields.text("debit"),
        credit=fields.text("credit"),
        amount=fields.integer("amount"),
        status=fields.text("status"),
        reason=fields.optional_text("reason"),
        outcome=fields.optional_text("outcome"),
        fields=fields.values,
    )


def read_window(fields: Fields) -> NettingWindow:
    """Return a window out of an answer; a list of windows has them without their obligations."""
    return NettingWindow(
        id=fields.text("id"),
        currency=fields.text("currency"),
        exponent=fields.integer("exponent"),
        model=fields.text("model"),
        status=fields.text("status"),
        closes_ms=fields.integer("closes_ms"),
        obligations=fields.integer("obligations"),
        gross_value=fields.optional_integer("gross_value"),
        net_value=fields.optional_integer("net_value"),
        saving_ppm=fields.optional_integer("saving_ppm"),
        listed=fields.objects("listed", read_obligation),
        fields=fields.values,
    )
