"""Proof bundles that answer more than one entry: traces, payments, several entries at once, and how far the chain is.

Those of one thing, account or transaction stand beside these (state.py, transactions.py). Reads alone.
"""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from contracts import heads
from ledger.errors import ProofError
from ledger.proof.json_text import bytes_of
from node import queries
from node.api.answers import Answers
from node.api.parameters import ById, Name, Number, Read
from node.api.problems import Problem
from node.api.state import transfer_id_or_problem
from node.api.transactions import bundled
from node.proofs import heads_bundle, origin_bundle, trace_bundle, trust_bundle
from node.queries import JsonObject, find_thing
from node.storage.store import Store

HEADS_MAX: Final = 100
_KEY_BYTES_MAX: Final = 4_096


class HeadsOf(Read):
    """Heads by their keys in base64url, each with ``.`` and a count where only later records are wanted."""

    keys: Name


class TrustAfter(Read):
    """The height after which the asker knows the validators."""

    after_height: Number = 0


def router(answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["proofs"])

    async def bundle(make: Callable[[Store], JsonObject], asked: Read) -> Response:
        def read(store: Store) -> JsonObject:
            made = bundled(lambda: make(store))
            assert made is not None, "what is absent is proven to be"
            return made

        return await answers.json(read, asked)

    @routes.get("/items/trace/proof", summary="The proof bundle of an item's history and that of all its containers")
    async def trace(asked: Annotated[ById, Query()]) -> Response:
        return await bundle(lambda store: trace_bundle(store, _item(store, asked.id)), asked)

    @routes.get("/transfers/{identifier}/proof", summary="The proof bundle of a payment, or that there is none")
    async def transfer(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        transfer_id = transfer_id_or_problem(identifier)
        return await bundle(lambda store: origin_bundle(store, heads.transfer(transfer_id)), asked)

    @routes.get("/proofs", summary="The proof bundle of several entries, and absences, as of one block")
    async def several(asked: Annotated[HeadsOf, Query()]) -> Response:
        wanted = _keys(asked.keys)
        return await bundle(lambda store: heads_bundle(store, wanted), asked)

    @routes.get("/trust/proof", summary="The proof bundle of the newest block, for a light client")
    async def tip(asked: Annotated[TrustAfter, Query()]) -> Response:
        return await bundle(lambda store: trust_bundle(store, asked.after_height), asked)

    return routes


def _item(store: Store, identifier: str) -> str:
    thing = find_thing(store, identifier)
    if thing is not None and thing.kind != "item":
        raise Problem("proof.not_an_item", f"{identifier[:200]!r} is a {thing.kind}; ask for its history")
    key = queries.item_key(identifier) if thing is None else thing.key
    return key.decode().partition("\0")[2]


def _keys(text: str) -> dict[bytes, int]:
    """Return the counts by key of a list such as ``aXRlbQAx,YWNjb3VudAB4.12``."""
    wanted: dict[bytes, int] = {}
    for entry in text.split(",")[: HEADS_MAX + 1]:
        encoded, dot, count = entry.partition(".")
        if dot and not (count.isascii() and count.isdigit() and len(count) <= 18):
            raise Problem("query.keys", f"{entry[:64]!r}: after the dot stands a count of records")
        try:
            wanted[bytes_of(encoded, "key", _KEY_BYTES_MAX, 1)] = int(count or "0")
        except ProofError as error:
            raise Problem("query.keys", str(error)) from error
    if len(wanted) > HEADS_MAX:
        raise Problem("query.keys", f"at most {HEADS_MAX} entries are proven at once")
    return wanted
