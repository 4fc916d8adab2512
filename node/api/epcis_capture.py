"""``/epcis/capture``: an EPCIS document becomes one transaction that the node's gateway key signs.

So a document is captured whole or not at all. The capture id is the transaction's id, and a capture is final when its
transaction is.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
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
from standards.epcis.json_text import loads
from standards.epcis.operations import events_to_operations
from standards.epcis.sound_events import sound_events
from standards.epcis.xml_read import parse_xml_document, xml_to_json
from standards.errors import EpcisError

_VALID_FOR_MS: Final = 60_000
_EVENT_WAIT_S: Final = 10.0
_ROLLBACK: Final = "rollback"
_PROCEED: Final = "proceed"
_TRIES_MAX: Final = 20
"""How often an event that the ledger refuses is left out and the others are handed in again."""
_REMEMBERED_MAX: Final = 1_000
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
    """The operations of a document, and the JSON path of the event of each.

    ``left_out`` has the errors of its other events, where the captor wants those that can be had; else it is None.
    """

    operations: tuple[Operation, ...]
    paths: tuple[str, ...]
    left_out: tuple[dict[str, Json], ...] | None = None

    def without(self, place: int, error: dict[str, Json]) -> "_Document":
        """Return the document with one more event left out."""
        keep = [index for index in range(len(self.operations)) if index != place]
        return _Document(
            tuple(self.operations[index] for index in keep),
            tuple(self.paths[index] for index in keep),
            (*(self.left_out or ()), error),
        )


class _Jobs:
    """What this node remembers of the newest captures and no ledger keeps: paths, and what was left out."""

    def __init__(self) -> None:
        self._documents: OrderedDict[bytes, _Document] = OrderedDict()

    def remember(self, transaction_id: bytes, document: _Document) -> None:
        """Keep what was handed in under an id."""
        # The operations are on the ledger, or nowhere.
        self._documents[transaction_id] = replace(document, operations=())
        while len(self._documents) > _REMEMBERED_MAX:
            self._documents.popitem(last=False)

    def recall(self, transaction_id: bytes) -> _Document | None:
        """Return it, None where it is forgotten."""
        return self._documents.get(transaction_id)


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/epcis", tags=["EPCIS 2.0"])
    remembered = _Jobs()

    @routes.post(
        "/capture",
        summary="Capture an EPCIS document, all of it or nothing, or what can be had",
        status_code=202,
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters), Depends(require_version)],
    )
    async def capture(request: Request) -> Response:
        key, document = await _received(node, answers, request)
        return await _captured(node, answers, key, document, remembered, prefer_wait_s(request))

    @routes.post(
        "/events",
        summary="Capture one event, and wait until it is there",
        status_code=201,
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters), Depends(require_version)],
    )
    async def event(request: Request) -> Response:
        key, document = await _received(node, answers, request, events_max=1)
        wait_s = prefer_wait_s(request) or _EVENT_WAIT_S
        answer = await _captured(node, answers, key, document, remembered, wait_s)
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
        (found, following), tip = await answers.read(lambda store: _jobs(node, store, remembered, token, limit), asked)
        headers = {**HEADERS, **as_of(tip)}
        if following is not None:
            headers["link"] = next_link(request, following)
        return json_response(found, headers=headers)

    @routes.get("/capture/{capture_id}", summary="What became of a captured document")
    async def job(capture_id: str, asked: Annotated[Read, Query()]) -> Response:
        transaction_id = _capture_id(capture_id)
        is_pending = node.is_pending(transaction_id)  # before the read: it may be committed between the two
        value, tip = await answers.read(partial(_job, node, remembered, transaction_id), asked)
        if value is None and not is_pending:
            raise Problem("epcis.unknown_capture", f"there is no capture {capture_id}")
        return json_response(value or _running(transaction_id, remembered), headers={**HEADERS, **as_of(tip)})

    return routes


async def _received(
    node: ApiNode, answers: Answers, request: Request, events_max: int = EVENTS_MAX
) -> tuple[SecretKey, _Document]:
    """Return the key to sign with and the document of a request; raises Problem."""
    key = _authorised_key(node, request)
    behaviour = request.headers.get("gs1-capture-error-behaviour", _ROLLBACK).lower()
    if behaviour not in (_ROLLBACK, _PROCEED):
        raise Problem("epcis.error_behaviour", f"{behaviour[:40]!r} is neither {_ROLLBACK} nor {_PROCEED}")
    is_xml = media_type(request, TYPES) in XML_TYPES
    data = await read_body(request, DOCUMENT_BYTES_MAX)
    read = _read_document if behaviour == _ROLLBACK else _read_sound
    document = await anyio.to_thread.run_sync(partial(read, data, is_xml=is_xml, events_max=events_max))
    document, _ = await answers.read(lambda store: _without_duplicates(store, document))
    return key, document


async def _captured(
    node: ApiNode, answers: Answers, key: SecretKey, document: _Document, remembered: _Jobs, wait_s: float
) -> Response:
    """Hand a document in and answer; where others are to be had, an event that the ledger refuses is left out."""
    for _ in range(_TRIES_MAX):
        transaction = await anyio.to_thread.run_sync(_signed, node, key, document)
        outcome = await node.submit(transaction.encoded)
        if isinstance(outcome, Refusal):
            raise problem_of(outcome)
        identifier = transaction.transaction_id
        remembered.remember(identifier, document)
        location = {**HEADERS, "location": f"/epcis/capture/{identifier.hex()}"}
        if not wait_s or not await node.wait_committed(identifier, wait_s):
            return json_response(_running(identifier, remembered), status=202, headers=location)
        value, tip = await answers.read(partial(_job, node, remembered, identifier))
        assert value is not None, "a committed transaction is found"
        if value["isCaptured"]:
            return json_response(value, headers={**location, **as_of(tip)})
        error = cast("list[dict[str, Json]]", value["errors"])[-1]
        place = next((index for index, path in enumerate(document.paths) if path == error["path"]), None)
        if document.left_out is None or place is None or len(document.operations) == 1:
            break
        document = document.without(place, error)
    code = "epcis.duplicate" if error["rule"] in _DUPLICATES else "epcis.rejected"
    path, rule, detail = (str(error[name]) for name in ("path", "rule", "detail"))
    raise _problem(code, path, rule, detail, extra={"captureID": identifier.hex()})


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


def _read_sound(data: bytes, *, is_xml: bool, events_max: int) -> _Document:
    """Return the operations of the events that are sound; raises Problem where there is none."""
    try:
        found = sound_events(xml_to_json(data) if is_xml else loads(data), events_max)
    except EpcisError as error:
        if error.rule in JSON_CODES and not is_xml:
            raise json_problem(error) from error
        code = "epcis.too_many_events" if error.rule in _LIMIT_RULES else "epcis.invalid"
        raise _problem(code, error.path, error.rule, error.message) from error
    faults = [_problem("epcis.invalid", error.path, error.rule, error.message) for _, error in found.faults]
    if not found.operations:
        if faults:
            raise faults[0]
        raise _problem("epcis.invalid", "$.epcisBody", "no_events", "the document has no events")
    return _Document(
        tuple(Operation(method, arguments) for _, (method, arguments) in found.operations),
        tuple(path for path, _ in found.operations),
        tuple(map(_error_of, faults)),
    )


def _without_duplicates(store: Store, document: _Document) -> _Document:
    """Refuse, or leave out, events that are on the ledger, before anything is signed; the contracts check it again."""
    problems: dict[int, Problem] = {}
    for index, (operation, path) in enumerate(zip(document.operations, document.paths, strict=True)):
        problem = _duplicate(store, operation, path)
        if problem is not None:
            if document.left_out is None:
                raise problem
            problems[index] = problem
    if len(problems) == len(document.operations):
        raise problems[0]
    keep = [index for index in range(len(document.operations)) if index not in problems]
    return replace(
        document,
        operations=tuple(document.operations[index] for index in keep),
        paths=tuple(document.paths[index] for index in keep),
        left_out=None if document.left_out is None else (*document.left_out, *map(_error_of, problems.values())),
    )


def _duplicate(store: Store, operation: Operation, path: str) -> Problem | None:
    try:
        event = read_event(operation.arguments)
    except Rejected as rejected:
        return _problem("epcis.invalid", path, rejected.code.name, rejected.detail)
    key = heads.event(*event.key) if event.declaration is None else heads.declaration(*event.key)
    if store.head(key) is None:
        return None
    what = "event" if event.declaration is None else "error declaration"
    detail = f"the {what} {event.event_id or 'of this content'} was captured before"
    return _problem("epcis.duplicate", path, ResultCode.EVENT_ALREADY_CAPTURED.name, detail)


def _error_of(problem: Problem) -> dict[str, Json]:
    """Return a problem as an error of a job."""
    (fault,) = problem.faults
    is_duplicate = problem.code == "epcis.duplicate"
    return {
        "type": f"epcisException:{'ResourceAlreadyExists' if is_duplicate else 'Validation'}Exception",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": fault.detail,
        "path": fault.path,
        "rule": fault.rule,
    }


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


def _job(node: ApiNode, remembered: _Jobs, transaction_id: bytes, store: Store) -> dict[str, Json] | None:
    """Return what became of a capture, or None where none of this id is committed.

    Where the document is forgotten the operation's number stands for the place.
    """
    committed = committed_transaction(store, transaction_id)
    if committed is None or not _is_capture(committed):
        return None
    receipt = cast("dict[str, Json]", committed["receipt"])
    document = remembered.recall(transaction_id)
    errors: list[Json] = [] if document is None else list(document.left_out or ())
    is_captured = receipt["code"] == 0
    if not is_captured:
        place = cast("int | None", receipt["failed_operation"])
        path = f"$.epcisBody.eventList[{place}]" if document is None and place is not None else "$"
        path = path if document is None or place is None else document.paths[place]
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
        "isCaptured": is_captured,
        "captureErrorBehaviour": _behaviour(document),
        "errors": errors,
        "height": committed["height"],
    }


def _jobs(
    node: ApiNode, store: Store, remembered: _Jobs, token: str | None, limit: int
) -> tuple[list[Json], str | None]:
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
        job = _job(node, remembered, row[1].transaction_id, store)
        if job is not None:
            found.append(job)
        # The first of its transaction, so that what follows belongs to another.
        after = Position(position.height, position.transaction_index, 0)
    return found, None


def _running(transaction_id: bytes, remembered: _Jobs) -> dict[str, Json]:
    document = remembered.recall(transaction_id)
    return {
        "captureID": transaction_id.hex(),
        "running": True,
        "success": False,
        "captureErrorBehaviour": _behaviour(document),
        "errors": [] if document is None else list(document.left_out or ()),
    }


def _behaviour(document: _Document | None) -> str:
    return _ROLLBACK if document is None or document.left_out is None else _PROCEED


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
