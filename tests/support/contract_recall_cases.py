"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about recalls."""

from typing import cast

from contracts import heads
from contracts.provenance.recalls import STANDING_MAX
from ledger.codec import Value
from tests.support.contract_situations import GTIN, Case, R, case, in_turn, ran, ran_all, with_head
from tests.support.contracts_world import Call, lgtin, sscc

REGISTER: Call = ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine"})


def recall(verb: str, name: str = "r", **arguments: object) -> Call:
    """Return an operation about a recall."""
    return f"provenance.{verb}_recall", cast("dict[str, Value]", {"id": name, **arguments})


def opened(name: str = "r", targets: object = (("lot", lgtin("A")),), **more: object) -> Call:
    """Return the opening of a recall, of a lot where nothing else is said."""
    listed = [list(target) for target in cast("list[tuple[str, str]]", targets)]
    return recall("open", name, **{"targets": listed, "severity": "stop", "reason": "too warm", **more})


REGISTERED = ran(("maker", REGISTER))
OPEN = in_turn(REGISTERED, ran_all("maker", opened()))

RECALL_CASES: tuple[Case, ...] = (
    case(R.OK, "maker", opened(targets=[("product", GTIN), ("lot", lgtin("A"))]), setup=REGISTERED, note="a recall"),
    case(R.BAD_ARGUMENTS, "maker", opened(targets=[]), setup=REGISTERED, note="a recall of nothing"),
    case(R.BAD_ARGUMENTS, "maker", opened(targets=[("lot", "x")] * 2), setup=REGISTERED, note="a target twice"),
    case(R.BAD_ARGUMENTS, "maker", opened(targets=[("site", "x")]), setup=REGISTERED, note="a target of no kind"),
    case(R.BAD_ARGUMENTS, "maker", opened(texts={"": "x"}), setup=REGISTERED, note="a recall in no language"),
    case(R.ROLE_REQUIRED, "carrier", opened(), setup=REGISTERED, note="to recall"),
    case(R.RECALL_EXISTS, "maker", opened(targets=[("item", sscc(1))]), setup=OPEN),
    case(R.UNKNOWN_PRODUCT, "maker", opened(), note="of a lot that is recalled"),
    case(R.UNKNOWN_PRODUCT, "maker", opened(targets=[("item", sscc(1))]), note="of a unit without a GTIN"),
    case(
        R.NOT_PRODUCT_OWNER,
        "maker",
        opened(),
        setup=with_head(heads.product(GTIN), owner="carrier", name="x"),
        note="of a lot that is recalled",
    ),
    case(
        R.TOO_MANY_RECALLS,
        "maker",
        opened("one more"),
        setup=in_turn(REGISTERED, ran_all("maker", *(opened(f"r{number}") for number in range(STANDING_MAX)))),
    ),
    case(R.UNKNOWN_RECALL, "maker", recall("update")),
    case(R.UNKNOWN_RECALL, "maker", recall("close", reason="over")),
    case(
        R.NOT_RECALLER,
        "maker",
        recall("update", severity="check"),
        setup=with_head(heads.recall("r"), organisation="carrier", status="open"),
    ),
    case(
        R.RECALL_CLOSED,
        "maker",
        recall("close", reason="again"),
        setup=in_turn(OPEN, ran_all("maker", recall("close", reason="over"))),
    ),
)
