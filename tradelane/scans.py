"""The scans of a code: how a node is asked, and its answer as typed values; see results.py for the conventions."""

from dataclasses import dataclass, field

from tradelane.fields import Fields
from tradelane.transport import Conversation, JsonObject, Request, ask, json_request, query


@dataclass(frozen=True, slots=True)
class Scan:
    """When a code was scanned and where (a ``geo:`` URI to a tenth of a degree, None where that was not said)."""

    at_ms: int
    place: str | None


@dataclass(frozen=True, slots=True)
class ScanAlert:
    """A risk that the scans show, with its reason; ``code`` is a stable word of docs/api.md."""

    code: str
    text: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of a code that a node was told of, oldest first; ``status`` is None where the ledger knows no such."""

    id: str
    status: str | None
    count: int
    scans: tuple[Scan, ...]
    alerts: tuple[ScanAlert, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


def scans_of(identifier: str) -> Conversation[Scans]:
    """Ask for the scans of a code."""
    response = yield from ask(Request("GET", "/v1/scans", query(id=identifier)))
    return read_scans(Fields(response.object(), "scans"))


def record_scan(identifier: str, place: str | None) -> Conversation[Scans]:
    """Tell of a scan of a code."""
    told: JsonObject = {"id": identifier} if place is None else {"id": identifier, "place": place}
    response = yield from ask(json_request("POST", "/v1/scans", told))
    return read_scans(Fields(response.object(), "scans"))


def read_scans(fields: Fields) -> Scans:
    """Return scans out of an answer."""
    return Scans(
        id=fields.text("id"),
        status=fields.optional_text("status"),
        count=fields.integer("count"),
        scans=fields.objects("scans", lambda one: Scan(one.integer("at_ms"), one.optional_text("place"))),
        alerts=fields.objects(
            "alerts", lambda one: ScanAlert(one.text("code"), one.text("text"), one.optional_integer("at_ms"))
        ),
        fields=fields.values,
    )
