"""Problems: every way in which the API says no, as RFC 9457 problem details with a stable ``code``.

``type`` is ``urn:tradelane:problem:<code>``, except under ``/epcis``, where EPCIS 2.0 fixes its own
(``epcisException:...``). A code is never given to another meaning. docs/api.md has the same table; a test compares.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Response

from ledger.readable import Json
from node.admission import Refusal, RefusalKind

PROBLEM_TYPE: Final = "application/problem+json"
_URN: Final = "urn:tradelane:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """What holds for every problem with a code."""

    status: int
    title: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One place in the request: JSON path or parameter name, the rule that it breaks, and what is wrong."""

    path: str
    rule: str
    detail: str


KINDS: Final[Mapping[str, Kind]] = {
    # Every request
    "route.unknown": Kind(404, "There is nothing under this path", "docs/api.md and /openapi.json list every path"),
    "route.method": Kind(405, "This path does not take this method"),
    "body.too_slow": Kind(408, "The body did not arrive in time", "send it again over a better line"),
    "body.too_large": Kind(413, "The body is too large", "send it in several parts"),
    "body.content_encoding": Kind(415, "Compressed bodies are not accepted", "send it without Content-Encoding"),
    "body.media_type": Kind(415, "The body has a media type that is not accepted here"),
    "body.not_an_object": Kind(400, "The body is not a JSON object"),
    "body.missing_field": Kind(400, "A field is missing"),
    "body.unknown_field": Kind(400, "A field is unknown"),
    "body.wrong_type": Kind(400, "A field has the wrong type"),
    "body.not_base64url": Kind(400, "A field is not base64url"),
    "json.not_utf8": Kind(400, "The body is not UTF-8"),
    "json.syntax": Kind(400, "The body is not JSON"),
    "json.duplicate_key": Kind(400, "An object has a key twice"),
    "json.number": Kind(400, "A number is NaN, infinite or too long"),
    "json.text": Kind(400, "A text holds NUL or half of a surrogate pair"),
    "json.too_deep": Kind(400, "The body is nested too deep"),
    "query.unknown_parameter": Kind(400, "A query parameter is unknown"),
    "query.repeated": Kind(400, "A query parameter stands twice"),
    "query.missing": Kind(400, "A query parameter is missing"),
    "query.wrong_type": Kind(400, "A query parameter has the wrong form"),
    "query.not_utf8": Kind(400, "The address is not UTF-8 or holds NUL"),
    "query.cursor": Kind(400, "The cursor is not one of this list", "take next_cursor as it was given"),
    "query.keys": Kind(400, "The keys are not a list of keys in base64url"),
    "query.transfer_id": Kind(400, "A transfer id is 32 hexadecimal digits"),
    "not_yet_at_height": Kind(503, "This node has not reached that height yet", "ask again, or ask another node"),
    "node.busy": Kind(429, "The node has too many requests at once", "send the very same request again shortly"),
    "node.not_ready": Kind(503, "This node cannot commit writes now", "ask again, or ask another node"),
    "node.disk_full": Kind(507, "The node's disk is nearly full", "send the very same transaction to another node"),
    "node.disk_damaged": Kind(503, "The node cannot read its disk", "ask another node"),
    "node.internal": Kind(500, "The node made a mistake", "the operator finds more in the node's log"),
    # What is asked for
    "transaction.unknown": Kind(
        404, "This node knows no such transaction", "unknown is not failed: it may be elsewhere"
    ),
    "transaction.id": Kind(400, "A transaction id is 64 hexadecimal digits"),
    "transaction.idempotency_key": Kind(400, "The Idempotency-Key is not the id of the transaction"),
    "batch.malformed": Kind(400, "The bytes are not a list of transactions"),
    "batch.size": Kind(413, "The batch is empty or has too many transactions", "send the rest with another request"),
    "block.height": Kind(400, "A height is a whole number in decimal digits, or latest"),
    "block.unknown": Kind(404, "There is no such block yet"),
    "block.pruned": Kind(410, "This node gave up the transactions of that block", "ask a node that keeps all blocks"),
    "validators.unknown": Kind(404, "The validators of this height are not known yet"),
    "item.unknown": Kind(
        404, "The ledger has no such item or lot", "check your scan, and that you ask the right network"
    ),
    "product.unknown": Kind(404, "No product is registered under this GTIN"),
    "organisation.unknown": Kind(404, "No organisation has this id"),
    "account.unknown": Kind(404, "No account has this id"),
    "hold.unknown": Kind(404, "No hold has this id"),
    "window.unknown": Kind(404, "No window with this id was opened for this currency"),
    "obligation.unknown": Kind(404, "No obligation has this id"),
    "payment.unknown": Kind(404, "No payment has this UETR", "a transfer is found by its id"),
    "offer.unknown": Kind(404, "No offer has this id"),
    "recall.busy": Kind(503, "Another recall is being worked out", "ask again in a few seconds"),
    "recall.closure_gone": Kind(410, "What the recall reached then is not kept any more", "begin again, no cursor"),
    "recall.unknown": Kind(404, "No recall has this id"),
    "document.hash": Kind(400, "This is no hash of a document", "send its SHA-256 in lower-case hexadecimal"),
    "document.unknown": Kind(404, "Nobody has said anything of this document", "compare the file, byte for byte"),
    "device.unknown": Kind(404, "No device has this id"),
    "cold_profile.unknown": Kind(404, "No cold chain profile has this id"),
    "link.malformed": Kind(400, "The address is not a GS1 Digital Link"),
    "link.type_absent": Kind(404, "There is no link of this type"),
    "label.identifier": Kind(400, "No label can be made for this identifier"),
    "proof.no_certified_block": Kind(503, "There is no certified block yet"),
    "proof.busy": Kind(503, "The state changed while the proof was made", "ask again"),
    "proof.history_too_long": Kind(422, "The history is too long for one bundle"),
    "proof.bundle_too_large": Kind(422, "The bundle would be too large"),
    "proof.no_such_record": Kind(422, "The history has no such record"),
    "proof.no_such_height": Kind(422, "This node has not reached that height"),
    "proof.no_origin": Kind(422, "The entry names no transaction"),
    "proof.not_an_item": Kind(422, "Only an item can be traced"),
    "proof.pruned": Kind(503, "This node gave up the old transactions that the proof needs", "ask another node"),
    # What a transaction is refused for, before it is in a block
    "transaction.malformed": Kind(400, "The bytes are not a transaction"),
    "transaction.too_large": Kind(413, "The transaction is too large"),
    "transaction.too_many_operations": Kind(413, "The transaction has too many operations"),
    "transaction.wrong_chain": Kind(422, "The transaction is signed for another chain"),
    "transaction.expired": Kind(422, "The transaction has expired", "sign it again with a later valid_until_ms"),
    "transaction.validity_too_long": Kind(422, "The transaction is valid for too long"),
    "transaction.replayed": Kind(409, "The transaction is committed already", "the receipt is in this answer"),
    "transaction.bad_signature": Kind(401, "The signature is not the sender's"),
    "transaction.unknown_key": Kind(401, "The signing key is not registered"),
    "transaction.key_not_allowed": Kind(403, "The signing key may not do this"),
    "transaction.organisation_suspended": Kind(403, "The organisation is suspended"),
    "pool.full": Kind(429, "Too many transactions wait at this node", "send the very same transaction again shortly"),
    "pool.sender_quota": Kind(429, "Too many transactions of this key wait", "let them commit first"),
    # /epcis
    "epcis.invalid": Kind(400, "The document is not valid EPCIS 2.0", "nothing was captured; correct the place named"),
    "epcis.unauthenticated": Kind(401, "A gateway token is needed"),
    "epcis.gateway_off": Kind(403, "This node captures no documents"),
    "epcis.duplicate": Kind(
        409, "An event of the document was captured before", "nothing was captured; leave out the event named"
    ),
    "epcis.too_many_events": Kind(
        413, "The document is more than one transaction can carry", "send the events in several documents"
    ),
    "epcis.rejected": Kind(409, "The ledger rejected the document, nothing of it was kept"),
    "epcis.error_behaviour": Kind(400, "GS1-Capture-Error-Behaviour is rollback or proceed"),
    "epcis.format": Kind(406, "The identifiers cannot be given in this format"),
    "epcis.xml": Kind(406, "XML cannot say what an event says", "ask for it as application/json"),
    "epcis.query_parameter": Kind(400, "A query parameter is not supported"),
    "epcis.query_too_large": Kind(413, "The query would have too large an answer", "narrow it"),
    "epcis.not_acceptable": Kind(406, "There is no answer in this media type"),
    "epcis.version": Kind(406, "This version of the standard is not spoken here", "ask for EPCIS 2.0.0 and CBV 2.0.0"),
    "epcis.unknown_resource": Kind(404, "No event has said this", "the list above it has what events have said"),
    "epcis.token_off": Kind(403, "This node stores no queries"),
    "epcis.query_exists": Kind(409, "A query with this name is stored"),
    "epcis.unknown_query": Kind(404, "No query is stored under this name", "/epcis/queries lists them"),
    "epcis.subscription": Kind(400, "This subscription cannot be made"),
    "epcis.unknown_subscription": Kind(404, "The query has no such subscription"),
    "epcis.stored_limit": Kind(403, "As many are stored at this node as may be"),
    "epcis.unknown_event": Kind(404, "No event has this id"),
    "epcis.unknown_capture": Kind(404, "This node knows no such capture job"),
}

_STATUS_BY_KIND: Final = {
    RefusalKind.MALFORMED: 400,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.INVALID: 422,
    RefusalKind.UNAUTHENTICATED: 401,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.CONFLICT: 409,
    RefusalKind.BUSY: 429,
    RefusalKind.UNAVAILABLE: 503,
}
_RETRY_AFTER_S: Final = {429: 1, 503: 1}
_EPCIS_TYPES: Final = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
    415: "UnsupportedMediaTypeException",
    422: "ValidationException",
}
_EPCIS_TYPE_BY_CODE: Final = {
    "epcis.query_parameter": "QueryParameterException",
    "epcis.query_too_large": "QueryTooLargeException",
    "epcis.query_exists": "DuplicateNameException",
    "epcis.unknown_query": "NoSuchNameException",
    "epcis.subscription": "SubscriptionControlsException",
    "epcis.unknown_subscription": "NoSuchSubscriptionException",
    "epcis.stored_limit": "ImplementationException",
    "epcis.rejected": "ValidationException",
}


class Problem(Exception):  # noqa: N818 (an answer, not an error of ours)
    """An answer that says no. ``extra`` are further members of the problem object."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        extra: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        kind: Kind | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.kind = kind or KINDS[code]
        self.faults = faults
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    @property
    def epcis_type(self) -> str:
        """The exception of EPCIS 2.0 (ISO/IEC 19987 section 12) that the problem is under ``/epcis``."""
        if self.code.startswith("query."):
            return "QueryParameterException"
        by_status = _EPCIS_TYPES.get(self.kind.status, "ImplementationException")
        return _EPCIS_TYPE_BY_CODE.get(self.code, by_status)

    def response(self, *, is_epcis: bool = False) -> Response:
        """Return the problem as a response; under ``/epcis`` it has the type that EPCIS fixes."""
        return Response(
            # Escaped to ASCII: a detail may quote half a surrogate pair out of the request.
            content=json.dumps(self.fields(is_epcis=is_epcis), ensure_ascii=True, separators=(",", ":")),
            status_code=self.kind.status,
            media_type=PROBLEM_TYPE,
            headers={"cache-control": "no-store", **self.retry(), **self.headers},
        )

    def fields(self, *, is_epcis: bool = False) -> dict[str, Json]:
        """Return the members of the problem object."""
        fields: dict[str, Json] = {
            "type": f"epcisException:{self.epcis_type}" if is_epcis else _URN + self.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.kind.hint:
            fields["hint"] = self.kind.hint
        if self.faults:
            fields["errors"] = [
                {"path": fault.path, "rule": fault.rule, "detail": fault.detail} for fault in self.faults
            ]
        return {**fields, **self.extra}

    def retry(self) -> dict[str, str]:
        """Return the header that says when to ask again, where that helps."""
        seconds = _RETRY_AFTER_S.get(self.kind.status)
        return {} if seconds is None else {"retry-after": str(seconds)}


def problem_of(refusal: Refusal, *, extra: Mapping[str, Json] | None = None) -> Problem:
    """Return the problem that a refused transaction is answered with."""
    kind = KINDS.get(refusal.code) or Kind(_STATUS_BY_KIND[refusal.kind], "The transaction was not taken")
    return Problem(refusal.code, refusal.detail, extra=extra, kind=kind)
