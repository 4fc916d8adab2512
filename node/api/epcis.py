"""What all parts of ``/epcis`` share: EPCIS 2.0 over HTTP (ISO/IEC 19987 section 12)."""

import hmac
import re
from typing import Any, Final

from fastapi import Request

from node.api.backend import ApiNode
from node.api.problems import Problem
from standards.epcis.document import EVENTS_MAX

DOCUMENT_BYTES_MAX: Final = 2 * 1024 * 1024
XML_TYPES: Final = frozenset({"application/xml", "text/xml"})
TYPES: Final = frozenset({"application/json", "application/ld+json", *XML_TYPES})

HEADERS: Final = {
    "gs1-epcis-version": "2.0.0",
    "gs1-epcis-min": "2.0.0",
    "gs1-epcis-max": "2.0.0",
    "gs1-cbv-version": "2.0.0",
    "gs1-cbv-min": "2.0.0",
    "gs1-cbv-max": "2.0.0",
    "gs1-epcis-capture-limit": str(EVENTS_MAX),
    "gs1-epcis-capture-file-size-limit": str(DOCUMENT_BYTES_MAX),
    "gs1-capture-error-behaviour": "rollback",
}

# The parameters of a list, for /openapi.json.
PAGED: Final[dict[str, Any]] = {
    "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("perPage", "nextPageToken")]
}
_VERSION: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,3}))?")
_SERVED: Final = (2, 0, 0)


async def require_version(request: Request) -> None:
    """Refuse a request that asks for another version of EPCIS or CBV than the one that is spoken here."""
    for standard in ("epcis", "cbv"):
        exact, lowest, highest = (_version(request, f"gs1-{standard}-{name}") for name in ("version", "min", "max"))
        if (exact or _SERVED) != _SERVED or (lowest or _SERVED) > _SERVED or (highest or _SERVED) < _SERVED:
            raise Problem("epcis.version", f"{standard.upper()} 2.0 is spoken here, another version is asked for")


def _version(request: Request, header: str) -> tuple[int, ...] | None:
    text = request.headers.get(header)
    if text is None:
        return None
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise Problem("epcis.version", f"{header}: {text[:40]!r} is no version such as 2.0.0")
    return tuple(int(part or 0) for part in match.groups())


def require_token(node: ApiNode, request: Request) -> None:
    """Refuse whoever does not have the node's gateway token; raises Problem."""
    token = node.config.gateway_token
    if token is None:
        raise Problem("epcis.token_off", "this node has no gateway token in its configuration; ask another node")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise Problem(
            "epcis.unauthenticated",
            "send Authorization: Bearer with the token of this node's configuration",
            headers={"www-authenticate": 'Bearer realm="epcis"'},
        )
