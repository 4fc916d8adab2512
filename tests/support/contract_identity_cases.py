"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about identity."""

from typing import cast

from contracts import heads
from contracts.identity.codes import inner_code_commitment
from contracts.identity.links import LINKS_MAX
from contracts.identity.scans import HOUR_MS, hour_of
from ledger.codec import Value
from tests.support.contract_situations import GTIN, Case, R, case, in_turn, ran, with_head
from tests.support.contracts_world import START_MS, Call, lgtin, sgtin, sscc

LEVEL = f"https://id.gs1.org/01/{GTIN}"
CODE = b"0123456789"
LINK: dict[str, Value] = {"type": "pip", "href": "https://brand.example/x?a=1#b", "title": "Vaccine"}


def published(*links: dict[str, Value], level: str = LEVEL) -> Call:
    """Return the publication of links, of one of a product where nothing else is said."""
    return "identity.publish_links", {"id": level, "links": cast("list[Value]", list(links or (LINK,)))}


def committed(*names: str) -> Call:
    """Return the commitment to the code of pieces."""
    rows: list[Value] = [[name, inner_code_commitment(name, CODE)] for name in names]
    return "identity.commit_codes", {"codes": rows}


def revealed(name: str, code: bytes = CODE) -> Call:
    """Return the revealing of a code."""
    return "identity.reveal_code", {"id": name, "code": code}


REGISTERED = ran(("maker", ("provenance.register_product", {"gtin": GTIN, "name": "Vaccine"})))
OTHERS = with_head(heads.product(GTIN), owner="carrier", name="x")
TAG: Call = ("identity.bind_tag", {"uid": b"1234567", "id": sgtin(1), "key_version": 1})
COMMITTED = in_turn(REGISTERED, ran(("maker", committed(sgtin(1)))))


HOUR = hour_of(START_MS) - HOUR_MS
ANCHOR: Call = ("identity.anchor_scans", {"hour_ms": HOUR, "root": bytes(32), "codes": 2, "scans": 3})


def _anchored(**changes: Value) -> Call:
    return ANCHOR[0], {**ANCHOR[1], **changes}


def _refused(note: str, *links: dict[str, Value], level: str = LEVEL) -> Case:
    return case(R.BAD_ARGUMENTS, "maker", published(*links, level=level), setup=REGISTERED, note=note)


IDENTITY_CASES: tuple[Case, ...] = (
    case(R.OK, "carrier", ANCHOR, note="the scans of an hour"),
    case(R.BAD_ARGUMENTS, "carrier", _anchored(hour_ms=HOUR + 1), note="the scans of some other time"),
    case(R.BAD_ARGUMENTS, "carrier", _anchored(codes=0), note="scans of nothing"),
    case(R.BAD_ARGUMENTS, "carrier", _anchored(scans=1), note="codes without scans"),
    case(R.BAD_ARGUMENTS, "carrier", _anchored(root=bytes(31)), note="a short root of scans"),
    case(R.HOUR_NOT_OVER, "carrier", _anchored(hour_ms=HOUR + 2 * HOUR_MS)),
    case(R.SCANS_ANCHORED, "carrier", _anchored(scans=4), setup=ran(("carrier", ANCHOR))),
    case(R.OK, "maker", TAG, setup=REGISTERED, note="a tag"),
    case(R.BAD_ARGUMENTS, "maker", (TAG[0], {**TAG[1], "uid": b"1"}), setup=REGISTERED, note="a short UID"),
    case(R.BAD_ARGUMENTS, "maker", (TAG[0], {**TAG[1], "key_version": 256}), setup=REGISTERED, note="a large version"),
    case(R.ROLE_REQUIRED, "carrier", TAG, setup=REGISTERED, note="to bind a tag"),
    case(R.UNKNOWN_PRODUCT, "maker", TAG, note="of a piece with a tag"),
    case(R.NOT_PRODUCT_OWNER, "maker", TAG, setup=OTHERS, note="of a piece with a tag"),
    case(R.TAG_EXISTS, "maker", (TAG[0], {**TAG[1], "id": sgtin(2)}), setup=in_turn(REGISTERED, ran(("maker", TAG)))),
    *(
        case(R.OK, "maker", published(level=level), setup=REGISTERED, note=f"links of a {note}")
        for level, note in ((LEVEL, "product"), (lgtin("A"), "lot"), (sgtin(1), "item"))
    ),
    case(R.OK, "maker", ("identity.publish_links", {"id": LEVEL, "links": []}), setup=REGISTERED, note="no links"),
    _refused("links of a unit without a GTIN", level=sscc(1)),
    _refused("links of an identifier on another host", level=LEVEL.replace("id.gs1.org", "brand.example")),
    _refused("a script for a link", {**LINK, "href": "javascript:alert(1)"}),
    _refused("a link that ends a header", {**LINK, "href": "https://brand.example/\r\nx: y"}),
    _refused("a link with somebody's name", {**LINK, "href": "https://user@brand.example/"}),
    _refused("a type that the resolver answers", {**LINK, "type": "linkset"}),
    _refused("a link with what links do not have", {**LINK, "colour": "red"}),
    _refused("a link in no language", {**LINK, "language": ""}),
    _refused("a link twice", LINK, {**LINK, "href": "https://brand.example/y"}),
    _refused("two defaults", {**LINK, "default": True}, {**LINK, "type": "epil", "default": True}),
    _refused("too many links", *({**LINK, "type": f"t{number}"} for number in range(LINKS_MAX + 1))),
    case(R.ROLE_REQUIRED, "carrier", published(), setup=REGISTERED, note="to publish links"),
    case(R.UNKNOWN_PRODUCT, "maker", published(), note="of links"),
    case(R.NOT_PRODUCT_OWNER, "maker", published(), setup=OTHERS, note="of links"),
    case(R.OK, "maker", committed(sgtin(1), sgtin(2)), setup=REGISTERED, note="inner codes"),
    case(R.BAD_ARGUMENTS, "maker", committed(), setup=REGISTERED, note="no inner code"),
    case(R.BAD_ARGUMENTS, "maker", committed(sgtin(1), sgtin(1)), setup=REGISTERED, note="two codes inside one piece"),
    case(R.ROLE_REQUIRED, "carrier", committed(sgtin(1)), setup=REGISTERED, note="to commit to a code"),
    case(R.UNKNOWN_PRODUCT, "maker", committed(sgtin(1)), note="of a piece with a code"),
    case(R.NOT_PRODUCT_OWNER, "maker", committed(sgtin(1)), setup=OTHERS, note="of a piece with a code"),
    case(R.INNER_CODE_EXISTS, "maker", committed(sgtin(2), sgtin(1)), setup=COMMITTED),
    case(R.OK, "carrier", revealed(sgtin(1)), setup=COMMITTED, note="whoever opened the piece"),
    case(R.BAD_ARGUMENTS, "carrier", revealed(sgtin(1), CODE + b"0"), setup=COMMITTED, note="a long code"),
    case(R.UNKNOWN_INNER_CODE, "carrier", revealed(sgtin(2)), setup=COMMITTED),
    case(R.INNER_CODE_WRONG, "carrier", revealed(sgtin(1), b"9" * 10), setup=COMMITTED),
    case(
        R.INNER_CODE_REVEALED,
        "maker",
        revealed(sgtin(1)),
        setup=in_turn(COMMITTED, ran(("carrier", revealed(sgtin(1))))),
    ),
    case(
        R.INNER_CODE_WRONG,
        "maker",
        revealed(sgtin(1), b"9" * 10),
        setup=in_turn(COMMITTED, ran(("carrier", revealed(sgtin(1))))),
        note="before whether it was revealed",
    ),
)
