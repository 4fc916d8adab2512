"""The rows of the table of result codes (tests/unit/test_contracts_codes.py) that are about documents in parts."""

from ledger.codec import Value
from tests.support.contract_situations import Case, R, case, ran_all
from tests.support.contracts_world import Call, add, sgtin


def part(number: int, of: int = 3, events: int = 7, document: bytes = b"d" * 32) -> Call:
    """Return the operation that begins a part of a document."""
    arguments: dict[str, Value] = {"document": document, "part": number, "parts": of, "events": events}
    return "provenance.capture_part", arguments


BEGUN = ran_all("maker", part(1))

PART_CASES: tuple[Case, ...] = (
    case(R.OK, "maker", part(1), add(sgtin(1)), note="the first part of a document"),
    case(R.OK, "maker", part(2), setup=BEGUN, note="the next part"),
    case(R.OK, "carrier", part(1, 2), setup=BEGUN, note="another organisation's document of the same bytes"),
    case(R.BAD_ARGUMENTS, "maker", part(0), note="a part before the first"),
    case(R.BAD_ARGUMENTS, "maker", part(4), note="a part after the last"),
    case(R.BAD_ARGUMENTS, "maker", part(1, document=b"d"), note="a hash of one byte"),
    case(R.BAD_ARGUMENTS, "maker", add(sgtin(1)), part(1), note="a part that begins in the middle"),
    case(R.PART_EXISTS, "maker", part(1), setup=BEGUN),
    case(R.PART_TOO_EARLY, "maker", part(2), note="before the first"),
    case(R.PART_TOO_EARLY, "maker", part(3), setup=BEGUN),
    case(R.DOCUMENT_DIFFERS, "maker", part(1, of=4), setup=BEGUN, note="in more parts"),
    case(R.DOCUMENT_DIFFERS, "maker", part(2, events=8), setup=BEGUN, note="of more events"),
)
