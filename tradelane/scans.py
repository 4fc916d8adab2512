"""The scans of a code: how a node is asked, and its answer as typed values; see results.py for the conventions."""

from dataclasses import dataclass, field
from typing import Final

from contracts.identity.scans import counted, hour_of
from ledger.authenticated_map import value_hash, verify
from ledger.errors import ProofError
from ledger.proof.json_text import bytes_of
from standards.digital_link import canonical_id
from tradelane.conversations import get_pages
from tradelane.errors import VerificationError
from tradelane.fields import Fields
from tradelane.transport import Conversation, JsonObject, Request, ask, json_request, query

_NODE_BYTES_MAX: Final = 2_048


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


@dataclass(frozen=True, slots=True)
class OddScans:
    """A code whose scans show a risk."""

    id: str
    status: str | None
    count: int
    alerts: tuple[ScanAlert, ...]
    fields: JsonObject = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScanAnchor:
    """What a firm anchored of an hour: the root of the map of its counts (in hex), and how much is in it."""

    organisation: str
    root: str
    codes: int
    scans: int
    anchored_ms: int


@dataclass(frozen=True, slots=True)
class ScanCount:
    """How often a code was scanned in the hour from ``hour_ms``; ``anchor`` is None where nothing is anchored.

    Where there is an anchor, the path from its root to this count has been checked. That the anchor is on the ledger
    is proven by ``heads_proof`` with the key ``contracts.heads.scan_counts``.
    """

    id: str
    hour_ms: int
    count: int
    first_ms: int | None
    last_ms: int | None
    anchor: ScanAnchor | None
    fields: JsonObject = field(repr=False, default_factory=dict)


def odd_scans() -> Conversation[tuple[OddScans, ...]]:
    """Ask for all codes whose scans are odd."""
    return (yield from get_pages("/v1/scans/alerts", _read_odd))


def scan_count(identifier: str, at_ms: int) -> Conversation[ScanCount]:
    """Ask how often a code was scanned in the hour of a time, and check it; raises VerificationError."""
    response = yield from ask(Request("GET", "/v1/scans/counts", query(id=identifier, at_ms=at_ms)))
    count = read_count(Fields(response.object(), "count"))
    if (count.id, count.hour_ms) != (canonical_id(identifier), hour_of(at_ms)):
        raise VerificationError("scans.other", "the node answered for another code or hour than was asked")
    return count


def read_count(fields: Fields) -> ScanCount:
    """Return a count out of an answer; raises VerificationError where it is not what was anchored."""
    anchored = fields.optional_object("anchor")
    count = ScanCount(
        id=fields.text("id"),
        hour_ms=fields.integer("hour_ms"),
        count=fields.integer("count"),
        first_ms=fields.optional_integer("first_ms"),
        last_ms=fields.optional_integer("last_ms"),
        anchor=None if anchored is None else _read_anchor(anchored),
        fields=fields.values,
    )
    if count.anchor is not None:
        _check(count, count.anchor.root, fields.texts("path"))
    return count


def _check(count: ScanCount, root: str, path: tuple[str, ...]) -> None:
    try:
        nodes = [bytes_of(node, "path", _NODE_BYTES_MAX) for node in path]
        shown = verify(bytes.fromhex(root), count.id.encode(), nodes)
    except (ProofError, ValueError) as error:
        raise VerificationError(
            "scans.path", f"the node does not show what was anchored of the hour: {error}; it lost or changed scans"
        ) from error
    expected = None
    if count.count:
        expected = value_hash(counted(count.count, count.first_ms or 0, count.last_ms or 0))
    if shown != expected:
        raise VerificationError("scans.count", "the node anchored another count of this code than it tells")


def _read_anchor(fields: Fields) -> ScanAnchor:
    return ScanAnchor(
        organisation=fields.text("organisation"),
        root=fields.text("root"),
        codes=fields.integer("codes"),
        scans=fields.integer("scans"),
        anchored_ms=fields.integer("anchored_ms"),
    )


def _read_odd(fields: Fields) -> OddScans:
    return OddScans(
        id=fields.text("id"),
        status=fields.optional_text("status"),
        count=fields.integer("count"),
        alerts=fields.objects("alerts", _read_alert),
        fields=fields.values,
    )


def _read_alert(fields: Fields) -> ScanAlert:
    return ScanAlert(fields.text("code"), fields.text("text"), fields.optional_integer("at_ms"))


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
        alerts=fields.objects("alerts", _read_alert),
        fields=fields.values,
    )
