"""What the client and a node say to each other, without IO: one generator for each thing that can be asked.

Paths and shapes are those of docs/api.md. A transaction is signed once and sent as often as needed: its id is over the
signed body, so a node that has it already answers with the one receipt that there is.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar
from urllib.parse import quote

from ledger.errors import LedgerError
from ledger.keys import SecretKey
from ledger.proof import to_base64url
from ledger.transaction import Operation, Transaction, sign_transaction
from standards.digital_link import CANONICAL_STEM, canonical_id
from standards.epcis.document import parse_document
from standards.epcis.operations import events_to_operations
from standards.errors import StandardsError
from tradelane.captures import Captured, read_captured
from tradelane.cold_chain import (
    ColdBreach,
    ColdProfile,
    ColdReadings,
    ColdRecord,
    Device,
    DeviceReadings,
    read_cold_breach,
    read_cold_profile,
    read_cold_readings,
    read_cold_record,
    read_device,
    read_device_readings,
)
from tradelane.errors import (
    BadRequestError,
    ConflictError,
    NotFinalError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)
from tradelane.event_pages import EventsPage, next_token, partial_documents
from tradelane.fields import Fields
from tradelane.governance import (
    Evidence,
    Proposal,
    Validators,
    read_evidence,
    read_proposal,
    read_validators,
)
from tradelane.money import Hold, read_hold
from tradelane.netting import NettingWindow, Obligation, read_obligation, read_window
from tradelane.papers import (
    CustomsDeclaration,
    Document,
    ThingEmissions,
    read_customs_declaration,
    read_document,
    read_emissions,
)
from tradelane.payments import Payment, QuoteUse, read_payment, read_quote_use
from tradelane.recalls import Closure, SiteEvent, read_closure, read_reached, read_site_event
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
    failure,
    read_account,
    read_block,
    read_entry,
    read_history_entry,
    read_item,
    read_offer,
    read_recall,
    read_status,
    read_trace,
    read_transaction,
)
from tradelane.transport import Conversation, JsonObject, Request, ask, json_request, query

WAIT_MAX_S: Final = 30.0
PAGE_MAX: Final = 200
REPLAYED: Final = "transaction.replayed"

Direction: TypeAlias = Literal["all", "back", "forward", "contents"]
T = TypeVar("T")


def status() -> Conversation[NodeStatus]:
    """Ask a node what it says of itself."""
    response = yield from ask(Request("GET", "/v1/status"))
    return read_status(Fields(response.object(), "status"))


def get_object(path: str, **parameters: str | int | None) -> Conversation[JsonObject]:
    """Ask for a JSON object."""
    response = yield from ask(Request("GET", path, query(**parameters)))
    return response.object()


def get_bytes(path: str, accept: str, **parameters: str | int | None) -> Conversation[bytes]:
    """Ask for something that is not JSON."""
    response = yield from ask(Request("GET", path, query(**parameters), {"accept": accept}))
    return response.body


def sign(
    operations: Sequence[Operation], key: SecretKey, chain_id: str, nonce: bytes, valid_until_ms: int
) -> Transaction:
    """Return a signed transaction.

    Raises
    ------
    BadRequestError
        An argument has no canonical form or there are too many operations.

    """
    try:
        return sign_transaction(key, bytes.fromhex(chain_id), nonce, valid_until_ms, operations)
    except (LedgerError, ValueError) as error:
        code = error.code if isinstance(error, LedgerError) else "value"
        raise BadRequestError(f"transaction.{code}", f"the transaction cannot be signed: {error}") from error


def submit(transaction: Transaction, wait_s: float) -> Conversation[TransactionStatus]:
    """Send a transaction and wait until it is committed.

    Raises
    ------
    TradelaneError
        It was refused, or committed without effect: the error says which rule of the contracts spoke.
    NotFinalError
        It was not committed within ``wait_s``.

    """
    transaction_id = transaction.transaction_id.hex()
    first_wait_s = min(wait_s, WAIT_MAX_S)
    request = json_request(
        "POST",
        "/v1/transactions",
        {"transaction": base64.urlsafe_b64encode(transaction.encoded).rstrip(b"=").decode()},
        {"prefer": f"wait={first_wait_s:g}", "idempotency-key": transaction_id},
    )
    try:
        response = yield from ask(waiting(request, first_wait_s), (200, 201, 202))
        answer = read_transaction(Fields(response.object(), "transaction"))
        left_s = wait_s - first_wait_s
    except ConflictError as error:
        # A retry of what an earlier attempt got through, although its answer was lost: the receipt is there.
        if error.code != REPLAYED:
            raise
        answer, left_s = None, wait_s
    if answer is not None and answer.id != transaction_id:
        raise VerificationError(
            "transaction.id", f"the node answered for transaction {answer.id}, not {transaction_id}"
        )
    if answer is None or not answer.is_final:
        answer = yield from await_final(transaction_id, left_s, is_accepted=True)
    return require_success(answer)


def transaction(transaction_id: str, wait_s: float = 0.0) -> Conversation[TransactionStatus]:
    """Ask where a transaction is, and wait up to ``wait_s`` for it to be committed."""
    path = f"/v1/transactions/{quote(transaction_id, safe='')}"
    request = Request("GET", path, query(wait=f"{wait_s:g}" if wait_s else None))
    response = yield from ask(waiting(request, wait_s), (200, 202))
    return read_transaction(Fields(response.object(), "transaction"))


def await_final(transaction_id: str, wait_s: float, *, is_accepted: bool = False) -> Conversation[TransactionStatus]:
    """Wait until a transaction is committed, well or badly.

    ``is_accepted`` says that a node took it: another node that does not know it yet may still get to know it.

    Raises
    ------
    NotFinalError
        It is not committed after about ``wait_s``.
    NotFoundError
        The node does not know it after that time, and nobody said that it was accepted.

    """
    left_s = wait_s
    while True:
        step_s = min(max(left_s, 0.0), WAIT_MAX_S)
        left_s -= step_s
        try:
            answer = yield from transaction(transaction_id, step_s)
        except NotFoundError:
            if left_s <= 0 and not is_accepted:
                raise
        else:
            if answer.is_final:
                return answer
        if left_s <= 0:
            raise NotFinalError(
                "transaction.not_final",
                f"transaction {transaction_id} is not in a block after {wait_s:g} s",
                f"ask again with `tradelane tx wait {transaction_id}`; it is not lost and not done twice",
                transaction_id,
            )


def require_success(answer: TransactionStatus) -> TransactionStatus:
    """Return the answer if the transaction was carried out, else raise the error that its receipt stands for."""
    if answer.receipt is not None and not answer.receipt.is_success:
        raise failure(answer.id, answer.receipt)
    return answer


def capture_operations(document: bytes) -> list[Operation]:
    """Return the operations that capture the events of an EPCIS 2.0 document in UTF-8 JSON.

    Raises
    ------
    BadRequestError
        The document is refused; the text holds the JSON path and the rule.

    """
    try:
        rows = events_to_operations(parse_document(document))
    except StandardsError as error:
        raise BadRequestError(f"epcis.{error.code}", str(error), "correct the document at that path") from error
    return [Operation(str(method), arguments) for method, arguments in rows]


def waiting(request: Request, wait_s: float) -> Request:
    """Return the request with the time that its answer may take on top of the usual."""
    return Request(request.method, request.path, request.query, request.headers, request.body, wait_s)


def block(height: int | str) -> Conversation[BlockSummary]:
    """Ask for a block by height, or for the ``latest``."""
    fields = yield from get_object(f"/v1/blocks/{height}")
    return read_block(Fields(fields, "block"))


def item(identifier: str) -> Conversation[Item]:
    """Ask what the ledger knows of a thing now."""
    fields = yield from get_object("/v1/items", id=identifier)
    return read_item(Fields(fields, "item"))


def history(identifier: str) -> Conversation[tuple[HistoryEntry, ...]]:
    """Ask for every record of a thing, oldest first."""
    pages = yield from get_pages("/v1/items/history", read_history_entry, id=identifier)
    return pages


def trace(
    identifier: str,
    direction: Direction,
    depth: int,
    fan_out: int | None,
    nodes: int | None,
    at_height: int | None,
    at_ms: int | None,
) -> Conversation[Trace]:
    """Ask for the tree of what a thing came from, went into or holds."""
    fields = yield from get_object(
        "/v1/items/trace",
        id=identifier,
        direction=direction,
        depth=depth,
        fan_out=fan_out,
        nodes=nodes,
        at_height=at_height,
        at_ms=at_ms,
    )
    return read_trace(Fields(fields, "trace"))


def site_events(
    site: str, since_ms: int | None, until_ms: int | None, limit: int
) -> Conversation[tuple[SiteEvent, ...]]:
    """Ask for the first events at a place in a time."""
    path = "/v1/sites/events"
    asked = {"id": site, "since_ms": since_ms, "until_ms": until_ms}
    return (yield from get_some(path, read_site_event, limit, **asked))


def recall_closure(
    identifier: str | None,
    targets: Sequence[str],
    site: str | None,
    since_ms: int | None,
    until_ms: int | None,
    things: int | None,
    limit: int,
) -> Conversation[Closure]:
    """Ask what a recall reaches, or would reach, with so many of its entries."""
    path = "/v1/closure" if identifier is None else f"/v1/recalls/{quote(identifier, safe='')}/closure"
    asked: dict[str, str | int | None] = {"things": things}
    if identifier is None:
        asked |= {"target": " ".join(targets) or None, "site": site, "since_ms": since_ms, "until_ms": until_ms}
    size = max(1, min(limit, PAGE_MAX))
    first = Fields((yield from get_object(path, **asked, limit=size)), path)
    found = list(first.objects("entries", read_reached))
    cursor = first.optional_text("next_cursor")
    while cursor is not None and len(found) < limit:
        page = Fields((yield from get_object(path, **asked, limit=size, cursor=cursor)), path)
        found += page.objects("entries", read_reached)
        cursor = page.optional_text("next_cursor")
    return read_closure(first, tuple(found[:limit]))


def item_proof(identifier: str) -> Conversation[JsonObject]:
    """Ask for the proof bundle of a thing."""
    return (yield from get_object("/v1/items/proof", id=identifier))


def trace_proof(identifier: str) -> Conversation[JsonObject]:
    """Ask for the proof bundle of an item and of everything that it was packed in."""
    return (yield from get_object("/v1/items/trace/proof", id=identifier))


def transfer_proof(transfer_id: str) -> Conversation[JsonObject]:
    """Ask for the proof bundle of a payment, or of its absence."""
    return (yield from get_object(f"/v1/transfers/{quote(transfer_id, safe='')}/proof"))


def account_proof(identifier: str, after_count: int | None, after_height: int | None) -> Conversation[JsonObject]:
    """Ask for the proof bundle of an account and of its entries after a count or a height."""
    path = f"{_account_path(identifier)}/proof"
    return (yield from get_object(path, after_count=after_count, after_height=after_height))


def heads_proof(keys: Sequence[bytes] | Mapping[bytes, int]) -> Conversation[JsonObject]:
    """Ask for the proof bundle of several heads, or of their absence, by the keys that they stand under.

    A mapping has for each key the count after which its records are wanted.
    """
    counts = keys if isinstance(keys, Mapping) else dict.fromkeys(keys, 0)
    asked = (f"{to_base64url(key)}.{count}" if count else to_base64url(key) for key, count in counts.items())
    return (yield from get_object("/v1/proofs", keys=",".join(asked)))


def trust_proof(after_height: int) -> Conversation[JsonObject]:
    """Ask for the proof bundle of the newest block."""
    return (yield from get_object("/v1/trust/proof", after_height=after_height))


def transaction_proof(transaction_id: str) -> Conversation[JsonObject]:
    """Ask for the proof bundle of a transaction."""
    return (yield from get_object(f"/v1/transactions/{quote(transaction_id, safe='')}/proof"))


def account(identifier: str) -> Conversation[Account]:
    """Ask for the totals of an account."""
    fields = yield from get_object(_account_path(identifier))
    return read_account(Fields(fields, "account"))


def entries(identifier: str) -> Conversation[tuple[Entry, ...]]:
    """Ask for everything that touched an account, oldest first."""
    return (yield from get_pages(f"{_account_path(identifier)}/entries", read_entry))


def holds(identifier: str, status: str | None) -> Conversation[tuple[Hold, ...]]:
    """Ask for what is held on either side of an account."""
    return (yield from get_pages(f"{_account_path(identifier)}/holds", read_hold, status=status))


def hold(identifier: str) -> Conversation[Hold]:
    """Ask for a hold by the id of its pending transfer."""
    return read_hold(Fields((yield from get_object(f"/v1/holds/{quote(identifier, safe='')}")), "hold"))


def windows(currency: str | None, status: str | None) -> Conversation[tuple[NettingWindow, ...]]:
    """Ask for windows of obligations."""
    return (yield from get_pages("/v1/windows", read_window, currency=currency, status=status))


def quote_use(provider: str, identifier: str) -> Conversation[QuoteUse]:
    """Ask how much of a quote was used."""
    path = f"/v1/quotes/{quote(provider, safe='')}/{quote(identifier, safe='')}"
    return read_quote_use(Fields((yield from get_object(path)), "quote"))


def window(currency: str, identifier: str) -> Conversation[NettingWindow]:
    """Ask for a window with its obligations."""
    path = f"/v1/windows/{quote(currency, safe='')}/{quote(identifier, safe='')}"
    return read_window(Fields((yield from get_object(path)), "window"))


def obligation(identifier: str) -> Conversation[Obligation]:
    """Ask for an obligation."""
    return read_obligation(
        Fields((yield from get_object(f"/v1/obligations/{quote(identifier, safe='')}")), "obligation")
    )


def recalls(target: str | None, status: str | None) -> Conversation[tuple[Recall, ...]]:
    """Ask for recalls."""
    return (yield from get_pages("/v1/recalls", read_recall, target=target, status=status))


def documents(subject: str) -> Conversation[tuple[Document, ...]]:
    """Ask for the documents about a thing, a product or an organisation."""
    found = Fields((yield from get_object("/v1/documents", subject=subject)), "documents")
    return found.objects("entries", read_document)


def document(document_hash: str) -> Conversation[Document]:
    """Ask what organisations say of a document."""
    return read_document(Fields((yield from get_object(f"/v1/documents/{quote(document_hash, safe='')}")), "document"))


def customs_declarations(subject: str) -> Conversation[tuple[CustomsDeclaration, ...]]:
    """Ask for the customs declarations about a thing or a product."""
    found = Fields((yield from get_object("/v1/customs", subject=subject)), "customs")
    return found.objects("entries", read_customs_declaration)


def emissions(identifier: str) -> Conversation[ThingEmissions]:
    """Ask what a thing bears of the emissions along its trace."""
    return read_emissions(Fields((yield from get_object("/v1/items/emissions", id=identifier)), "emissions"))


def offers(party: str | None, status: str | None) -> Conversation[tuple[Offer, ...]]:
    """Ask for offers of custody or ownership."""
    return (yield from get_pages("/v1/offers", read_offer, party=party, status=status))


def device(identifier: str) -> Conversation[Device]:
    """Ask for a measuring device."""
    path = f"/v1/devices/{quote(identifier, safe='')}"
    return read_device(Fields((yield from get_object(path)), path))


def devices(owner: str | None, key: str | None) -> Conversation[tuple[Device, ...]]:
    """Ask for measuring devices."""
    return (yield from get_pages("/v1/devices", read_device, owner=owner, key=key))


def captures(document: str | None, key: str | None, status: str | None) -> Conversation[tuple[Captured, ...]]:
    """Ask for documents that were captured in parts."""
    return (yield from get_pages("/v1/captures", read_captured, document=document, key=key, status=status))


def device_readings(
    identifier: str, from_ms: int | None, until_ms: int | None
) -> Conversation[tuple[DeviceReadings, ...]]:
    """Ask for what a device recorded between two times."""
    path = f"/v1/devices/{quote(identifier, safe='')}/readings"
    return (yield from get_pages(path, read_device_readings, from_ms=from_ms, until_ms=until_ms))


def cold_profiles() -> Conversation[tuple[ColdProfile, ...]]:
    """Ask for all profiles that cold chains are judged by."""
    return (yield from get_pages("/v1/cold-profiles", read_cold_profile))


def cold_profile(identifier: str) -> Conversation[ColdProfile]:
    """Ask for a profile that cold chains are judged by."""
    path = f"/v1/cold-profiles/{quote(identifier, safe='')}"
    return read_cold_profile(Fields((yield from get_object(path)), path))


def cold_record(identifier: str) -> Conversation[ColdRecord]:
    """Ask how cold a thing was kept."""
    path = "/v1/items/cold-chain"
    return read_cold_record(Fields((yield from get_object(path, id=identifier)), path))


def cold_breaches(identifier: str) -> Conversation[tuple[ColdBreach, ...]]:
    """Ask for the breaches of a thing."""
    return (yield from get_pages("/v1/items/cold-chain/breaches", read_cold_breach, id=identifier))


def cold_readings(identifier: str, from_ms: int | None, until_ms: int | None) -> Conversation[tuple[ColdReadings, ...]]:
    """Ask for the readings about a thing between two times."""
    path = "/v1/items/cold-chain/readings"
    return (yield from get_pages(path, read_cold_readings, id=identifier, from_ms=from_ms, until_ms=until_ms))


def validators(height: int | None) -> Conversation[Validators]:
    """Ask for the validators of a height, by default the next one."""
    path = "/v1/validators"
    return read_validators(Fields((yield from get_object(path, height=height)), path))


def proposals(status: str | None) -> Conversation[tuple[Proposal, ...]]:
    """Ask for proposals to the validators' organisations."""
    return (yield from get_pages("/v1/proposals", read_proposal, status=status))


def evidence(validator: str | None) -> Conversation[tuple[Evidence, ...]]:
    """Ask for the double votes that are on the ledger."""
    return (yield from get_pages("/v1/evidence", read_evidence, validator=validator))


def events(filters: Mapping[str, str]) -> Conversation[JsonObject]:
    """Ask for the EPCIS query document of the events that match."""
    return (yield from get_object("/epcis/events", **filters))


def events_page(filters: Mapping[str, str], form: str) -> Conversation[EventsPage]:
    """Ask for events until some are found or there are no more: a page can be empty and still have a next one."""
    asked = dict(filters)
    while True:
        request = Request("GET", "/epcis/events", tuple(asked.items()), {"accept": f"application/{form}"})
        response = yield from ask(request)
        token = next_token(response.headers)
        page = EventsPage(response.body, token, partial_documents(response.headers))
        if token is None or page.has_events:
            return page
        asked["nextPageToken"] = token


def event(event_id: str, form: str) -> Conversation[bytes]:
    """Ask for one event as EPCIS 2.0 in ``json`` or ``xml``."""
    return (yield from get_bytes(f"/epcis/events/{quote(event_id, safe='')}", f"application/{form}"))


def label(identifier: str, form: str) -> Conversation[bytes]:
    """Ask for the QR label of a thing."""
    return (yield from get_bytes("/v1/label", "*/*", id=identifier, format=form))


def linkset(identifier: str) -> Conversation[JsonObject]:
    """Ask for the links of a product, a lot or an item."""
    name = canonical_id(identifier)
    if not name.startswith(CANONICAL_STEM + "/"):
        raise BadRequestError(
            "link.identifier", f"{identifier[:100]!r} is no GS1 Digital Link", "write https://id.gs1.org/01/GTIN"
        )
    return (yield from get_object(name.removeprefix(CANONICAL_STEM), linkType="linkset"))


def get_pages(path: str, read: Callable[[Fields], T], **parameters: str | int | None) -> Conversation[tuple[T, ...]]:
    """Ask for all pages of a list."""
    found: list[T] = []
    cursor: str | None = None
    while True:
        page = Fields((yield from get_object(path, **parameters, cursor=cursor, limit=PAGE_MAX)), path)
        found += page.objects("entries", read)
        following = page.optional_text("next_cursor")
        if following is None:
            return tuple(found)
        if following == cursor:
            raise UnavailableError("response.cursor", f"{path} gives the same page again and again")
        cursor = following


def get_some(
    path: str, read: Callable[[Fields], T], limit: int, **parameters: str | int | None
) -> Conversation[tuple[T, ...]]:
    """Ask for the first so many entries of a list."""
    found: list[T] = []
    cursor: str | None = None
    while len(found) < limit:
        size = min(PAGE_MAX, limit - len(found))
        page = Fields((yield from get_object(path, **parameters, cursor=cursor, limit=size)), path)
        found += page.objects("entries", read)
        cursor = page.optional_text("next_cursor")
        if cursor is None:
            break
    return tuple(found)


def payment(uetr: str) -> Conversation[Payment]:
    """Ask for a payment."""
    fields = yield from get_object(f"/v1/payments/{quote(uetr, safe='')}")
    return read_payment(Fields(fields, "payment"))


def payment_proof(uetr: str) -> Conversation[JsonObject]:
    """Ask for the proof bundle of a payment and its whole history."""
    return (yield from get_object(f"/v1/payments/{quote(uetr, safe='')}/proof"))


def _account_path(identifier: str) -> str:
    return f"/v1/accounts/{quote(identifier, safe='')}"


def gateway_capture(document: bytes, token: str) -> Conversation[JsonObject]:
    """Hand an EPCIS document to a node's gateway, which signs it with its own key."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    response = yield from ask(Request("POST", "/epcis/capture", headers=headers, body=document), (200, 201, 202))
    return {} if not response.body else response.object()
