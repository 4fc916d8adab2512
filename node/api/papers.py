"""Papers over HTTP: what organisations say of a document, and the documents about a thing, a product or a firm."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from ledger.readable import Json
from node.api.answers import Answers
from node.api.parameters import ById, PapersOf, Read
from node.api.problems import Problem
from node.emissions import emissions
from node.papers import declarations, document, documents
from node.queries import JsonObject
from node.storage.store import Store
from node.trace import Direction, Limits, trace

_HASH_LENGTH: Final = 64
_LIMITS: Final = Limits(depth_max=10, nodes_max=2_000, branches_max=500, events_max=200)


def router(answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["papers"])

    @routes.get("/documents", summary="The documents about a thing with its lot and product, or about a firm")
    async def about(asked: Annotated[PapersOf, Query()]) -> Response:
        def read(store: Store) -> JsonObject:
            return {"entries": list[Json](documents(store, asked.subject))}

        return await answers.json(read, asked)

    @routes.get("/documents/{identifier}", summary="What organisations say of a document, by its SHA-256 in hex")
    async def one(identifier: str, asked: Annotated[Read, Query()]) -> Response:
        def read(store: Store) -> JsonObject:
            found = document(store, _hash(identifier))
            if found is None:
                raise Problem("document.unknown", "nobody has said anything of it at this height")
            return found

        return await answers.json(read, asked)

    @routes.get("/customs", summary="The customs declarations about a thing with its lot and product")
    async def declared(asked: Annotated[PapersOf, Query()]) -> Response:
        def read(store: Store) -> JsonObject:
            return {"entries": list[Json](declarations(store, asked.subject))}

        return await answers.json(read, asked)

    @routes.get("/items/emissions", summary="The emissions that a thing bears, leg by leg")
    async def emitted(asked: Annotated[ById, Query()]) -> Response:
        def read(store: Store) -> JsonObject:
            root = trace(store, asked.id, Direction.BACK, _LIMITS)
            if root is None:
                raise Problem("item.unknown", f"{asked.id[:200]!r} is not on the ledger at this height")
            return {"id": root.identifier, **emissions(store, root).to_json()}

        return await answers.json_once(read, asked)

    return routes


def _hash(text: str) -> bytes:
    is_hash = len(text) == _HASH_LENGTH and all(character in "0123456789abcdef" for character in text)
    if not is_hash:
        raise Problem("document.hash", f"{text[:80]!r} is not 64 characters of 0-9 and a-f")
    return bytes.fromhex(text)
