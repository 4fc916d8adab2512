"""ISO 20022 from bytes to records: what is refused, where, and that no error repeats what a message says."""

import pytest

from standards.errors import IsoError
from standards.iso20022.messages import KINDS, read_message, write_record_as
from standards.iso20022.parsing import DEPTH_MAX, ELEMENTS_MAX, SIZE_BYTES_MAX, parse_message
from standards.iso20022.schema import FAULTS_MAX, check_schema, read_schema
from standards.iso20022.transfers import Initiation
from standards.iso20022.usage import check_usage
from tests.support.iso20022 import ADDRESS, IBAN, NAME, NAMESPACE, UETR, initiation, schemas
from tests.support.shared_data import REPOSITORY

HEADER = """<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><MsgDefIdr>{}</MsgDefIdr></AppHdr>"""
LAUGHS = """<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""


def wrapped(*parts: str | bytes) -> bytes:
    texts = [part if isinstance(part, str) else part.decode().partition("?>")[2] for part in parts]
    return f"<envelope>{''.join(texts)}</envelope>".encode()


def test_a_message_is_read_with_its_parties() -> None:
    record = read_message(parse_message(initiation()))
    assert isinstance(record, Initiation)
    (group,) = record.groups
    (one,) = group.instructions
    assert (record.message_id, record.count, group.method, group.execution_date) == (
        *("ORDER-26-1187", 1, "TRF", "2026-11-24"),
    )
    assert (group.debtor.name, group.debtor.street, group.debtor.birth_date) == (NAME, ADDRESS, "1981-03-09")
    assert (group.debtor_account.ledger_id, one.uetr, one.end_to_end) == ("buyer/HKD", UETR, "INVOICE-77")
    assert one.amount is not None
    assert (one.amount.amount, one.amount.currency, one.charge_bearer, one.purpose) == (
        "2000.00",
        "HKD",
        "SLEV",
        "GDDS",
    )
    assert one.creditor_agent is not None
    assert one.creditor_agent.bic == "BOPIPHMM"


@pytest.mark.parametrize(
    ("data", "code", "element"),
    [
        (b"", "not_xml", ""),
        (b"\xff\xfe<\x00", "not_utf8", ""),
        (b"<a>", "not_xml", ""),
        (b"<a>&b;</a>", "not_xml", ""),
        (initiation().replace(b"?>", b"?>" + LAUGHS.encode(), 1), "xml_doctype", ""),
        (b" " * (SIZE_BYTES_MAX + 1), "too_large", ""),
        (b"<a>" + b"<b/>" * (2 * ELEMENTS_MAX) + b"</a>", "too_many", ""),
        (b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1), "too_deep", ""),
        (b"<a>" * 5_000 + b"</a>" * 5_000, "not_xml", ""),
        (b"<a><b/></a>", "no_message", "a"),
        (HEADER.format("pain.001.001.09").encode(), "no_message", "AppHdr"),
        (b"<Document/>", "wrong_namespace", "Document"),
        (b'<Document xmlns="urn:swift:xsd:x"/>', "wrong_namespace", "Document"),
        (f'<Document xmlns="{NAMESPACE}pain"><a/></Document>'.encode(), "wrong_namespace", "Document"),
        (f'<Document xmlns="{NAMESPACE}pain.001.001.09"/>'.encode(), "no_message", "Document"),
        (wrapped(initiation(), initiation()), "several", "Document[2]"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, code: str, element: str) -> None:
    with pytest.raises(IsoError) as refused:
        parse_message(data)
    assert (refused.value.code, refused.value.element) == (code, element)


@pytest.mark.parametrize(
    ("data", "code", "element"),
    [
        (initiation(version="pain.001.001.03"), "unknown_version", "Document/CstmrCdtTrfInitn"),
        (initiation(version="pacs.003.001.08"), "unknown_message", "Document/CstmrCdtTrfInitn"),
        (initiation(version="pacs.008.001.08"), "wrong_element", "Document/CstmrCdtTrfInitn"),
        (initiation(count="many"), "number", "Document/CstmrCdtTrfInitn/GrpHdr/NbOfTxs"),
        (
            initiation(amount='<InstdAmt Ccy="hkd">1</InstdAmt>'),
            "currency",
            "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Amt/InstdAmt",
        ),
        (
            initiation(amount='<InstdAmt Ccy="HKD">1.123456</InstdAmt>'),
            "amount",
            "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Amt/InstdAmt",
        ),
        (
            initiation(amount='<InstdAmt Ccy="HKD">-1</InstdAmt>'),
            "amount",
            "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Amt/InstdAmt",
        ),
        (
            initiation().replace(b"<MsgId>ORDER-26-1187</MsgId>", b""),
            "missing",
            "Document/CstmrCdtTrfInitn/GrpHdr/MsgId",
        ),
        (
            initiation().replace(b"ORDER-26-1187", b"<b/>"),
            "text",
            "Document/CstmrCdtTrfInitn/GrpHdr/MsgId",
        ),
    ],
)
def test_what_cannot_be_read_names_its_element(data: bytes, code: str, element: str) -> None:
    message = parse_message(data)
    with pytest.raises(IsoError) as refused:
        read_message(message)
    assert refused.value.code == code
    assert refused.value.element == element


def test_a_fault_never_repeats_a_value() -> None:
    secret = "Zyx Wvut"
    for place in (NAME, ADDRESS, "HSBCHKHHHKH", "2026-11-24", "INVOICE-77", UETR, "2000.00", "Manila", "1981-03-09"):
        for text in (secret, secret * 30, f"'{secret}' is has of", f"{secret}'\n'"):
            data = initiation().replace(place.encode(), text.encode())
            faults = check_schema(parse_message(data), schemas())
            assert all(secret not in str(fault) for fault in faults)
            assert all(secret not in str(note) for note in check_usage(parse_message(data), None))


def test_of_many_faults_the_first_are_told() -> None:
    one = initiation().decode().partition("<CdtTrfTxInf>")[2].partition("</CdtTrfTxInf>")[0]
    wrong = f"<CdtTrfTxInf>{one.replace('BICFI', 'BICI')}</CdtTrfTxInf>"
    faults = check_schema(parse_message(initiation(more=wrong * 500)), schemas())
    assert [fault.element for fault in faults] == [
        f"Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf[{number}]/CdtrAgt/FinInstnId/BICI"
        for number in range(2, FAULTS_MAX + 2)
    ]


def test_an_attribute_that_is_wrong_is_named() -> None:
    data = initiation(amount='<InstdAmt Ccy="Hk1">1</InstdAmt>')
    (fault,) = check_schema(parse_message(data), schemas())
    assert fault.element == "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/Amt/InstdAmt/@Ccy"


@pytest.mark.parametrize(
    "schema",
    [
        b"<a",
        b"<a/>",
        b'<!DOCTYPE a><schema xmlns="http://www.w3.org/2001/XMLSchema"/>',
        b'<schema xmlns="http://www.w3.org/2001/XMLSchema"><include schemaLocation="/etc/hosts"/></schema>',
        b'<schema xmlns="http://www.w3.org/2001/XMLSchema"><import namespace="x" schemaLocation="http://a/b"/></schema>',
        b'<schema xmlns="http://www.w3.org/2001/XMLSchema"><element name="a" type="b"/></schema>',
        b" " * (4 * 1024 * 1024 + 1),
    ],
)
def test_a_schema_that_loads_or_lies_is_refused(schema: bytes) -> None:
    with pytest.raises(IsoError, match="schema_broken") as refused:
        read_schema(schema)
    assert ("loads another file" in str(refused.value)) == (b"schemaLocation" in schema)


def test_notes_tell_what_no_schema_does() -> None:
    second = initiation().decode().partition("<CdtTrfTxInf>")[2].partition("</CdtTrfTxInf>")[0]
    wrong = f"{IBAN[:-1]}1"
    data = wrapped(
        HEADER.format("pain.001.001.03"),
        initiation(
            amount='<InstdAmt Ccy="XAU">2000.00</InstdAmt>',
            creditor_account=f"<Id><IBAN>{wrong}</IBAN></Id>",
            more=f"<CdtTrfTxInf>{second}</CdtTrfTxInf>",
        ).replace(b"BOPIPHMM", b"BOPIQQMM"),
    )
    message = parse_message(data)
    notes = check_usage(message, read_message(message))
    assert [(note.code, note.element.rpartition("/")[2]) for note in notes] == [
        ("header_differs", "MsgDefIdr"),
        ("metal", "InstdAmt"),
        ("bicfi_country", "BICFI"),
        ("iban_check_digit", "IBAN"),
        ("uetr_twice", "UETR"),
        ("bicfi_country", "BICFI"),
        ("count", "CstmrCdtTrfInitn"),
        ("control_sum", "CstmrCdtTrfInitn"),
    ]
    assert wrong not in "".join(map(str, notes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_written_as_its_kind_alone(kind: str) -> None:
    record = read_message(parse_message(initiation()))
    if kind != "pain.001":
        with pytest.raises(AssertionError):
            write_record_as(kind, record)
        return
    for version in (kind, *KINDS[kind].versions):
        assert read_message(parse_message(write_record_as(version, record))) == record
    for unknown in ("pain.001.001.03", "pain", "pain.001.", "x"):
        with pytest.raises(IsoError, match="unknown_message"):
            write_record_as(unknown, record)


def test_the_page_lists_what_is_read() -> None:
    text = (REPOSITORY / "docs" / "iso20022.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    listed = {row[0]: row[2].split("; read alone: ") for row in rows if row[0] in KINDS and len(row) == 3}
    versions = {name: (kind.versions, kind.read_alone) for name, kind in KINDS.items()}
    assert listed == {name: [", ".join(part) for part in parts if part] for name, parts in versions.items()}
