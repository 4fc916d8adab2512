"""``/v1/transactions``: hand in a signed transaction, ask what became of it, take its proof.

A transaction that is in a block is final, also where it failed: then it is a 200 whose receipt names the code.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response

from ledger.errors import LedgerError
from ledger.transaction import Transaction, decode_transaction
from node.admission import Refusal
from node.api.answers import Answers, as_of, json_response
from node.api.backend import ApiNode
from node.api.body import JSON_TYPES, base64url_field, json_body, media_type, read_body, read_fields
from node.api.parameters import WAIT_MAX_S, Read, Waiting, no_parameters
from node.api.problems import Problem, problem_of
from node.proofs import BundleRefusedError, transaction_bundle
from node.queries import JsonObject, committed_json, committed_transaction
from node.storage.store import Store

Bundle = TypeVar("Bundle")

RAW_TYPE: Final = "application/msgpack"
REPEATED: Final = frozenset({"transaction.replayed", "transaction.expired"})
"""Refusals of a transaction that may have been committed before."""

_BASE64_OVERHEAD_BYTES: Final = 1_024
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,4}(?:\.[0-9]{1,4})?)\"?\s*(?=$|[,;])", re.IGNORECASE)
_ID: Final = re.compile(r"[0-9a-f]{64}")
_BODY: Final = json_body(
    required=("transaction",),
    properties={"transaction": {"type": "string", "description": "signed bytes in base64url"}},
    or_binary=RAW_TYPE,
)


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/transactions", tags=["transactions"])

    @routes.post(
        "",
        summary="Hand in a signed transaction",
        status_code=202,
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters)],
    )
    async def submit(request: Request) -> Response:
        encoded = await _signed_bytes(request, transaction_bytes_max(node))
        _check_idempotency_key(request, encoded)
        outcome = await node.submit(encoded)
        if isinstance(outcome, Refusal):
            raise await _refused(node, answers, encoded, outcome)
        return await committed_or_pending(node, answers, outcome, prefer_wait_s(request))

    @routes.get("/{transaction_id}", summary="Where a transaction is and what it did")
    async def show(transaction_id: str, asked: Annotated[Waiting, Query()]) -> Response:
        identifier = read_id(transaction_id)
        answer = await find(node, answers, identifier, asked)
        if answer is None:
            raise _unknown(node, f"{transaction_id} is neither committed nor waiting at this node")
        return answer

    @routes.get("/{transaction_id}/proof", summary="The proof bundle of a committed transaction")
    async def proof(transaction_id: str, asked: Annotated[Read, Query()]) -> Response:
        identifier = read_id(transaction_id)
        bundle, tip = await answers.read(lambda store: bundled(lambda: transaction_bundle(store, identifier)), asked)
        if bundle is None:
            raise _unknown(node, f"{transaction_id} is not committed, so there is nothing to prove yet")
        return json_response(bundle, headers=as_of(tip))

    return routes


def _unknown(node: ApiNode, detail: str) -> Problem:
    """Say that there is no such transaction, or that it may be one that this node gave up."""
    earliest_height = node.store.earliest_height
    if not earliest_height:
        return Problem("transaction.unknown", detail)
    kept = f"this node keeps the transactions of blocks from {earliest_height} on, and it is not among them"
    return Problem("transaction.unknown", kept, extra={"earliest_height": earliest_height})


def transaction_bytes_max(node: ApiNode) -> int:
    """Return how large a transaction may be on this chain now."""
    # The node's admission holds the same limit; here it only bounds what is read from the network.
    return node.genesis.parameters.transaction_bytes_max


async def committed_or_pending(node: ApiNode, answers: Answers, transaction: Transaction, wait_s: float) -> Response:
    """Wait a while for the block; then 200 with the receipt or 202 with the place to ask again."""
    identifier = transaction.transaction_id
    location = {"location": f"/v1/transactions/{identifier.hex()}"}
    if wait_s:
        made = (await node.wait_outcomes([identifier], wait_s)).get(identifier)
        if made is not None:
            said = node.receipt_detail(identifier)
            told = committed_json(node.store, made, transaction, said)
            return json_response(told, headers={**location, **as_of(made.header)})
    answer, tip = await answers.read(lambda store: _committed(node, store, identifier))
    if answer is not None:
        return json_response(answer, headers={**location, **as_of(tip)})
    return json_response({"id": identifier.hex(), "state": "pending"}, status=202, headers={**location, **as_of(tip)})


async def find(node: ApiNode, answers: Answers, identifier: bytes, asked: Waiting) -> Response | None:
    """Return what is known of a transaction, or None."""
    if asked.wait:
        await node.wait_committed(identifier, asked.wait)
    is_pending = node.is_pending(identifier)  # before the read: it may be committed between the two
    answer, tip = await answers.read(lambda store: _committed(node, store, identifier), asked)
    if answer is not None:
        return json_response(answer, headers=as_of(tip))
    return json_response({"id": identifier.hex(), "state": "pending"}, headers=as_of(tip)) if is_pending else None


def prefer_wait_s(request: Request) -> float:
    """Return the seconds of ``Prefer: wait=N`` (RFC 7240), at most 30; 0 where it is absent or unreadable."""
    match = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(match.group(1)), WAIT_MAX_S) if match else 0.0


def read_id(text: str) -> bytes:
    """Return a transaction id; raises Problem."""
    if _ID.fullmatch(text) is None:
        raise Problem("transaction.id", "a transaction id is 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)


def bundled(make: Callable[[], Bundle]) -> Bundle:
    """Return a proof bundle; raises Problem where the store cannot give it."""
    try:
        return make()
    except BundleRefusedError as error:
        raise Problem(f"proof.{error.code}", str(error)) from error


async def _signed_bytes(request: Request, size_bytes_max: int) -> bytes:
    if media_type(request, JSON_TYPES | {RAW_TYPE}) == RAW_TYPE:
        return await read_body(request, size_bytes_max)
    body = await read_body(request, size_bytes_max * 4 // 3 + _BASE64_OVERHEAD_BYTES)
    return base64url_field(read_fields(body, ("transaction",)), "transaction")


def _check_idempotency_key(request: Request, encoded: bytes) -> None:
    """Refuse a key that is not the transaction's id; bytes that are no transaction are refused after this."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return
    try:
        identifier = decode_transaction(encoded).transaction_id.hex()
    except LedgerError:
        return
    if given.strip('"') != identifier:
        raise Problem("transaction.idempotency_key", "leave the header out, or send the transaction's id in it")


async def _refused(node: ApiNode, answers: Answers, encoded: bytes, refusal: Refusal) -> Problem:
    """Return the problem of a refusal; a repeated transaction brings its receipt, so that a retry learns its fate."""
    if refusal.code not in REPEATED:
        return problem_of(refusal)
    identifier = decode_transaction(encoded).transaction_id
    committed, _ = await answers.read(lambda store: _committed(node, store, identifier))
    if committed is None:
        return problem_of(refusal)
    # What is committed has not failed, however late it is sent again.
    detail = "this transaction is committed already; its receipt is in this answer"
    return Problem("transaction.replayed", detail, extra={"transaction": committed})


def _committed(node: ApiNode, store: Store, identifier: bytes) -> JsonObject | None:
    return committed_transaction(store, identifier, node.receipt_detail(identifier))
