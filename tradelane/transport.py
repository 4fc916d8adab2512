"""Requests, responses and conversations: the part of the client that does no IO.

A *conversation* is a generator that yields requests and is sent responses; what it returns is the result. The
synchronous and the asynchronous client drive the same conversations, so neither can know a rule that the other
does not.
"""

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar, cast

from tradelane.errors import (
    BadRequestError,
    ConflictError,
    NotAuthorisedError,
    NotFinalError,
    NotFoundError,
    TradelaneError,
    UnavailableError,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

T = TypeVar("T")

PROBLEM_TYPE: Final = "application/problem+json"
# Answers that another node, or the same one a moment later, may give differently.
_RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})

_HINTS: Final[Mapping[int, str]] = {
    400: "correct the request; the same one is refused again",
    401: "check the key (--key, --as) or the token",
    403: "ask an administrator of the organisation to give the key the role, or use another key",
    404: "check the identifier, and that you ask the right network",
    409: "read what is there now before trying again",
    413: "send it in smaller parts",
    429: "wait a moment and send the very same request again",
    503: "see `tradelane status`; the very same request may be sent again",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to whichever node answers. Every request is safe to repeat: transactions carry their own id."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """What a node answered; ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    node: str

    @property
    def is_retryable(self) -> bool:
        """Whether another node may answer better."""
        return self.status in _RETRY_STATUSES

    def json(self) -> Json:
        """Return the body as JSON; raises UnavailableError where a proxy or a stranger answered."""
        try:
            return cast(Json, json.loads(self.body))
        except ValueError as error:
            raise UnavailableError(
                "response.not_json",
                f"{self.node} answered {self.status} with something that is not JSON",
                "check that the address is that of a Tradelane node's API",
            ) from error

    def object(self) -> JsonObject:
        """Return the body as a JSON object; raises UnavailableError."""
        value = self.json()
        if not isinstance(value, dict):
            raise UnavailableError("response.not_object", f"{self.node} answered with JSON that is not an object")
        return value


Conversation: TypeAlias = Generator[Request, Response, T]


def query(**parameters: str | int | None) -> tuple[tuple[str, str], ...]:
    """Return the query parameters that are not None, in the order given."""
    return tuple((name, str(value)) for name, value in parameters.items() if value is not None)


def json_request(method: str, path: str, body: JsonObject, headers: Mapping[str, str] | None = None) -> Request:
    """Return a request with a JSON body."""
    encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Request(method, path, headers={"content-type": "application/json", **(headers or {})}, body=encoded)


def ask(request: Request, accepted: Iterable[int] = (200,)) -> Conversation[Response]:
    """Send one request and return its response if the status is one of ``accepted``; raises TradelaneError."""
    response = yield request
    if response.status not in accepted:
        raise problem(response)
    return response


def problem(response: Response) -> TradelaneError:
    """Return the error that a response stands for (RFC 9457 problem details, or what can be said without)."""
    fields: JsonObject = {}
    if response.headers.get("content-type", "").startswith(PROBLEM_TYPE):
        fields = response.object()
    status = response.status
    code = _text(fields.get("code")) or f"http.{status}"
    detail = _detail(fields) or f"{response.node} answered {status}"
    hint = _text(fields.get("hint")) or _HINTS.get(status, "")
    if status in {401, 403}:
        return NotAuthorisedError(code, detail, hint)
    if status in {404, 410}:
        return NotFoundError(code, detail, hint)
    if status == 409:
        return ConflictError(code, detail, hint)
    if status in {408, 202}:
        return NotFinalError(code, detail, hint)
    if status == 429 or status >= 500:
        return UnavailableError(code, detail, hint)
    return BadRequestError(code, detail, hint)


def _detail(fields: JsonObject) -> str:
    """Return title, detail and the places of a problem as one text."""
    detail = _text(fields.get("detail")) or _text(fields.get("title"))
    errors = fields.get("errors")
    if isinstance(errors, list):
        for entry in errors:
            if isinstance(entry, dict):
                place = _text(entry.get("path")) or _text(entry.get("pointer"))
                message = _text(entry.get("detail")) or _text(entry.get("message"))
                line = f"{place}: {message}".strip(": ")
                if line and line not in detail and (not place or place not in detail):
                    detail = f"{detail}\n  {line}"
    return detail


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
