"""Documents and certificates: the hash of a paper, and what organisations say of it. The paper stays off the ledger.

A holder *evidences*: here is a paper about what I own or hold, and this firm, I say, issued it. An issuer *verifies*:
its own signature is on the ledger, and it is not about something of its own. Everything said of one hash stands in one
head, so one proof shows who stands behind a file, who has revoked what was said, or that nobody ever said anything.

Heads: ``document`` {statements: {organisation: {level, kind, subjects, title?, reference?, issuer?, valid_from_ms?,
valid_until_ms?, url?, status, said_ms, revoked_ms?, revocation_reason?}}, count, chain};
``documented`` {papers: [hash, ...]}.
"""

from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, refuse
from contracts.context import Context
from contracts.provenance.subjects import Subject, is_party, list_paper, read_subjects, require_party
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

EVIDENCED: Final = "evidenced"
VERIFIED: Final = "verified"
STANDING: Final = "standing"
REVOKED: Final = "revoked"
STATEMENTS_MAX: Final = 16
KINDS: Final = frozenset(
    {
        "certificate",
        "certificate_of_origin",
        "customs_declaration",
        "health_certificate",
        "inspection_report",
        "invoice",
        "other",
        "packing_list",
        "phytosanitary_certificate",
        "safety_data_sheet",
        "test_report",
        "transport_document",
    }
)
HASH_BYTES: Final = 32


def anchor_document(context: Context, arguments: dict[str, Value]) -> Value:
    """Say that a paper is about what one owns or holds; ``issuer`` is who issued it, as its holder says."""
    read = Arguments(arguments)
    said = _said(read)
    issuer = read.optional_text("issuer", 200)
    read.end()
    require_party(context, said.subjects)
    return _state(context, said, {"level": EVIDENCED, **({} if issuer is None else {"issuer": issuer})})


def issue_document(context: Context, arguments: dict[str, Value]) -> Value:
    """Say that one has issued a paper oneself, about what belongs to others."""
    read = Arguments(arguments)
    said = _said(read)
    read.end()
    for subject in said.subjects:
        if is_party(context, subject):
            raise Rejected(ResultCode.SELF_CERTIFIED, f"{subject[1]} is the issuer's own")
    return _state(context, said, {"level": VERIFIED})


def revoke_document(context: Context, arguments: dict[str, Value]) -> Value:
    """Take back for good what one's own organisation said of a paper; what others say of it stays."""
    read = Arguments(arguments)
    document_hash = read.fixed("hash", HASH_BYTES)
    reason = read.text("reason", 1_000)
    read.end()
    head = context.get(heads.document(document_hash)) or {"statements": {}}
    statement = cast("dict[str, Head]", head["statements"]).get(context.member)
    if statement is None:
        raise Rejected(ResultCode.UNKNOWN_DOCUMENT, f"{context.member} has said nothing of {document_hash.hex()}")
    if statement["status"] == REVOKED:
        raise Rejected(ResultCode.DOCUMENT_REVOKED, f"{document_hash.hex()} was revoked")
    statement.update(status=REVOKED, revoked_ms=context.block.time_ms, revocation_reason=reason)
    context.record(heads.document(document_hash), head)
    return None


@dataclass(frozen=True, slots=True)
class _Said:
    """The arguments that a holder and an issuer share."""

    hash: bytes
    subjects: tuple[Subject, ...]
    details: Head


def _said(read: Arguments) -> _Said:
    valid_from_ms = read.optional_integer("valid_from_ms")
    valid_until_ms = read.optional_integer("valid_until_ms")
    if valid_until_ms is not None and valid_until_ms <= (valid_from_ms or 0):
        refuse("valid_until_ms is after valid_from_ms")
    details: dict[str, Value] = {
        "kind": read.choice("kind", KINDS),
        "title": read.optional_text("title", 200),
        "reference": read.optional_identifier("reference", 128),
        "valid_from_ms": valid_from_ms,
        "valid_until_ms": valid_until_ms,
        "url": read.optional_identifier("url"),
    }
    present: Head = {field: value for field, value in details.items() if value is not None}
    return _Said(read.fixed("hash", HASH_BYTES), read_subjects(read), present)


def _state(context: Context, said: _Said, more: Head) -> Value:
    """Write what the sender says of a paper; each organisation speaks once of one hash."""
    head: Head = context.get(heads.document(said.hash)) or {"statements": {}}
    statements = cast("dict[str, Value]", head["statements"])
    if context.member in statements:
        raise Rejected(ResultCode.DOCUMENT_KNOWN, f"{context.member} has spoken of {said.hash.hex()} before")
    if len(statements) >= STATEMENTS_MAX:
        raise Rejected(ResultCode.TOO_MANY_PAPERS, f"{STATEMENTS_MAX} organisations have spoken of the document")
    for subject in said.subjects:
        list_paper(context, heads.documented(*subject), said.hash)
    statements[context.member] = {
        **said.details,
        **more,
        "subjects": [list[Value](subject) for subject in said.subjects],
        "status": STANDING,
        "said_ms": context.block.time_ms,
    }
    context.record(heads.document(said.hash), head)
    return None
