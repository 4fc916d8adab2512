"""What a recall reaches and what happened at a place, as values that a program can use."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.results import HistoryEntry, Mark, read_history_entry, read_mark
from tradelane.transport import JsonObject


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one holder, place or product (``name``, None where there is none), with the amounts of lots by unit."""

    name: str | None
    items: int
    lots: int
    quantities: JsonObject


@dataclass(frozen=True, slots=True)
class Reached:
    """A thing that a recall reaches: how (``relation``) and by what (``via``), who holds it, where it is."""

    id: str
    kind: str
    relation: str
    via: str | None
    status: str | None
    custodian: str | None
    location: str | None
    outermost: str | None
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closure:
    """What a recall reaches as of a height: ``items`` and ``lots`` can be had back, ``ended`` cannot, by status.

    ``entries`` are the first of them; ``marks`` say what was not followed and why.
    """

    height: int
    time_ms: int
    items: int
    lots: int
    ended: JsonObject
    holders: tuple[Group, ...]
    places: tuple[Group, ...]
    products: tuple[Group, ...]
    marks: tuple[Mark, ...]
    entries: tuple[Reached, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteEvent:
    """An event at a place; ``named`` are the first things that it names, ``named_count`` is how many it does."""

    entry: HistoryEntry
    named: tuple[str, ...]
    named_count: int


def read_closure(fields: Fields, entries: tuple[Reached, ...]) -> Closure:
    """Return a closure out of an answer, with the entries of its pages."""

    def groups(table: str, name: str) -> tuple[Group, ...]:
        return fields.objects(
            table,
            lambda row: Group(
                row.optional_text(name), row.integer("items"), row.integer("lots"), row.raw_object("quantities")
            ),
        )

    return Closure(
        height=fields.integer("height"),
        time_ms=fields.integer("time_ms"),
        items=fields.integer("items"),
        lots=fields.integer("lots"),
        ended=fields.raw_object("ended"),
        holders=groups("holders", "custodian"),
        places=groups("places", "location"),
        products=groups("products", "product"),
        marks=fields.objects("marks", read_mark),
        entries=entries,
        fields={**fields.values, "entries": [entry.fields for entry in entries], "next_cursor": None},
    )


def read_reached(fields: Fields) -> Reached:
    """Return a thing that is reached out of an answer."""
    return Reached(
        id=fields.text("id"),
        kind=fields.text("kind"),
        relation=fields.text("relation"),
        via=fields.optional_text("via"),
        status=fields.optional_text("status"),
        custodian=fields.optional_text("custodian"),
        location=fields.optional_text("location"),
        outermost=fields.optional_text("outermost"),
        fields=fields.values,
    )


def read_site_event(fields: Fields) -> SiteEvent:
    """Return an event at a place out of an answer."""
    return SiteEvent(read_history_entry(fields), fields.texts("named"), fields.integer("named_count"))
