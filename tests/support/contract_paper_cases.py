"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about papers."""

from collections.abc import Callable
from typing import cast

from contracts import heads
from contracts.provenance.documents import STATEMENTS_MAX
from contracts.provenance.subjects import PAPERS_MAX
from ledger.codec import Value
from tests.support.contract_situations import GTIN, Case, R, case, in_turn, ran, ran_all, with_head
from tests.support.contracts_world import Call, World, add, lgtin, sgtin

REGISTER: Call = ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine"})
REGISTERED = ran(("maker", REGISTER))
PRODUCT = (("product", GTIN),)
HASH = b"d" * 32


def document(verb: str, subjects: object = PRODUCT, digest: bytes = HASH, **more: object) -> Call:
    """Return an operation that says something of a document: anchor or issue."""
    listed = [list(subject) for subject in cast("list[tuple[str, str]]", subjects)]
    fields = {"hash": digest, "kind": "certificate", "subjects": listed, **more}
    return f"provenance.{verb}_document", cast("dict[str, Value]", fields)


def revoke(digest: bytes = HASH, reason: str = "withdrawn") -> Call:
    """Return the revocation of what was said of a document."""
    return "provenance.revoke_document", {"hash": digest, "reason": reason}


def spoken(number: int) -> Callable[[World], None]:
    """Return a world in which so many strangers have spoken of the document."""
    return with_head(heads.document(HASH), statements={f"s{one}": {"status": "standing"} for one in range(number)})


ANCHORED = in_turn(REGISTERED, ran_all("maker", document("anchor")))

PAPER_CASES: tuple[Case, ...] = (
    case(R.OK, "maker", document("anchor", valid_from_ms=1, valid_until_ms=2), setup=REGISTERED, note="a document"),
    case(R.OK, "maker", document("anchor", [("organisation", "maker")]), note="a document of oneself"),
    case(R.OK, "maker", document("anchor", [("item", sgtin(1))]), setup=ran(("maker", add(sgtin(1)))), note="an item"),
    case(R.OK, "watcher", document("issue"), setup=ANCHORED, note="what a holder has anchored"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", []), note="a document about nothing"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", PRODUCT * 2), note="a subject twice"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", [("site", "x")]), note="a subject of no kind"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", digest=b"short"), note="a short hash"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", kind="poem"), note="a kind of document that is none"),
    case(R.BAD_ARGUMENTS, "maker", document("anchor", valid_from_ms=2, valid_until_ms=2), note="never valid"),
    case(R.BAD_ARGUMENTS, "watcher", document("issue", issuer="somebody"), note="an issuer who names another"),
    case(R.ROLE_REQUIRED, "carrier", document("issue"), setup=REGISTERED, note="to issue"),
    case(R.UNKNOWN_ORGANISATION, "maker", document("anchor", [("organisation", "ghost")]), note="a document's"),
    case(R.UNKNOWN_PRODUCT, "maker", document("anchor"), note="a document's"),
    case(R.UNKNOWN_ITEM, "watcher", document("issue", [("lot", lgtin("A"))]), note="a document's"),
    case(R.NOT_SUBJECT_HOLDER, "carrier", document("anchor"), setup=REGISTERED),
    case(R.SELF_CERTIFIED, "watcher", document("issue", [("organisation", "watcher")])),
    case(
        R.SELF_CERTIFIED,
        "watcher",
        document("issue"),
        setup=with_head(heads.product(GTIN), owner="watcher", name="x"),
        note="one's own product",
    ),
    case(R.DOCUMENT_KNOWN, "maker", document("anchor", kind="invoice"), setup=ANCHORED),
    case(R.TOO_MANY_PAPERS, "maker", document("anchor"), setup=in_turn(REGISTERED, spoken(STATEMENTS_MAX))),
    case(
        R.TOO_MANY_PAPERS,
        "maker",
        document("anchor"),
        setup=in_turn(
            REGISTERED,
            with_head(heads.documented("product", GTIN), papers=[bytes([one]) * 32 for one in range(PAPERS_MAX)]),
        ),
        note="about a subject",
    ),
    case(R.UNKNOWN_DOCUMENT, "maker", revoke()),
    case(R.UNKNOWN_DOCUMENT, "watcher", revoke(), setup=ANCHORED, note="that others have anchored"),
    case(R.DOCUMENT_REVOKED, "maker", revoke(), setup=in_turn(ANCHORED, ran_all("maker", revoke()))),
)
