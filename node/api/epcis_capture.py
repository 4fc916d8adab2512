"""``/epcis/capture``: an EPCIS document becomes one transaction that the node's gateway key signs.

So a document is captured whole or not at all. The capture id is the transaction's id, and a capture is final when its
transaction is.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Annotated, Any, Final, cast
from urllib.parse import quote

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

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
from node.api.body import JSON_CODES, json_problem, media_type, read_body
from node.api.epcis import DOCUMENT_BYTES_MAX, HEADERS, PAGED, TYPES, XML_TYPES, require_token, require_version
from node.api.epcis_events import next_link, read_per_page
from node.api.parameters import Read, no_parameters, read_parameters
from node.api.problems import Fault, Problem, problem_of
from node.api.transactions import prefer_wait_s
from node.document_parts import CAPTURE_PART
from node.event_query import SCAN_MAX, position_of, token_of
from node.queries import committed_transaction
from node.records import CAPTURE
from node.storage.rows import Position
from node.storage.store import Store
from standards.epcis.document import EVENTS_MAX, parse_document
from standards.epcis.fields import time_text
from standards.epcis.operations import events_to_operations
from standards.epcis.xml_read import parse_xml_document
from standards.errors import EpcisError

_VALID_FOR_MS: Final = 60_000
_EVENT_WAIT_S: Final = 10.0
_DUPLICATES: Final = frozenset({ResultCode.EVENT_ALREADY_CAPTURED.name, ResultCode.EVENT_ID_CONFLICT.name})
# Valid EPCIS, but more than fits.
_LIMIT_RULES: Final = frozenset({"too_many_events", "too_many_entries", "event_too_large"})
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "content": {name: {"schema": {"type": "string" if name in XML_TYPES else "object"}} for name in sorted(TYPES)},
        "required": True,
    }
}


@dataclass(frozen=True, slots=True)
class _Document:
    """The operations of a document, and the JSON path of the event of each."""

    operations: tuple[Operation, ...]
    paths: tuple[str, ...]


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"])

    @routes.post(
        "/capture",
        summary="Capture an EPCIS document, all or nothing",
        status_code=202,
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters), Depends(require_version)],
    )
    async def capture(request: Request) -> Response:
        document, transaction = await _submitted(node, answers, request)
        return await _answer(node, answers, transaction, document, prefer_wait_s(request))

    @routes.post(
        "/events",
        summary="Capture one event, and wait until it is there",
        status_code=201,
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters), Depends(require_version)],
    )
    async def event(request: Request) -> Response:
        document, transaction = await _submitted(node, answers, request, events_max=1)
        answer = await _answer(node, answers, transaction, document, prefer_wait_s(request) or _EVENT_WAIT_S)
        if answer.status_code == 200:
            answer.status_code = 201
            event_id = document.operations[0].arguments.get("event_id")
            if isinstance(event_id, str):
                answer.headers["location"] = f"/epcis/events/{quote(event_id, safe='')}"
        return answer

    @routes.get("/capture", summary="Captured documents, the newest first", openapi_extra=PAGED)
    async def jobs(request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        limit, token = read_per_page(given.pop("perPage", None)), given.pop("nextPageToken", None)
        asked = read_parameters(Read, given)
        (found, following), tip = await answers.read(lambda store: _jobs(node, store, token, limit), asked)
        headers = {**HEADERS, **as_of(tip)}
        if following is not None:
            headers["link"] = next_link(request, following)
        return json_response(found, headers=headers)

    @routes.get("/capture/{capture_id}", summary="What became of a captured document")
    async def job(capture_id: str, asked: Annotated[Read, Query()]) -> Response:
        transaction_id = _capture_id(capture_id)
        is_pending = node.is_pending(transaction_id)  # before the read: it may be committed between the two
        value, tip = await answers.read(lambda store: _job(node, store, transaction_id), asked)
        if value is None and not is_pending:
            raise Problem("epcis.unknown_capture", f"there is no capture {capture_id}")
        return json_response(value or _running(capture_id), headers={**HEADERS, **as_of(tip)})

    return routes


async def _submitted(
    node: ApiNode, answers: Answers, request: Request, events_max: int = EVENTS_MAX
) -> tuple[_Document, Transaction]:
    """Return the document of a request and the transaction that hands it in; raises Problem."""
    key = _authorised_key(node, request)
    if request.headers.get("gs1-capture-error-behaviour", "rollback").lower() != "rollback":
        raise Problem("epcis.error_behaviour", "a document is captured whole or not at all")
    is_xml = media_type(request, TYPES) in XML_TYPES
    data = await read_body(request, DOCUMENT_BYTES_MAX)
    document = await anyio.to_thread.run_sync(partial(_read_document, data, is_xml=is_xml, events_max=events_max))
    await answers.read(lambda store: _refuse_duplicates(store, document))
    transaction = await anyio.to_thread.run_sync(_signed, node, key, document)
    outcome = await node.submit(transaction.encoded)
    if isinstance(outcome, Refusal):
        raise problem_of(outcome)
    return document, transaction


def _authorised_key(node: ApiNode, request: Request) -> SecretKey:
    """Return the gateway's key if the caller may use it; raises Problem."""
    token, key = node.config.gateway_token, node.gateway_key
    if token is None or key is None:
        detail = "this node has no gateway token or no gateway key; hand in a signed transaction at /v1/transactions"
        raise Problem("epcis.gateway_off", detail)
    require_token(node, request)
    return key


def _read_document(data: bytes, *, is_xml: bool, events_max: int) -> _Document:
    """Return the operations of a document; raises Problem with the JSON path of the one reason why not."""
    try:
        parse = parse_xml_document if is_xml else parse_document
        document = parse(data, events_max=events_max)
        operations = tuple(Operation(method, arguments) for method, arguments in events_to_operations(document))
    except EpcisError as error:
        if error.rule in JSON_CODES and not is_xml:
            raise json_problem(error) from error
        code = "epcis.too_many_events" if error.rule in _LIMIT_RULES else "epcis.invalid"
        raise _problem(code, error.path, error.rule, error.message) from error
    if not operations:
        raise _problem("epcis.invalid", "$.epcisBody", "no_events", "the document has no events")
    return _Document(operations, tuple(captured.path for captured in document.events))


def _refuse_duplicates(store: Store, document: _Document) -> None:
    """Refuse events that are on the ledger, before anything is signed; the contracts check it again."""
    for operation, path in zip(document.operations, document.paths, strict=True):
        try:
            event = read_event(operation.arguments)
        except Rejected as rejected:
            raise _problem("epcis.invalid", path, rejected.code.name, rejected.detail) from rejected
        key = heads.event(*event.key) if event.declaration is None else heads.declaration(*event.key)
        if store.head(key) is not None:
            what = "event" if event.declaration is None else "error declaration"
            detail = f"the {what} {event.event_id or 'of this content'} was captured before"
            raise _problem("epcis.duplicate", path, ResultCode.EVENT_ALREADY_CAPTURED.name, detail)


def _signed(node: ApiNode, key: SecretKey, document: _Document) -> Transaction:
    """Return the transaction of the whole document, signed by the gateway."""
    valid_for_ms = min(_VALID_FOR_MS, node.genesis.parameters.transaction_validity_ms_max // 2)
    valid_until_ms = max(node.now_ms(), node.store.tip.time_ms) + valid_for_ms
    nonce = secrets.token_bytes(NONCE_BYTES)
    try:
        return sign_transaction(key, node.genesis.chain_id, nonce, valid_until_ms, document.operations)
    except LedgerError as error:
        for operation, path in zip(document.operations, document.paths, strict=True):
            try:
                encode(operation.arguments)
            except LedgerError as fault:
                raise _problem("epcis.invalid", path, fault.code, str(fault)) from fault
        # Every event has a canonical form, so it is their number or their size.
        raise _problem("epcis.too_many_events", "$", error.code, str(error)) from error


async def _answer(
    node: ApiNode, answers: Answers, transaction: Transaction, document: _Document, wait_s: float
) -> Response:
    """Answer 202 with the job, or what the caller waited for: 200, or the problem that the ledger found."""
    identifier = transaction.transaction_id
    location = {**HEADERS, "location": f"/epcis/capture/{identifier.hex()}"}
    if not wait_s or not await node.wait_committed(identifier, wait_s):
        return json_response(_running(identifier.hex()), status=202, headers=location)
    value, tip = await answers.read(lambda store: _job(node, store, identifier, document.paths))
    assert value is not None, "a committed transaction is found"
    if value["success"]:
        return json_response(value, headers={**location, **as_of(tip)})
    error = cast("dict[str, str]", cast("list[Json]", value["errors"])[0])
    code = "epcis.duplicate" if error["rule"] in _DUPLICATES else "epcis.rejected"
    raise _problem(code, error["path"], error["rule"], error["detail"], extra={"captureID": identifier.hex()})


def _job(
    node: ApiNode, store: Store, transaction_id: bytes, paths: Sequence[str] | None = None
) -> dict[str, Json] | None:
    """Return what became of a capture, or None where none of this id is committed.

    ``paths`` are those of the document's events; without them the operation's number stands for the place.
    """
    committed = committed_transaction(store, transaction_id)
    if committed is None or not _is_capture(committed):
        return None
    receipt = cast("dict[str, Json]", committed["receipt"])
    errors: list[Json] = []
    if receipt["code"] != 0:
        place = cast("int | None", receipt["failed_operation"])
        path = "$" if place is None else paths[place] if paths else f"$.epcisBody.eventList[{place}]"
        kind = "ResourceAlreadyExistsException" if receipt["result"] in _DUPLICATES else "ValidationException"
        errors.append(
            {
                "type": f"epcisException:{kind}",
                "title": cast(str, receipt["meaning"]),
                "status": 409,
                "detail": node.receipt_detail(transaction_id) or cast(str, receipt["meaning"]),
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
        "errors": errors,
        "height": committed["height"],
    }


def _jobs(node: ApiNode, store: Store, token: str | None, limit: int) -> tuple[list[Json], str | None]:
    """Return the jobs of the newest documents that are on the ledger, and the token of those before them."""
    after = None if token is None else position_of(token)
    found: list[Json] = []
    for looked_at in count():
        position = next(store.events(after, is_reverse=True), None)
        if position is None:
            break
        if after is not None and (len(found) == limit or looked_at == SCAN_MAX):
            return found, token_of(after)
        row = store.committed(position.height, position.transaction_index)
        assert row is not None, "the list of events never points above the tip"
        job = _job(node, store, row[1].transaction_id)
        if job is not None:
            found.append(job)
        # The first of its transaction, so that what follows belongs to another.
        after = Position(position.height, position.transaction_index, 0)
    return found, None


def _running(capture_id: str) -> dict[str, Json]:
    return {
        "captureID": capture_id,
        "running": True,
        "success": False,
        "captureErrorBehaviour": "rollback",
        "errors": [],
    }


def _is_capture(committed: dict[str, Json]) -> bool:
    operations = cast("list[dict[str, Json]]", committed["operations"])
    # The first of a part of a document says which part it is.
    return all(operation["method"] in (CAPTURE, CAPTURE_PART) for operation in operations)


def _capture_id(text: str) -> bytes:
    try:
        identifier = bytes.fromhex(text)
    except ValueError:
        identifier = b""
    if len(identifier) != 32 or identifier.hex() != text:
        raise Problem("epcis.unknown_capture", f"there is no capture {text[:80]!r}")
    return identifier


def _problem(code: str, path: str, rule: str, detail: str, extra: dict[str, Json] | None = None) -> Problem:
    return Problem(code, f"{path}: {detail} ({rule})", faults=[Fault(path, rule, detail)], extra=extra)
