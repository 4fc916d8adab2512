"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about papers."""

from collections.abc import Callable
from typing import cast

from contracts import heads
from contracts.provenance.documents import STATEMENTS_MAX
from contracts.provenance.subjects import PAPERS_MAX
from ledger.codec import Value
from tests.support.contract_situations import GTIN, Case, R, case, governed, in_turn, ran, ran_all, with_head
from tests.support.contracts_world import START_MS, Call, World, add, key_of, lgtin, sgtin

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


def declaration(**more: object) -> Call:
    """Return a customs declaration of the product."""
    fields = {
        "id": "c",
        "subjects": [["product", GTIN]],
        "procedure": "export",
        "hs_code": "300241",
        "hs_edition": "HS2022",
        "origin": "NO",
        "from": "NO",
        "to": "CN",
    }
    return "provenance.declare_customs", cast("dict[str, Value]", {**fields, **more})


def decision(verb: str = "released", **more: Value) -> Call:
    """Return what customs say to the declaration."""
    return "provenance.decide_customs", {"id": "c", "decision": verb, **more}


def emissions(goods: object = ((sgtin(1), 1_000),), **more: object) -> Call:
    """Return a leg by road of a hundred kilometres at 62 g a tonne-kilometre."""
    listed = [["item", name, mass] for name, mass in cast("list[tuple[str, int]]", goods)]
    fields = {
        "id": "leg",
        "goods": listed,
        "mode": "road",
        "distance_metres": 100_000,
        "factor_mg": 62_000,
        "data": "default",
        "source": "example factors v1",
        "from_ms": START_MS - 2,
        "until_ms": START_MS - 1,
    }
    return "provenance.record_emissions", cast("dict[str, Value]", {**fields, **more})


WITHDRAW: Call = ("provenance.withdraw_emissions", {"id": "leg", "reason": "another lorry"})


def spoken(number: int) -> Callable[[World], None]:
    """Return a world in which so many strangers have spoken of the document."""
    return with_head(heads.document(HASH), statements={f"s{one}": {"status": "standing"} for one in range(number)})


BORDER = governed(
    "membership.register_organisation",
    id="border",
    name="Border",
    roles=["customs", "carrier"],
    admin_key=key_of("border").public_key,
)
DECLARED = in_turn(REGISTERED, ran_all("maker", declaration()))
COMMISSIONED = ran(("maker", add(sgtin(1))))
EMITTED = in_turn(COMMISSIONED, ran_all("maker", emissions()))
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
    case(R.OK, "maker", declaration(document=HASH), setup=REGISTERED, note="a customs declaration"),
    case(R.BAD_ARGUMENTS, "maker", declaration(to="NO"), setup=REGISTERED, note="from a country to itself"),
    case(R.BAD_ARGUMENTS, "maker", declaration(hs_code="30024"), setup=REGISTERED, note="five digits"),
    case(R.BAD_ARGUMENTS, "maker", declaration(hs_edition="HS2023"), setup=REGISTERED, note="no such edition"),
    case(R.DECLARATION_EXISTS, "maker", declaration(hs_code="300242"), setup=DECLARED),
    case(R.NOT_SUBJECT_HOLDER, "carrier", declaration(), setup=REGISTERED, note="to declare"),
    case(R.ROLE_REQUIRED, "maker", decision(), setup=DECLARED, note="to decide"),
    case(R.UNKNOWN_DECLARATION, "border", decision(), setup=BORDER),
    case(
        R.SELF_CLEARED,
        "border",
        decision(),
        setup=in_turn(BORDER, with_head(heads.customs_declaration("c"), organisation="border", status="declared")),
    ),
    case(R.OK, "border", decision("held", comment="papers"), decision(), setup=in_turn(BORDER, DECLARED), note="held"),
    case(
        R.DECLARATION_DECIDED,
        "border",
        decision("refused"),
        decision("held"),
        setup=in_turn(BORDER, DECLARED),
    ),
    case(R.OK, "maker", emissions(), setup=COMMISSIONED, note="emissions"),
    case(R.BAD_ARGUMENTS, "maker", emissions([]), note="emissions of nothing"),
    case(R.BAD_ARGUMENTS, "maker", emissions([(sgtin(1), 0)]), note="goods without mass"),
    case(R.BAD_ARGUMENTS, "maker", emissions([(sgtin(1), 1), (sgtin(1), 2)]), note="goods twice"),
    case(R.BAD_ARGUMENTS, "maker", emissions(until_ms=START_MS - 3), note="ended before it began"),
    case(R.BAD_ARGUMENTS, "maker", emissions(mode="hub"), note="a hub with a distance"),
    case(R.UNKNOWN_ITEM, "maker", emissions(), note="of which emissions are recorded"),
    case(R.NOT_SUBJECT_HOLDER, "carrier", emissions(), setup=COMMISSIONED, note="to record emissions"),
    case(R.EMISSIONS_EXIST, "maker", emissions(factor_mg=1), setup=EMITTED),
    case(R.UNKNOWN_EMISSIONS, "maker", WITHDRAW),
    case(R.NOT_EMISSIONS_RECORDER, "carrier", WITHDRAW, setup=EMITTED),
    case(R.EMISSIONS_WITHDRAWN, "maker", WITHDRAW, setup=in_turn(EMITTED, ran_all("maker", WITHDRAW))),
)
