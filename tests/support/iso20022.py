"""Samples, verdicts and schemas of ISO 20022 from the shared test data, and messages made small for one purpose."""

import csv
from functools import cache

from lxml import etree

from standards.iso20022.schema import read_schema
from tests.support.shared_data import shared_data

ROOT = "settlement/iso20022"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
UETR = "8a562c67-ca16-48ba-b074-65581be6f001"
NAME, ADDRESS, IBAN = "Amparo Villanueva-Quiroz", "17 Calamansi Lane", "DE89370400440532013000"


@cache
def verdicts() -> dict[str, dict[str, tuple[str, str]]]:
    """Return what each sample is by each schema: (valid, invalid or no_xsd; the first error)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    with shared_data(f"{ROOT}/xsd_verdicts.tsv").open(encoding="utf-8") as opened:
        for row in csv.DictReader(opened, delimiter="\t"):
            found.setdefault(row["sample"], {})[row["schema"]] = row["verdict"], row["first_error"]
    return found


@cache
def schemas() -> dict[str, etree.XMLSchema]:
    """Return the schemas by message."""
    return dict(read_schema(file.read_bytes()) for file in sorted(shared_data(f"{ROOT}/xsd").glob("*.xsd")))


def sample(name: str) -> bytes:
    """Return a sample."""
    return shared_data(f"{ROOT}/{name}").read_bytes()


def initiation(**changes: str) -> bytes:
    """Return a pain.001 of one payment with personal data, parts of it changed by name."""
    parts = {
        "version": "pain.001.001.09",
        "count": "1",
        "control_sum": "2000.00",
        "method": "TRF",
        "date": "2026-11-24",
        "debtor_account": "<Id><Othr><Id>buyer/HKD</Id></Othr></Id>",
        "uetr": f"<UETR>{UETR}</UETR>",
        "amount": '<InstdAmt Ccy="HKD">2000.00</InstdAmt>',
        "bearer": "SLEV",
        "creditor_account": "<Id><Othr><Id>seller/PHP</Id></Othr></Id>",
        "more": "",
        **changes,
    }
    return INITIATION.format(name=NAME, address=ADDRESS, **parts).encode()


INITIATION = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>ORDER-26-1187</MsgId>
      <CreDtTm>2026-11-24T09:00:00Z</CreDtTm>
      <NbOfTxs>{count}</NbOfTxs>
      <CtrlSum>{control_sum}</CtrlSum>
      <InitgPty><Nm>{name}</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>GROUP-1</PmtInfId>
      <PmtMtd>{method}</PmtMtd>
      <ReqdExctnDt><Dt>{date}</Dt></ReqdExctnDt>
      <Dbtr>
        <Nm>{name}</Nm>
        <PstlAdr><StrtNm>{address}</StrtNm><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry></PstlAdr>
        <Id><PrvtId><DtAndPlcOfBirth><BirthDt>1981-03-09</BirthDt><CityOfBirth>Cebu</CityOfBirth>\
<CtryOfBirth>PH</CtryOfBirth></DtAndPlcOfBirth></PrvtId></Id>
      </Dbtr>
      <DbtrAcct>{debtor_account}</DbtrAcct>
      <DbtrAgt><FinInstnId><BICFI>HSBCHKHHHKH</BICFI></FinInstnId></DbtrAgt>
      <CdtTrfTxInf>
        <PmtId><EndToEndId>INVOICE-77</EndToEndId>{uetr}</PmtId>
        <Amt>{amount}</Amt>
        <ChrgBr>{bearer}</ChrgBr>
        <CdtrAgt><FinInstnId><BICFI>BOPIPHMM</BICFI></FinInstnId></CdtrAgt>
        <Cdtr><Nm>Seller {name}</Nm><PstlAdr><TwnNm>Manila</TwnNm><Ctry>PH</Ctry></PstlAdr></Cdtr>
        <CdtrAcct>{creditor_account}</CdtrAcct>
        <Purp><Cd>GDDS</Cd></Purp>
        <RmtInf><Ustrd>for {name}</Ustrd></RmtInf>
      </CdtTrfTxInf>{more}
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""
