"""The client for synchronous programs.

    with Client("http://127.0.0.1:7400") as client:
        status = client.submit([Operation("custody.accept", {"id": "offer-1"})], key)
        print(status.height, status.receipt)

It drives the conversations of `tradelane.conversations`, as `AsyncClient` does, so what both say to a node is the same
to the byte. Several nodes may be named: a request that one cannot answer goes to the next, which is safe because every
request may be repeated. Times are milliseconds UTC, amounts minor units, hashes lower-case hex.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Literal, Self, TypeVar

import httpx

from ledger.keys import SecretKey
from ledger.transaction import NONCE_BYTES, Operation
from tradelane import conversations
from tradelane.captures import Captured
from tradelane.cold_chain import ColdBreach, ColdProfile, ColdReadings, ColdRecord, Device, DeviceReadings
from tradelane.conversations import Direction
from tradelane.event_pages import EventsPage
from tradelane.governance import Evidence, Proposal, Validators
from tradelane.money import Hold
from tradelane.netting import NettingWindow, Obligation
from tradelane.papers import CustomsDeclaration, Document, ThingEmissions
from tradelane.payments import Payment, QuoteUse
from tradelane.recalls import Closure, SiteEvent
from tradelane.results import (
    Account,
    BlockSummary,
    Entry,
    HistoryEntry,
    Item,
    NodeStatus,
    Offer,
    Recall,
    Trace,
    TransactionStatus,
)
from tradelane.route import Route, answer_or_error
from tradelane.scans import OddScans, ScanCount, Scans, odd_scans, record_scan, scan_count, scans_of
from tradelane.transport import Conversation, JsonObject, Request, Response

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 3.0


class Client:
    """Asks one node, or the first of several that answers. Not for several threads at once.

    ``chain_id`` (hex) pins the chain: without it the first node asked says which it is, and a transaction is then
    signed for that chain. ``transport`` replaces the network in tests, ``connections`` are those of another client.
    """

    def __init__(
        self,
        *nodes: str,
        chain_id: str | None = None,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        connections: httpx.Client | None = None,
    ) -> None:
        self._route = Route(nodes)
        self._chain_id = chain_id
        self._timeout_s = timeout_s
        # A proxy that the environment names is for the world outside, not for the nodes of one's own network.
        self._http = connections or httpx.Client(transport=transport, trust_env=False)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; may be called again."""
        self._http.close()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are asked, the one that answered last first."""
        return tuple(self._route.nodes)

    def alone(self, node: str) -> Self:
        """Return a client of one node, which shares this one's connections and is closed with it."""
        return type(self)(node, chain_id=self._chain_id, timeout_s=self._timeout_s, connections=self._http)

    def submit(
        self, operations: Sequence[Operation], key: SecretKey, *, valid_for_ms: int = 60_000, wait_s: float = 10.0
    ) -> TransactionStatus:
        """Sign operations as one transaction, send it and wait until it is committed.

        Raises
        ------
        BadRequestError
            An argument has no canonical form.
        ConflictError, NotAuthorisedError, NotFoundError
            The ledger refused it, at the door or in its block; ``code`` names the rule.
        NotFinalError
            It was not committed within ``wait_s`` seconds; it may still be.
        UnavailableError
            No node answered.

        """
        chain_id = self.chain_id()
        valid_until_ms = time.time_ns() // 1_000_000 + valid_for_ms
        transaction = conversations.sign(operations, key, chain_id, secrets.token_bytes(NONCE_BYTES), valid_until_ms)
        return self._run(conversations.submit(transaction, wait_s))

    def capture(
        self, document: bytes, key: SecretKey, *, valid_for_ms: int = 60_000, wait_s: float = 10.0
    ) -> TransactionStatus:
        """Capture the events of an EPCIS 2.0 document in JSON as one transaction; raises as `submit`."""
        operations = conversations.capture_operations(document)
        return self.submit(operations, key, valid_for_ms=valid_for_ms, wait_s=wait_s)

    def chain_id(self) -> str:
        """Return the id of the chain (hex), asking a node where it was not given."""
        if self._chain_id is None:
            self._chain_id = self.status().chain_id
        return self._chain_id

    def status(self) -> NodeStatus:
        """Ask what the node says of itself: height, state root, peers, readiness."""
        return self._run(conversations.status())

    def transaction(self, transaction_id: str, wait_s: float = 0.0) -> TransactionStatus:
        """Ask where a transaction is (id in hex), waiting up to ``wait_s`` for it to be committed."""
        return self._run(conversations.transaction(transaction_id, wait_s))

    def await_final(self, transaction_id: str, wait_s: float = 10.0) -> TransactionStatus:
        """Wait until a transaction is committed, well or badly; raises NotFinalError after about ``wait_s``."""
        return self._run(conversations.await_final(transaction_id, wait_s))

    def transaction_proof(self, transaction_id: str) -> JsonObject:
        """Return the proof bundle of a committed transaction."""
        return self._run(conversations.transaction_proof(transaction_id))

    def block(self, height: int | Literal["latest"] = "latest") -> BlockSummary:
        """Return a block."""
        return self._run(conversations.block(height))

    def item(self, identifier: str) -> Item:
        """Return what the ledger knows of an item, a logistic unit or a lot now."""
        return self._run(conversations.item(identifier))

    def history(self, identifier: str) -> tuple[HistoryEntry, ...]:
        """Return every record of a thing, oldest first."""
        return self._run(conversations.history(identifier))

    def trace(
        self,
        identifier: str,
        direction: Direction = "back",
        depth: int = 10,
        *,
        fan_out: int | None = None,
        nodes: int | None = None,
        at_height: int | None = None,
        at_ms: int | None = None,
    ) -> Trace:
        """Return what a thing came from (``back``), went into (``forward``), holds (``contents``), or ``all``.

        As of a height it is what the ledger held then, as of a time what had happened by then.
        """
        return self._run(conversations.trace(identifier, direction, depth, fan_out, nodes, at_height, at_ms))

    def site_events(
        self, site: str, since_ms: int | None = None, until_ms: int | None = None, limit: int = 200
    ) -> tuple[SiteEvent, ...]:
        """Return the first events at a place in a time, in the order in which they happened."""
        return self._run(conversations.site_events(site, since_ms, until_ms, limit))

    def recall_closure(self, identifier: str, *, things: int | None = None, limit: int = 200) -> Closure:
        """Return what a recall reaches, with so many of the things that are to be had back."""
        return self._run(conversations.recall_closure(identifier, (), None, None, None, things, limit))

    def simulate_recall(
        self,
        targets: Sequence[str] = (),
        *,
        site: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        things: int | None = None,
        limit: int = 200,
    ) -> Closure:
        """Return what a recall of products, lots and items, or of what was at a place in a time, would reach."""
        return self._run(conversations.recall_closure(None, targets, site, since_ms, until_ms, things, limit))

    def item_proof(self, identifier: str) -> JsonObject:
        """Return the proof bundle of a thing with its whole history."""
        return self._run(conversations.item_proof(identifier))

    def trace_proof(self, identifier: str) -> JsonObject:
        """Return the proof bundle of an item and of everything that it was packed in, or of its absence."""
        return self._run(conversations.trace_proof(identifier))

    def transfer_proof(self, transfer_id: str) -> JsonObject:
        """Return the proof bundle of a payment (32 hexadecimal digits) with its transaction, or of its absence."""
        return self._run(conversations.transfer_proof(transfer_id))

    def account_proof(
        self, identifier: str, after_count: int | None = None, after_height: int | None = None
    ) -> JsonObject:
        """Return the proof bundle of an account with its entries: all, or those after a count or a height.

        After a height the last entry before is there too, which shows that none after it is missing
        (``Facts.heads[0].records_between``).
        """
        return self._run(conversations.account_proof(identifier, after_count, after_height))

    def heads_proof(self, keys: Sequence[bytes] | Mapping[bytes, int]) -> JsonObject:
        """Return the proof bundle of several heads, or of their absence, by the keys that they stand under.

        A mapping has for each key the count after which its records are wanted; else all are.
        """
        return self._run(conversations.heads_proof(keys))

    def trust_proof(self, after_height: int = 0) -> JsonObject:
        """Return the proof bundle of the newest block, for who knows the validators after a height."""
        return self._run(conversations.trust_proof(after_height))

    def payment(self, uetr: str) -> Payment:
        """Return a payment by its UETR, with its steps."""
        return self._run(conversations.payment(uetr))

    def payment_proof(self, uetr: str) -> JsonObject:
        """Return the proof bundle of a payment and its whole history; check it with ``verify_bundle``."""
        return self._run(conversations.payment_proof(uetr))

    def account(self, identifier: str) -> Account:
        """Return the totals of an account."""
        return self._run(conversations.account(identifier))

    def entries(self, identifier: str) -> tuple[Entry, ...]:
        """Return everything that touched an account, oldest first."""
        return self._run(conversations.entries(identifier))

    def holds(self, identifier: str, status: str | None = None) -> tuple[Hold, ...]:
        """Return what is held on either side of an account, all of it or what is in a status."""
        return self._run(conversations.holds(identifier, status))

    def hold(self, identifier: str) -> Hold:
        """Return a hold by the id (hex) of its pending transfer."""
        return self._run(conversations.hold(identifier))

    def windows(self, currency: str | None = None, status: str | None = None) -> tuple[NettingWindow, ...]:
        """Return windows of obligations, all or those of a currency, open, closed or settled."""
        return self._run(conversations.windows(currency, status))

    def scans(self, identifier: str) -> Scans:
        """Return the scans of a code that the node was told of, and what is odd about them."""
        return self._run(scans_of(identifier))

    def record_scan(self, identifier: str, place: str | None = None) -> Scans:
        """Tell the node that a code was scanned, at a ``geo:`` URI or nobody says where; return all its scans."""
        return self._run(record_scan(identifier, place))

    def odd_scans(self) -> tuple[OddScans, ...]:
        """Return the codes whose scans are odd, as far as the node was told of them."""
        return self._run(odd_scans())

    def scan_count(self, identifier: str, at_ms: int) -> ScanCount:
        """Return how often a code was scanned in the hour of a time, checked against what is anchored of it.

        Raises VerificationError where the node tells another count than it anchored.
        """
        return self._run(scan_count(identifier, at_ms))

    def quote_use(self, provider: str, identifier: str) -> QuoteUse:
        """Return how much of a provider's quote (id in hex) was used, and which quotes it has cancelled."""
        return self._run(conversations.quote_use(provider, identifier))

    def window(self, currency: str, identifier: str) -> NettingWindow:
        """Return a window of a currency with its obligations."""
        return self._run(conversations.window(currency, identifier))

    def obligation(self, identifier: str) -> Obligation:
        """Return an obligation by its id (hex)."""
        return self._run(conversations.obligation(identifier))

    def documents(self, subject: str) -> tuple[Document, ...]:
        """Return the documents about a thing with its lot and product, a product (by GTIN) or an organisation."""
        return self._run(conversations.documents(subject))

    def document(self, document_hash: str) -> Document:
        """Return what organisations say of a document (SHA-256 in hex); raises NotFoundError."""
        return self._run(conversations.document(document_hash))

    def customs_declarations(self, subject: str) -> tuple[CustomsDeclaration, ...]:
        """Return the customs declarations about a thing with its lot and product, or a product (by GTIN)."""
        return self._run(conversations.customs_declarations(subject))

    def emissions(self, identifier: str) -> ThingEmissions:
        """Return what a thing bears of the emissions along its trace, leg by leg."""
        return self._run(conversations.emissions(identifier))

    def recalls(self, target: str | None = None, status: str | None = None) -> tuple[Recall, ...]:
        """Return recalls, all or those of a product (by GTIN), a lot or an item."""
        return self._run(conversations.recalls(target, status))

    def offers(self, party: str | None = None, status: str | None = None) -> tuple[Offer, ...]:
        """Return offers of custody or ownership, all or those that one organisation makes or gets."""
        return self._run(conversations.offers(party, status))

    def device(self, identifier: str) -> Device:
        """Return a measuring device."""
        return self._run(conversations.device(identifier))

    def captures(
        self, document: str | None = None, key: str | None = None, status: str | None = None
    ) -> tuple[Captured, ...]:
        """Return documents that came in parts: of a hash, those of a public key (hex), ``partial`` or ``whole``."""
        return self._run(conversations.captures(document, key, status))

    def devices(self, owner: str | None = None, key: str | None = None) -> tuple[Device, ...]:
        """Return measuring devices: all, those of an organisation, or the one of a public key (hex)."""
        return self._run(conversations.devices(owner, key))

    def device_readings(
        self, identifier: str, from_ms: int | None = None, until_ms: int | None = None
    ) -> tuple[DeviceReadings, ...]:
        """Return what a device recorded at or after one time and before another, in the order of its readings."""
        return self._run(conversations.device_readings(identifier, from_ms, until_ms))

    def cold_profiles(self) -> tuple[ColdProfile, ...]:
        """Return all profiles that cold chains are judged by, by id."""
        return self._run(conversations.cold_profiles())

    def cold_profile(self, identifier: str) -> ColdProfile:
        """Return a profile that cold chains are judged by."""
        return self._run(conversations.cold_profile(identifier))

    def cold_record(self, identifier: str) -> ColdRecord:
        """Return how cold an item was kept, as the contracts judge."""
        return self._run(conversations.cold_record(identifier))

    def cold_breaches(self, identifier: str) -> tuple[ColdBreach, ...]:
        """Return the breaches of an item, in the order in which they were found."""
        return self._run(conversations.cold_breaches(identifier))

    def cold_readings(
        self, identifier: str, from_ms: int | None = None, until_ms: int | None = None
    ) -> tuple[ColdReadings, ...]:
        """Return the readings about an item at or after one time and before another, in the order of the ledger."""
        return self._run(conversations.cold_readings(identifier, from_ms, until_ms))

    def validators(self, height: int | None = None) -> Validators:
        """Return the validators who sign the block at a height, by default the next one."""
        return self._run(conversations.validators(height))

    def proposals(self, status: str | None = None) -> tuple[Proposal, ...]:
        """Return what is or was proposed to the validators' organisations; ``status`` open, executed or withdrawn."""
        return self._run(conversations.proposals(status))

    def evidence(self, validator: str | None = None) -> tuple[Evidence, ...]:
        """Return the double votes that are on the ledger, all or those of one validator's key."""
        return self._run(conversations.evidence(validator))

    def events(self, **filters: str) -> JsonObject:
        """Return the EPCIS query document of the events that match, such as ``MATCH_epc=...``."""
        return self._run(conversations.events(filters))

    def events_page(self, form: Literal["json", "xml"] = "json", **filters: str) -> EventsPage:
        """Return a page of the events that match, as the node wrote it; ``nextPageToken`` asks for a later one."""
        return self._run(conversations.events_page(filters, form))

    def event(self, event_id: str, form: Literal["json", "xml"] = "json") -> bytes:
        """Return one event as EPCIS 2.0; what XML cannot say is refused with its place."""
        return self._run(conversations.event(event_id, form))

    def label(self, identifier: str, form: str = "svg") -> bytes:
        """Return the QR label of a thing as an SVG or PNG file."""
        return self._run(conversations.label(identifier, form))

    def linkset(self, identifier: str) -> JsonObject:
        """Return the links of a product, a lot or an item, with those that it inherits, as a linkset (RFC 9264)."""
        return self._run(conversations.linkset(identifier))

    def trust(self) -> JsonObject:
        """Return the trust root that this node names; for checking proofs keep one from somebody you trust."""
        return self._run(conversations.get_object("/v1/trust"))

    def genesis(self) -> JsonObject:
        """Return the genesis document of the chain."""
        return self._run(conversations.get_object("/v1/genesis"))

    def _run(self, conversation: Conversation[T]) -> T:
        """Carry the requests of a conversation to a node until it returns its result."""
        try:
            request = next(conversation)
            while True:
                response = self._send(request)
                request = conversation.send(response)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _send(self, request: Request) -> Response:
        last: Response | None = None
        failures: list[str] = []
        for node, pause_s in self._route.attempts():
            if pause_s:
                time.sleep(pause_s)
            try:
                answer = self._http.send(http_request(self._http, node, request, self._timeout_s))
            except httpx.TransportError as error:
                failures.append(failure_text(node, error))
                continue
            last = response_of(answer, node)
            if not last.is_retryable:
                self._route.prefer(node)
                return last
        return answer_or_error(request, last, failures)


def http_request(
    client: httpx.Client | httpx.AsyncClient, node: str, request: Request, timeout_s: float
) -> httpx.Request:
    """Return the request as httpx sends it; an answer that waits may take that much longer."""
    return client.build_request(
        request.method,
        node + request.path,
        params=list(request.query),
        headers=dict(request.headers),
        content=request.body,
        timeout=httpx.Timeout(timeout_s + request.wait_s, connect=CONNECT_TIMEOUT_S),
    )


def response_of(answer: httpx.Response, node: str) -> Response:
    """Return what the conversations read of an answer."""
    return Response(
        answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content, node
    )


def failure_text(node: str, error: httpx.TransportError) -> str:
    """Say in a few words why a node did not answer."""
    return f"{node}: {str(error) or type(error).__name__}"
