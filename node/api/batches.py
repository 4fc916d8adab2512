"""``POST /v1/transactions/batch``: hand in many signed transactions with one request, and learn of each.

A request costs a node as much as several transactions do. The transactions have nothing to do with one another: each is
taken or refused by itself, and the answers stand in the order of the request.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fastapi import APIRouter, Depends, Request, Response

from ledger.codec import decode
from ledger.errors import LedgerError
from ledger.shape import as_blob, as_list
from ledger.transaction import Transaction, decode_transaction
from node.admission import Refusal
from node.api.answers import Answers, as_of, json_response
from node.api.backend import ApiNode
from node.api.body import JSON_TYPES, base64url_list, json_body, media_type, read_body, read_fields
from node.api.parameters import no_parameters
from node.api.problems import Problem, problem_of
from node.api.transactions import RAW_TYPE, REPEATED, prefer_wait_s
from node.queries import JsonObject, Outcome, outcome_json, stored_outcomes

TRANSACTIONS_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 8 * 1024 * 1024

_BODY: Final = json_body(
    required=("transactions",),
    properties={
        "transactions": {
            "type": "array",
            "maxItems": TRANSACTIONS_MAX,
            "items": {"type": "string", "description": "signed bytes in base64url"},
        }
    },
    or_binary=RAW_TYPE,
)


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the route."""
    routes = APIRouter(prefix="/v1/transactions", tags=["transactions"])

    @routes.post(
        "/batch",
        summary="Hand in many signed transactions",
        openapi_extra=_BODY,
        dependencies=[Depends(no_parameters)],
    )
    async def submit(request: Request) -> Response:
        batch = await _read_batch(request)
        verdicts = await node.submit_many(batch)
        taken = [verdict.transaction_id for verdict in verdicts if isinstance(verdict, Transaction)]
        wait_s = prefer_wait_s(request)
        told = await node.wait_outcomes(taken, wait_s) if wait_s else {}
        ids = [_identifier(verdict, encoded) for verdict, encoded in zip(verdicts, batch, strict=True)]
        asked = [
            identifier
            for identifier, verdict in zip(ids, verdicts, strict=True)
            if identifier is not None and identifier not in told and _may_be_committed(verdict)
        ]
        outcomes, tip = dict(told), node.store.tip
        if asked:
            stored, tip = await answers.read(lambda store: stored_outcomes(store, asked))
            outcomes |= stored
        said = [_entry(node, outcomes, *each) for each in zip(ids, verdicts, strict=True)]
        return json_response({"transactions": [*said]}, headers={**as_of(tip), **_retry(verdicts)})

    return routes


async def _read_batch(request: Request) -> list[bytes]:
    """Return the transactions of a body, nothing of them looked at; raises Problem."""
    is_raw = media_type(request, JSON_TYPES | {RAW_TYPE}) == RAW_TYPE
    body = await read_body(request, BODY_BYTES_MAX)
    if not is_raw:
        batch = base64url_list(read_fields(body, ("transactions",)), "transactions")
    else:
        try:
            entries = as_list(decode(body, BODY_BYTES_MAX), BODY_BYTES_MAX, "batch")
            batch = [as_blob(entry, BODY_BYTES_MAX, "transaction") for entry in entries]
        except LedgerError as error:
            raise Problem("batch.malformed", f"{error.code}: {error}") from error
    if not 1 <= len(batch) <= TRANSACTIONS_MAX:
        raise Problem("batch.size", f"{len(batch)} transactions, a batch has 1 to {TRANSACTIONS_MAX}")
    return batch


def _identifier(verdict: Transaction | Refusal, encoded: bytes) -> bytes | None:
    if isinstance(verdict, Transaction):
        return verdict.transaction_id
    try:
        return decode_transaction(encoded).transaction_id
    except LedgerError:
        return None


def _may_be_committed(verdict: Transaction | Refusal) -> bool:
    return isinstance(verdict, Transaction) or verdict.code in REPEATED


def _entry(
    node: ApiNode,
    outcomes: Mapping[bytes, Outcome],
    identifier: bytes | None,
    verdict: Transaction | Refusal,
) -> JsonObject:
    """Return what became of one transaction; one that is sent again is answered as it was the first time."""
    named = {"id": None if identifier is None else identifier.hex()}
    made = None if identifier is None else outcomes.get(identifier)
    if made is not None and identifier is not None:
        return {**named, "state": "committed", **outcome_json(made, node.receipt_detail(identifier))}
    if isinstance(verdict, Transaction):
        return {**named, "state": "pending"}
    return {**named, "state": "refused", "problem": problem_of(verdict).fields()}


def _retry(verdicts: Sequence[Transaction | Refusal]) -> dict[str, str]:
    """Return the header that says when to send again what was refused for the moment."""
    for verdict in verdicts:
        if isinstance(verdict, Refusal) and (headers := problem_of(verdict).retry()):
            return headers
    return {}
