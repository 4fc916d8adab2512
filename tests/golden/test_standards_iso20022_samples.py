"""Published samples of ISO 20022: what the verdict file calls valid is read, what it calls invalid names an element."""

import re

import pytest

from standards.errors import IsoError
from standards.iso20022.messages import KINDS, read_message, write_record_as
from standards.iso20022.parsing import parse_message
from standards.iso20022.schema import check_schema
from tests.support.iso20022 import sample, schemas, verdicts

MIN = "samples/cbpr_plus_2025/examples/{}.min.xml"
# Their banks have nothing but a branch, which is no field of ours, so that written again they have no name at all.
NAMELESS = {MIN.format("pacs.008"), MIN.format("pain.001")}
# Its days stand where it may have a time; a day is read, and written as what the table has.
DAYS = {"samples/prowide/camt.053.001.07.xml"}
INVALID = {
    "missing_bic": ("Document/FIToFICstmrCdtTrf/CdtTrfTxInf/DbtrAgt/FinInstnId/BICFI", "pattern", 62),
    "sample_xsd_issue": ("Document/FIToFICstmrCdtTrf/CdtTrfTxInf/CdtrAgt[2]", "element_content", 82),
    "sequence_addr": ("Document/FIToFICstmrCdtTrf/CdtTrfTxInf/Dbtr/PstlAdr/TwnNm", "element_content", 72),
}


def of(verdict: str) -> list[tuple[str, str]]:
    return [
        (name, schema)
        for name, found in verdicts().items()
        for schema, (said, _) in found.items()
        if said == verdict and not schema.startswith("head.")
    ]


def test_the_valid_are_valid_and_read() -> None:
    valid = of("valid")
    assert len(valid) == 50
    read = 0
    for name, schema in valid:
        message = parse_message(sample(name))
        assert message.identifier == schema, name
        assert check_schema(message, schemas()) == [], name
        if message.kind not in KINDS:
            continue
        record = read_message(message)
        if schema not in KINDS[message.kind].versions:
            read += 1
            continue
        again = parse_message(write_record_as(schema, record))
        assert read_message(again) == record, name
        if name not in NAMELESS | DAYS:
            assert check_schema(again, schemas()) == [], name
        read += 1
    assert read == 34


def test_the_invalid_are_refused_with_their_element() -> None:
    invalid = of("invalid")
    assert len(invalid) == 6
    for name, schema in invalid:
        faults = check_schema(parse_message(sample(name)), schemas())
        (expected,) = [each for part, each in INVALID.items() if part in name]
        assert (faults[0].element, faults[0].code, faults[0].line) == expected
        element = re.match(r"Element '(\w+)'", verdicts()[name][schema][1])
        assert element is not None
        assert element[1] in faults[0].element


def test_those_without_a_schema_are_not_judged() -> None:
    found = of("no_xsd")
    assert len(found) == 12
    for name, _ in found:
        with pytest.raises(IsoError, match=r"no_schema|wrong_namespace|no_message"):
            check_schema(parse_message(sample(name)), schemas())
