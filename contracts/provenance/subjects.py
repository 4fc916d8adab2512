"""What papers are about: products, lots, items and organisations, and who may speak of them.

A subject is a pair of kind and identifier. Papers of a subject are found under a head of the subject, so that there are
none can be proven by its absence.
"""

from collections.abc import Iterable
from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, identifier, refuse, row
from contracts.context import Context
from contracts.identifiers import product_of
from contracts.provenance.recalls import ITEM, LOT, PRODUCT
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

ORGANISATION: Final = "organisation"
SUBJECTS_MAX: Final = 100
PAPERS_MAX: Final = 64
"""Papers of one sort that one subject may have."""

_KINDS: Final = frozenset({PRODUCT, LOT, ITEM, ORGANISATION})

Subject = tuple[str, str]


def read_subjects(read: Arguments) -> tuple[Subject, ...]:
    """Return the argument ``subjects``: 1 to 100 pairs of kind and identifier, none twice."""
    subjects = read.listed("subjects", SUBJECTS_MAX, read_subject)
    if not subjects or len(set(subjects)) != len(subjects):
        refuse("subjects are 1 or more, none twice")
    return subjects


def is_party(context: Context, subject: Subject) -> bool:
    """Say whether the sender owns or holds a subject, registered its product, or is it.

    Rejects with UNKNOWN_ORGANISATION, UNKNOWN_PRODUCT or UNKNOWN_ITEM what the ledger does not know: a lot or an item
    is known by an event, or by its product.
    """
    kind, name = subject
    if kind == ORGANISATION:
        if context.get(heads.organisation(name)) is None:
            raise Rejected(ResultCode.UNKNOWN_ORGANISATION, f"{name} is not registered")
        return name == context.member
    gtin = name if kind == PRODUCT else product_of(name)
    product = None if gtin is None else context.get(heads.product(gtin))
    thing = None if kind == PRODUCT else context.get(heads.item(name) if kind == ITEM else heads.lot(name))
    if product is None and thing is None:
        code = ResultCode.UNKNOWN_PRODUCT if kind == PRODUCT else ResultCode.UNKNOWN_ITEM
        raise Rejected(code, f"the ledger does not know {name}")
    parties = {} if thing is None else {thing.get("owner"), thing.get("custodian")}
    return context.member in parties or (product is not None and product["owner"] == context.member)


def require_party(context: Context, subjects: Iterable[Subject]) -> None:
    """Reject with NOT_SUBJECT_HOLDER who has nothing to do with a subject."""
    for subject in subjects:
        if not is_party(context, subject):
            raise Rejected(ResultCode.NOT_SUBJECT_HOLDER, f"{subject[1]} is neither held nor owned by the sender")


def list_paper(context: Context, key: bytes, paper: Value) -> None:
    """Add a paper to those that stand under a subject, once; rejects with TOO_MANY_PAPERS."""
    head: Head = context.get(key) or {"papers": []}
    papers = cast("list[Value]", head["papers"])
    if paper in papers:
        return
    if len(papers) >= PAPERS_MAX:
        raise Rejected(ResultCode.TOO_MANY_PAPERS, f"{PAPERS_MAX} papers of one sort are about the subject")
    context.put(key, {"papers": [*papers, paper]})


def read_subject(value: object, what: str) -> Subject:
    """Return a pair of kind and identifier."""
    kind, name = row(value, what, 2)
    if kind not in _KINDS:
        refuse(f"{what}: the first word is product, lot, item or organisation")
    return str(kind), identifier(name, what)
