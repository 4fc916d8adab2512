"""A node that answers from a table, for tests of the client and the commands: no socket, no process."""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from ledger.transaction import Transaction, decode_transaction

Handler = Callable[[httpx.Request], httpx.Response]


def answer(value: object, status: int = 200) -> Handler:
    """Return a handler that always gives this JSON."""
    return lambda request: httpx.Response(status, json=value)


def problem(status: int, code: str, detail: str = "no", **extra: object) -> Handler:
    """Return a handler that always gives this problem."""
    content = json.dumps({"type": f"urn:tradelane:problem:{code}", "code": code, "detail": detail, **extra})
    headers = {"content-type": "application/problem+json"}
    return lambda request: httpx.Response(status, content=content, headers=headers)


def in_turn(handlers: Iterable[Handler]) -> Handler:
    """Return a handler that uses each of these once, in order."""
    rest = iter(handlers)

    def handle(request: httpx.Request) -> httpx.Response:
        handler = next(rest)
        return handler(request)

    return handle


def unreachable(request: httpx.Request) -> httpx.Response:
    """Fail as a node does that is not there."""
    raise httpx.ConnectError("connection refused", request=request)


@dataclass
class AnsweringNode:
    """Answers by method and path ("GET /v1/status"), by host where a key starts with one; keeps what it was asked."""

    table: dict[str, Handler]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = f"{request.method} {request.url.path}"
        handler = self.table.get(f"{request.url.host} {path}") or self.table.get(path)
        if handler is None:
            return problem(404, "route.unknown", f"nothing under {path}")(request)
        return handler(request)

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client is given instead of the network."""
        return httpx.MockTransport(self)

    @property
    def asked(self) -> list[str]:
        """Method and path of every request, in order."""
        return [f"{request.method} {request.url.path}" for request in self.requests]


CHAIN_ID = "11" * 32
ROOT = "ab" * 32


def status_answer(**changes: Any) -> dict[str, Any]:
    """Return what /v1/status says of a healthy node."""
    return {
        "name": "node-1",
        "network": "test",
        "chain_id": CHAIN_ID,
        "version": "0.1.0",
        "height": 7,
        "tip_hash": "cd" * 32,
        "tip_time_ms": 1_795_000_000_000,
        "state_root": ROOT,
        "view": 0,
        "phase": "idle",
        "is_validator": True,
        "public_key": "ef" * 32,
        "is_ready": True,
        "earliest_height": 0,
        "not_ready_reason": None,
        "pending_transactions": 0,
        "peers": [{"public_key": "aa" * 32, "url": "http://127.0.0.1:7501", "is_reachable": True, "height": 7}],
        **changes,
    }


def receipt_answer(**changes: Any) -> dict[str, Any]:
    """Return the receipt of a transaction that was carried out."""
    return {
        "code": 0,
        "result": "OK",
        "meaning": "The transaction was carried out.",
        "is_transient": False,
        "failed_operation": None,
        "outputs": [None],
        **changes,
    }


def committed_answer(transaction_id: str, **receipt: Any) -> dict[str, Any]:
    """Return what /v1/transactions/{id} says of a committed transaction."""
    return {
        "id": transaction_id,
        "state": "committed",
        "height": 8,
        "index": 0,
        "time_ms": 1_795_000_001_000,
        "receipt": receipt_answer(**receipt),
    }


def sent_transaction(request: httpx.Request) -> Transaction:
    """Return the transaction in the body of a POST."""
    text = json.loads(request.content)["transaction"]
    return decode_transaction(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def committing(**receipt: Any) -> Handler:
    """Return a handler that commits whatever is posted, with this receipt."""
    return lambda request: httpx.Response(
        200, json=committed_answer(sent_transaction(request).transaction_id.hex(), **receipt)
    )
