"""``/epcis``: EPCIS 2.0 over HTTP (ISO/IEC 19987 section 12): capture a document, ask for events.

A document becomes one transaction that the node's gateway key signs, so it is captured whole or not at all. The
capture id is the transaction's id. Problems have the types that EPCIS fixes, with our stable ``code`` beside them.
"""

import hmac
import secrets
from collections.abc import Sequence
from typing import Final, Literal, cast

import anyio.to_thread
from fastapi import APIRouter, Request, Response

from contracts import heads
from contracts.provenance.events import read_event
from contracts.results import Rejected, ResultCode
from ledger.codec import encode
from ledger.errors import LedgerError
from ledger.keys import SecretKey
from ledger.readable import Json
from ledger.transaction import NONCE_BYTES, Operation, Transaction, sign_transaction
from node.admission import Refusal
from node.api.answers import Answers, as_of, json_response
from node.api.backend import ApiNode
from node.api.body import media_type, read_body
from node.api.problems import Fault, Problem, problem_of
from node.api.transactions import prefer_wait_s
from node.event_query import ParameterError, event_by_id, events_page, read_query
from node.queries import PAGE_MAX, committed_transaction
from node.records import Record
from node.storage.store import Store
from standards.epcis.document import EVENTS_MAX, parse_document
from standards.epcis.fields import time_text
from standards.epcis.json_text import dumps
from standards.epcis.operations import document_from_operations, events_to_operations
from standards.errors import EpcisError

DOCUMENT_BYTES_MAX: Final = 2 * 1024 * 1024
_TYPES: Final = frozenset({"application/json", "application/ld+json"})
_VALID_FOR_MS: Final = 60_000
_PER_PAGE: Final = 30
_HEADERS: Final = {
    "gs1-epcis-version": "2.0.0",
    "gs1-epcis-min": "2.0.0",
    "gs1-epcis-max": "2.0.0",
    "gs1-cbv-version": "2.0.0",
    "gs1-cbv-min": "2.0.0",
    "gs1-cbv-max": "2.0.0",
    "gs1-epcis-capture-limit": str(EVENTS_MAX),
    "gs1-epcis-capture-file-size-limit": str(DOCUMENT_BYTES_MAX),
    "gs1-capture-error-behaviour": "rollback",
}

_FORMAT_NAMES: Final = {"as_captured": "Never_Translates", "digital_link": "Always_GS1_Digital_Link"}
_VALIDATION: Final = "ValidationException"
_PARAMETER: Final = "QueryParameterException"
_EXISTS: Final = "ResourceAlreadyExistsException"
_LIMIT: Final = "CaptureLimitExceededException"
_SECURITY: Final = "SecurityException"
_RESOURCE: Final = "NoSuchResourceException"

_DUPLICATES: Final = frozenset({ResultCode.EVENT_ALREADY_CAPTURED.name, ResultCode.EVENT_ID_CONFLICT.name})


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"])
    _add_capture(routes, node, answers)
    _add_events(routes, node, answers)
    return routes


def _add_capture(routes: APIRouter, node: ApiNode, answers: Answers) -> None:
    body = {"content": {name: {"schema": {"type": "object"}} for name in sorted(_TYPES)}, "required": True}

    @routes.post("/capture", summary="Capture an EPCIS document", status_code=202, openapi_extra={"requestBody": body})
    async def capture(request: Request) -> Response:
        key = _authorised_key(node, request)
        if request.headers.get("gs1-capture-error-behaviour", "rollback").lower() != "rollback":
            raise Problem("epcis.error_behaviour", "send each event that may fail alone", epcis_type=_VALIDATION)
        _require_media_type(request)
        document = await read_body(request, DOCUMENT_BYTES_MAX)
        operations = await anyio.to_thread.run_sync(_operations, document)
        await answers.read(lambda store: _refuse_duplicates(store, operations))
        transaction = await anyio.to_thread.run_sync(_signed, node, key, operations)
        outcome = await node.submit(transaction.encoded)
        if isinstance(outcome, Refusal):
            raise problem_of(outcome, epcis_type=_refusal_type(outcome))
        return await _captured(node, answers, request, transaction)

    @routes.get("/capture/{capture_id}", summary="What became of a captured document")
    async def job(capture_id: str) -> Response:
        transaction_id = _capture_id(capture_id)
        is_pending = node.is_pending(transaction_id)
        value, tip = await answers.read(lambda store: _job(node, store, transaction_id))
        if value is None and not is_pending:
            raise Problem("epcis.unknown_capture", f"there is no capture {capture_id[:80]!r}", epcis_type=_RESOURCE)
        waiting: dict[str, Json] = {"captureID": capture_id, "running": True, "success": False, "errors": []}
        return json_response(value or waiting, headers={**_HEADERS, **as_of(tip)})


def _add_events(routes: APIRouter, node: ApiNode, answers: Answers) -> None:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("perPage", "nextPageToken", "eventType", "GE_eventTime", "LT_eventTime", "MATCH_anyEPC")
    ]

    @routes.get("/events", summary="Captured events, in the order of capture", openapi_extra={"parameters": parameters})
    async def events(request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        limit, token = _per_page(given.pop("perPage", None)), given.pop("nextPageToken", None)
        identifier_format = _identifier_format(request)
        try:
            query = read_query(given.items())
        except ParameterError as error:
            raise Problem("epcis.query_parameter", str(error), epcis_type=_PARAMETER) from error
        created = time_text(node.now_ms(), 0)

        def read(store: Store) -> tuple[bytes, str | None]:
            page = events_page(store, query, token, limit)
            return _document(page.records, created, identifier_format), page.next_token

        (document, next_token), tip = await answers.read(read)
        headers = {**_HEADERS, **as_of(tip), "gs1-epc-format": _FORMAT_NAMES[identifier_format]}
        if next_token is not None:
            address = request.url.include_query_params(nextPageToken=next_token)
            headers["link"] = f'<{address.path}?{address.query}>; rel="next"'
        return Response(document, media_type=_answer_type(request), headers={"cache-control": "no-cache", **headers})

    @routes.get("/events/{event_id:path}", summary="An event by its id")
    async def event(event_id: str, request: Request) -> Response:
        identifier_format = _identifier_format(request)
        created = time_text(node.now_ms(), 0)

        def read(store: Store) -> bytes | None:
            records = event_by_id(store, event_id)
            return _document(records, created, identifier_format) if records else None

        document, tip = await answers.read(read)
        if document is None:
            raise Problem("epcis.unknown_event", f"there is no event {event_id[:200]!r}", epcis_type=_RESOURCE)
        headers = {**_HEADERS, **as_of(tip), "gs1-epc-format": _FORMAT_NAMES[identifier_format]}
        return Response(document, media_type=_answer_type(request), headers={"cache-control": "no-cache", **headers})


def _authorised_key(node: ApiNode, request: Request) -> SecretKey:
    """Return the gateway's key if the caller may use it; raises Problem."""
    token, key = node.config.gateway_token, node.gateway_key
    if token is None or key is None:
        detail = "this node has no gateway token or no gateway key; hand in a signed transaction at /v1/transactions"
        raise Problem("epcis.gateway_off", detail, epcis_type=_SECURITY)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise Problem(
            "epcis.unauthenticated",
            "send Authorization: Bearer with the token of this node's configuration",
            headers={"www-authenticate": 'Bearer realm="epcis"'},
            epcis_type=_SECURITY,
        )
    return key


def _require_media_type(request: Request) -> None:
    try:
        media_type(request, _TYPES)
    except Problem as problem:
        problem.epcis_type = "UnsupportedMediaTypeException"
        raise


def _operations(document: bytes) -> list[Operation]:
    """Return the operations of a document; raises Problem with the JSON path of the one reason why not."""
    try:
        rows = events_to_operations(parse_document(document))
    except EpcisError as error:
        fault = Fault(error.path, error.rule, error.message)
        raise Problem("epcis.invalid", str(error), faults=[fault], epcis_type=_VALIDATION) from error
    return [Operation(method, arguments) for method, arguments in rows]


def _refuse_duplicates(store: Store, operations: Sequence[Operation]) -> None:
    """Refuse events that are on the ledger, before anything is signed; the contracts check it again."""
    for index, operation in enumerate(operations):
        try:
            event = read_event(operation.arguments)
        except Rejected as rejected:
            raise _invalid(index, rejected.code.name.lower(), rejected.detail) from rejected
        key = heads.event(*event.key) if event.declaration is None else heads.declaration(*event.key)
        if store.head(key) is not None:
            what = "event" if event.declaration is None else "error declaration"
            detail = f"the {what} number {index + 1} of the document ({event.event_id or 'without an id'}) is captured"
            fault = Fault(f"$.epcisBody.eventList[{index}]", "duplicate", detail)
            raise Problem("epcis.duplicate", detail, faults=[fault], epcis_type=_EXISTS)


def _signed(node: ApiNode, key: SecretKey, operations: Sequence[Operation]) -> Transaction:
    parameters = node.genesis.parameters
    if not operations:
        raise Problem(
            "epcis.invalid",
            "the document has no events",
            faults=[Fault("$.epcisBody.eventList", "empty_list", "it has at least one event")],
            epcis_type=_VALIDATION,
        )
    valid_until_ms = max(node.now_ms(), node.store.tip.time_ms) + min(
        _VALID_FOR_MS, parameters.transaction_validity_ms_max // 2
    )
    nonce = secrets.token_bytes(NONCE_BYTES)
    try:
        return sign_transaction(key, node.genesis.chain_id, nonce, valid_until_ms, operations)
    except LedgerError as error:
        if error.code in ("too_large", "too_many"):
            raise Problem("epcis.too_many_events", str(error), epcis_type=_LIMIT) from error
        index = _first_without_canonical_form(operations)
        raise _invalid(index, error.code, str(error)) from error


def _first_without_canonical_form(operations: Sequence[Operation]) -> int:
    for index, operation in enumerate(operations):
        try:
            encode(operation.arguments)
        except LedgerError:
            return index
    return 0


def _invalid(index: int, rule: str, detail: str) -> Problem:
    fault = Fault(f"$.epcisBody.eventList[{index}]", rule, detail)
    return Problem("epcis.invalid", f"{fault.path}: {detail} ({rule})", faults=[fault], epcis_type=_VALIDATION)


def _refusal_type(refusal: Refusal) -> str:
    if refusal.code in ("transaction.too_large", "transaction.too_many_operations"):
        return _LIMIT
    return _SECURITY if refusal.code.startswith("transaction.") else "ImplementationException"


async def _captured(node: ApiNode, answers: Answers, request: Request, transaction: Transaction) -> Response:
    """Answer 202 with the job, or what the caller waited for: 201, or the problem that the ledger found."""
    identifier = transaction.transaction_id
    location = {**_HEADERS, "location": f"/epcis/capture/{identifier.hex()}"}
    wait_s = prefer_wait_s(request)
    if not wait_s or not await node.wait_committed(identifier, wait_s):
        job: dict[str, Json] = {"captureID": identifier.hex(), "running": True, "success": False, "errors": []}
        return json_response(job, status=202, headers=location)
    value, tip = await answers.read(lambda store: _job(node, store, identifier))
    assert value is not None, "a committed transaction is found"
    if value["success"]:
        return json_response(value, status=201, headers={**location, **as_of(tip)})
    error = cast("dict[str, str]", cast("list[Json]", value["errors"])[0])
    is_duplicate = error["rule"] in _DUPLICATES
    raise Problem(
        "epcis.duplicate" if is_duplicate else "epcis.rejected",
        error["detail"],
        faults=[Fault(error["path"], error["rule"], error["detail"])],
        extra={"captureID": identifier.hex()},
        epcis_type=_EXISTS if is_duplicate else _VALIDATION,
    )


def _job(node: ApiNode, store: Store, transaction_id: bytes) -> dict[str, Json] | None:
    """Return what became of a capture, or None where it is not committed."""
    committed = committed_transaction(store, transaction_id)
    if committed is None:
        return None
    receipt = cast("dict[str, Json]", committed["receipt"])
    errors: list[Json] = []
    if receipt["code"] != 0:
        where = receipt["failed_operation"]
        detail = node.receipt_detail(transaction_id) or cast(str, receipt["meaning"])
        path = "$" if where is None else f"$.epcisBody.eventList[{where}]"
        errors.append(
            {
                "type": f"epcisException:{_EXISTS if receipt['result'] in _DUPLICATES else _VALIDATION}",
                "title": cast(str, receipt["meaning"]),
                "status": 409,
                "detail": detail,
                "path": path,
                "rule": cast(str, receipt["result"]),
            }
        )
    moment = time_text(cast(int, committed["time_ms"]), 0)
    return {
        "captureID": transaction_id.hex(),
        "createdAt": moment,
        "finishedAt": moment,
        "running": False,
        "success": not errors,
        "captureErrorBehaviour": "rollback",
        "height": committed["height"],
        "errors": errors,
    }


def _capture_id(text: str) -> bytes:
    try:
        identifier = bytes.fromhex(text)
    except ValueError:
        identifier = b""
    if len(identifier) != 32 or identifier.hex() != text:
        raise Problem("epcis.unknown_capture", f"there is no capture {text[:80]!r}", epcis_type=_RESOURCE)
    return identifier


def _document(
    records: Sequence[Record], created: str, identifier_format: Literal["as_captured", "digital_link"]
) -> bytes:
    return dumps(
        document_from_operations(
            [record.arguments for record in records],
            creation_date=created,
            identifier_format=identifier_format,
            record_times=[time_text(record.block_time_ms, 0) for record in records],
        )
    )


def _identifier_format(request: Request) -> Literal["as_captured", "digital_link"]:
    asked = request.headers.get("gs1-epc-format", "No_Preference")
    if asked == "Always_GS1_Digital_Link":
        return "digital_link"
    if asked in ("No_Preference", "Never_Translates"):
        return "as_captured"
    raise Problem(
        "epcis.format", "ask for Never_Translates or Always_GS1_Digital_Link", epcis_type="NotAcceptableException"
    )


def _answer_type(request: Request) -> str:
    return "application/ld+json" if "application/ld+json" in request.headers.get("accept", "") else "application/json"


def _per_page(text: str | None) -> int:
    if text is None:
        return _PER_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= PAGE_MAX):
        raise Problem("epcis.query_parameter", f"perPage is a number from 1 to {PAGE_MAX}", epcis_type=_PARAMETER)
    return int(text)
