"""Blocks, and what a node says of its chain and of itself."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from contracts.execute import read_parameters
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.readable import Json, to_json
from node.api.answers import Answers, json_response
from node.api.backend import ApiNode
from node.api.parameters import Blocks, Read, no_parameters
from node.api.problems import Problem
from node.queries import block_json, blocks_page
from node.storage.store import Store

_FOR_EVER: Final = "public, max-age=31536000, immutable"


def router(node: ApiNode, answers: Answers) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["chain"])
    _add_chain(routes, node, answers)
    _add_node(routes, node)
    return routes


def _add_chain(routes: APIRouter, node: ApiNode, answers: Answers) -> None:
    @routes.get("/blocks", summary="Blocks, newest first")
    async def blocks(asked: Annotated[Blocks, Query()]) -> Response:
        return await answers.json(lambda store: blocks_page(store, asked.before, asked.limit).to_json(), asked)

    @routes.get("/blocks/{height}", summary="A block by height, or the latest")
    async def block(height: str, asked: Annotated[Read, Query()]) -> Response:
        def read(store: Store) -> Json:
            wanted = store.tip.height if height == "latest" else _height(height)
            found = store.block(wanted)
            if found is None:
                raise Problem("block.unknown", f"this node is at height {store.tip.height}, asked for is {wanted}")
            return block_json(found)

        response = await answers.json(read, asked)
        if height != "latest":
            response.headers["cache-control"] = _FOR_EVER
        return response

    @routes.get("/parameters", summary="The chain's parameters")
    async def parameters(asked: Annotated[Read, Query()]) -> Response:
        return await answers.json(lambda store: to_json(read_parameters(store).to_value()), asked)

    @routes.get("/genesis", dependencies=[Depends(no_parameters)], summary="The genesis document")
    async def genesis() -> Response:
        return Response(node.genesis.to_json(), media_type="application/json", headers={"cache-control": _FOR_EVER})

    @routes.get("/trust", dependencies=[Depends(no_parameters)], summary="The trust root that this node names")
    async def trust() -> Response:
        return Response(trust_to_json(trust_from_genesis(node.genesis)), media_type="application/json")


def _add_node(routes: APIRouter, node: ApiNode) -> None:
    @routes.get("/status", dependencies=[Depends(no_parameters)], summary="What the node says of itself")
    async def status() -> Response:
        said = node.status()
        peers: list[Json] = [
            {
                "public_key": peer.public_key.hex(),
                "url": peer.url,
                "is_reachable": peer.is_reachable,
                "height": peer.height,
            }
            for peer in said.peers
        ]
        return json_response(
            {
                "name": said.name,
                "network": said.network,
                "chain_id": said.chain_id.hex(),
                "version": said.version,
                "height": said.height,
                "earliest_height": said.earliest_height,
                "tip_hash": said.tip_hash.hex(),
                "tip_time_ms": said.tip_time_ms,
                "state_root": said.state_root.hex(),
                "view": said.view,
                "phase": said.phase,
                "is_validator": said.is_validator,
                "public_key": said.public_key.hex(),
                "validators": len(said.validators),
                "quorum": said.validators.quorum,
                "peers": peers,
                "pending_transactions": said.pending_transactions,
                "is_ready": said.is_ready,
                "not_ready_reason": said.not_ready_reason,
                "is_gateway": node.gateway_key is not None and node.config.gateway_token is not None,
            },
            headers={"tradelane-height": str(said.height), "tradelane-state-root": said.state_root.hex()},
        )


def _height(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Problem("block.height", f"{text[:80]!r} is not a height")
    return int(text)
