"""Customs: declarations of goods at a border, made by a firm and decided by an authority.

A declaration is data on the ledger, bound to goods that its declarer owns or holds: a commodity code with the edition
of the Harmonized System that it is read by, the origin, and the countries between which the goods move. Whether customs
let them pass is said by customs.

Heads: ``customs_declaration`` {organisation, subjects, procedure, hs_code, hs_edition, origin, from, to, document?,
status, declared_ms, decided_by?, decided_ms?, comment?, count, chain}; ``declared`` {papers: [id, ...]}.
"""

import re
from typing import Final

from contracts import heads
from contracts.arguments import Arguments, refuse
from contracts.context import Context
from contracts.identifiers import COUNTRY
from contracts.provenance.subjects import list_paper, read_subjects, require_party
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

DECLARED: Final = "declared"
HELD: Final = "held"
HS_EDITIONS: Final = frozenset({"HS2002", "HS2007", "HS2012", "HS2017", "HS2022", "HS2028"})
PROCEDURES: Final = frozenset({"export", "import", "transit"})
DECISIONS: Final = frozenset({HELD, "refused", "released"})

_ID_BYTES_MAX: Final = 64
# Six digits are international; a country adds its own behind them.
_HS_CODE: Final = re.compile(r"[0-9]{6,12}")
_HASH_BYTES: Final = 32


def declare(context: Context, arguments: dict[str, Value]) -> Value:
    """Declare goods that one owns or holds."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    subjects = read_subjects(read)
    document = read.optional_fixed("document", _HASH_BYTES)
    made: Head = {
        "organisation": context.member,
        "subjects": [list[Value](subject) for subject in subjects],
        "procedure": read.choice("procedure", PROCEDURES),
        "hs_code": read.pattern("hs_code", _HS_CODE),
        "hs_edition": read.choice("hs_edition", HS_EDITIONS),
        "origin": read.pattern("origin", COUNTRY),
        "from": read.pattern("from", COUNTRY),
        "to": read.pattern("to", COUNTRY),
        "status": DECLARED,
        "declared_ms": context.block.time_ms,
        **({} if document is None else {"document": document}),
    }
    read.end()
    if made["from"] == made["to"]:
        refuse("from and to are two countries")
    if context.get(heads.customs_declaration(name)) is not None:
        raise Rejected(ResultCode.DECLARATION_EXISTS, f"{name} was made before")
    require_party(context, subjects)
    for subject in subjects:
        list_paper(context, heads.declared(*subject), name)
    context.record(heads.customs_declaration(name), made)
    return None


def decide(context: Context, arguments: dict[str, Value]) -> Value:
    """Release, hold or refuse what another firm has declared; what is held waits for one of the others."""
    read = Arguments(arguments)
    name = read.identifier("id", _ID_BYTES_MAX)
    decision = read.choice("decision", DECISIONS)
    comment = read.optional_text("comment", 1_000)
    read.end()
    made = context.get(heads.customs_declaration(name))
    if made is None:
        raise Rejected(ResultCode.UNKNOWN_DECLARATION, f"{name} was not made")
    if made["organisation"] == context.member:
        raise Rejected(ResultCode.SELF_CLEARED, f"{name} is the sender's own")
    if made["status"] not in (DECLARED, HELD):
        raise Rejected(ResultCode.DECLARATION_DECIDED, f"{name} was decided before")
    made.update(status=decision, decided_by=context.member, decided_ms=context.block.time_ms)
    made.pop("comment", None)
    if comment is not None:
        made["comment"] = comment
    context.record(heads.customs_declaration(name), made)
    return None
