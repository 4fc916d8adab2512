"""Papers about the example shipment: certificates, a customs declaration and emissions, put on an example ledger."""

from ledger.codec import Value
from tests.support.example_ledger import PACK, START_MS, ExampleLedger

GTIN = "09521102002002"
PRODUCT: Value = ["product", GTIN]


def put_papers(ledger: ExampleLedger) -> None:
    """Evidence two certificates and revoke one, declare an export, and record a leg by sea and a leg by road."""
    common: dict[str, Value] = {"kind": "certificate", "subjects": [PRODUCT], "issuer": "Ocean Watch <i>"}
    ledger.call(
        "brand",
        "provenance.anchor_document",
        hash=b"m" * 32,
        title="Sustainable fishery",
        reference="MSC-C-1",
        valid_until_ms=START_MS + 10**11,
        **common,
    )
    ledger.call("brand", "provenance.anchor_document", hash=b"o" * 32, title="Old certificate", **common)
    ledger.call("brand", "provenance.revoke_document", hash=b"o" * 32, reason="Replaced by a newer one")
    ledger.call(
        "brand",
        "provenance.declare_customs",
        id="26LK0000471100000001",
        subjects=[PRODUCT],
        procedure="export",
        hs_code="030487",
        hs_edition="HS2022",
        origin="MV",
        **{"from": "LK", "to": "NL"},
    )
    for name, mode, kilometres, factor, data in (
        ("leg-sea", "sea", 12_430, 7_800, "modelled"),
        ("leg-road", "road", 70, 62_000, "default"),
    ):
        ledger.call(
            "brand",
            "provenance.record_emissions",
            id=name,
            goods=[["item", PACK, 400]],
            mode=mode,
            distance_metres=kilometres * 1_000,
            factor_mg=factor,
            data=data,
            source="Example factors 2026",
            from_ms=START_MS + 1,
            until_ms=START_MS + 2,
        )
