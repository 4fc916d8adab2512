"""Query parameters, as strict as bodies: none unknown, none twice, whole decimal numbers in range."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.limits import INTEGER_MAX
from node.api.problems import Fault, Problem
from node.closure import THINGS_MAX
from node.queries import PAGE_MAX
from node.trace import BRANCHES_MAX, DEPTH_MAX, EVENTS_MAX, NODES_MAX, Direction

WAIT_MAX_S: Final = 30.0

Model = TypeVar("Model", bound=BaseModel)


def _digits(value: object) -> object:
    # pydantic would also take " 5", "5.0" and "1_000".
    if not isinstance(value, str) or not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise ValueError("it is a whole number in decimal digits")
    return int(value)


def _seconds(value: object) -> object:
    if not isinstance(value, str) or not value.isascii() or not value.replace(".", "", 1).isdigit() or len(value) > 9:
        raise ValueError("it is a number of seconds such as 10 or 0.5")
    return float(value)


Number = Annotated[int, BeforeValidator(_digits), Field(ge=0, le=INTEGER_MAX)]
Limit = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=PAGE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=2_048)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Read(BaseModel):
    """What every read takes: ``min_height`` makes the node wait a moment until it is as far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_height: Number | None = None


class Paged(Read):
    """A list: ``cursor`` is the ``next_cursor`` of the page before."""

    limit: Limit = 50
    cursor: Name | None = None


class ById(Read):
    """A thing by its identifier: Digital Link on any host, EPC URN, or any other URI."""

    id: Name


class CountOf(ById):
    """How often a code was scanned in the hour that a time is in."""

    at_ms: Number


class Proven(Read):
    """A proof bundle: of the whole history, of the records after the first ``after_count``, or after a height.

    With ``after_height`` the last record before is there too, which shows that none after the height is missing.
    """

    after_count: Number | None = None
    after_height: Number | None = None


class ProofOf(Proven):
    """The proof bundle of a thing."""

    id: Name


class HistoryOf(Paged):
    """The records of a thing."""

    id: Name


class TraceOf(ById):
    """The tree of a thing: how far, of which part of its life, and as of when (a height, or a time, not both)."""

    direction: Direction = Direction.ALL
    depth: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=DEPTH_MAX)] = 10
    fan_out: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=BRANCHES_MAX)] = 100
    nodes: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=NODES_MAX)] = 500
    events: Annotated[int, BeforeValidator(_digits), Field(ge=0, le=EVENTS_MAX)] = 5_000
    since_ms: Number | None = None
    until_ms: Number | None = None
    at_height: Number | None = None
    at_ms: Number | None = None


class AccountsOf(Paged):
    """Accounts, all or of one organisation."""

    owner: Name | None = None


class HoldsOf(Paged):
    """What is held on either side of an account, in a status."""

    status: Name | None = None


class PaymentsOf(Paged):
    """Payments, all or those in a status."""

    status: Name | None = None


class WindowsOf(Paged):
    """Windows of obligations, all or those of a currency, in a status."""

    currency: Name | None = None
    status: Name | None = None


class OffersOf(Paged):
    """Offers of custody or ownership."""

    giver: Annotated[Name | None, Field(alias="from")] = None
    taker: Annotated[Name | None, Field(alias="to")] = None
    party: Name | None = None
    item: Name | None = None
    status: Name | None = None


class RecallsOf(Paged):
    """Recalls, all or those of a product (by GTIN), a lot or an item, in a status."""

    target: Name | None = None
    status: Name | None = None


class PapersOf(Read):
    """Papers about one subject: a thing in any spelling, a product by GTIN, an organisation by id."""

    subject: Name


class DevicesOf(Paged):
    """Measuring devices: all, those of an organisation, or the one that signs with a public key (64 hex digits)."""

    owner: Name | None = None
    key: Name | None = None


class CapturesOf(Paged):
    """Documents captured in parts: of a hash, of an organisation or that of a public key, ``partial`` or ``whole``."""

    document: Hash | None = None
    organisation: Name | None = None
    key: Hash | None = None
    status: Literal["partial", "whole"] | None = None


class ReadingsOf(HistoryOf):
    """The readings about a thing, at or after ``from_ms`` and before ``until_ms`` where these are given."""

    from_ms: Number | None = None
    until_ms: Number | None = None


class Recorded(Paged):
    """What a device recorded, at or after ``from_ms`` and before ``until_ms`` where these are given."""

    from_ms: Number | None = None
    until_ms: Number | None = None


class SiteEvents(Paged):
    """The events at a place, from ``since_ms`` to ``until_ms`` where these are given."""

    id: Name
    since_ms: Number | None = None
    until_ms: Number | None = None


class ClosurePage(Paged):
    """What a recall reaches, page by page; ``things``: how many are followed at most."""

    things: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=THINGS_MAX)] = 100_000


class ClosureOf(ClosurePage):
    """What a recall would reach: targets separated by spaces, a place, a time; all of them must hold."""

    target: Name | None = None
    site: Name | None = None
    since_ms: Number | None = None
    until_ms: Number | None = None


class Blocks(Read):
    """Blocks, newest first."""

    before: Number | None = None
    limit: Limit = 50


class ValidatorsAt(Read):
    """The validators of a height, by default the next one."""

    height: Number | None = None


class ProposalsIn(Paged):
    """Proposals, all or in one status."""

    status: Name | None = None


class EvidenceOf(Paged):
    """Evidence, all or against one validator (its key, 64 hexadecimal digits)."""

    validator: Name | None = None


class Waiting(Read):
    """``wait``: seconds, at most 30."""

    wait: Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=WAIT_MAX_S)] = 0.0


class StrictTarget:
    """ASGI middleware that refuses an address that is not UTF-8 or holds NUL, whatever would answer it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer with the problem."""
        fault = _target_fault(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        response = Problem("query.not_utf8", fault).response(is_epcis=scope["path"].startswith("/epcis/"))
        await response(scope, receive, send)


def _target_fault(scope: Scope) -> str | None:
    for part in (scope.get("raw_path") or scope["path"].encode(), scope["query_string"]):
        try:
            text = unquote_to_bytes(part).decode("utf-8")
        except UnicodeDecodeError:
            return "the address is percent-encoded UTF-8"
        if "\0" in text:
            return "the address holds the NUL character"
    return None


async def once_each(request: Request) -> None:
    """Refuse a query parameter that stands twice."""
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise _problem("query.repeated", name, "give it once")
        seen.add(name)


async def no_parameters(request: Request) -> None:
    """Refuse every query parameter, for paths that take none."""
    for name in request.query_params:
        raise _problem("query.unknown_parameter", name, "this path takes no parameters")


def read_parameters(model: type[Model], given: Mapping[str, str]) -> Model:
    """Return the parameters as a model; raises Problem for the first that is wrong."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise query_problem(error) from error


def query_problem(error: RequestValidationError | ValidationError) -> Problem:
    """Return the problem for the first parameter that is wrong."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        return _problem("query.unknown_parameter", name, "it is not known here; /openapi.json lists the parameters")
    if first["type"] == "missing":
        return _problem("query.missing", name, "it must be there")
    return _problem("query.wrong_type", name, str(first["msg"]).removeprefix("Value error, "))


def _problem(code: str, name: str, detail: str) -> Problem:
    shown = name[:80]
    return Problem(code, f"{shown!r}: {detail}", faults=[Fault(shown, code, detail)])
