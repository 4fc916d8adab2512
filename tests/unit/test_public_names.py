"""What integrators may rely on: the names of ``tradelane``, pinned; a change here is a change for them."""

import inspect
import types

import tradelane

PUBLIC = [
    "Account",
    "AsyncClient",
    "BadRequestError",
    "BlockSummary",
    "Captured",
    "Checked",
    "Client",
    "Closure",
    "ColdBreach",
    "ColdInherited",
    "ColdLimit",
    "ColdProfile",
    "ColdReadings",
    "ColdRecord",
    "ColdStay",
    "ColdWatch",
    "ConflictError",
    "CustomsDeclaration",
    "CutDocument",
    "Device",
    "DeviceReadings",
    "Document",
    "DocumentStatement",
    "Doubt",
    "EmissionLeg",
    "Entry",
    "EventsPage",
    "Evidence",
    "Facts",
    "HistoryEntry",
    "Hold",
    "Imported",
    "Item",
    "Mark",
    "NettingWindow",
    "NodeStatus",
    "NotAuthorisedError",
    "NotFinalError",
    "NotFoundError",
    "Obligation",
    "OddScans",
    "Offer",
    "Operation",
    "Payment",
    "PaymentStep",
    "PeerStatus",
    "Point",
    "Proposal",
    "QuoteUse",
    "Recall",
    "Receipt",
    "Recorded",
    "Scan",
    "ScanAlert",
    "ScanAnchor",
    "ScanCount",
    "Scans",
    "SealedData",
    "SealedKey",
    "SecretKey",
    "SiteEvent",
    "Statement",
    "StatementLine",
    "ThingEmissions",
    "Trace",
    "TraceNode",
    "TradelaneError",
    "TransactionStatus",
    "TrustRoot",
    "UnavailableError",
    "ValidatorChange",
    "ValidatorMember",
    "Validators",
    "VerificationError",
    "check_trace",
    "cut_document",
    "encryption_key",
    "fetch_checked",
    "format_amount",
    "import_document",
    "load_key",
    "load_trust",
    "make_statement",
    "new_key",
    "parse_amount",
    "read_trust",
    "record_readings",
    "save_key",
    "save_trust",
    "seal_data",
    "sign_attestation",
    "sign_quote",
    "unseal_data",
    "verify_proof",
]


def test_the_public_names_are_these() -> None:
    assert tradelane.__all__ == PUBLIC


def test_the_public_names_are_sorted_and_exist() -> None:
    assert sorted(tradelane.__all__) == list(tradelane.__all__)
    assert len(set(tradelane.__all__)) == len(tradelane.__all__)
    assert [name for name in tradelane.__all__ if not hasattr(tradelane, name)] == []


def test_nothing_else_is_public() -> None:
    """A name without an underscore that is not listed would be found by completion and then relied on."""
    others = {
        name
        for name, value in vars(tradelane).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert others == set(tradelane.__all__)


def test_every_public_name_is_documented() -> None:
    undocumented = []
    for name in tradelane.__all__:
        value = getattr(tradelane, name)
        if (inspect.isclass(value) or callable(value)) and not (value.__doc__ or "").strip():
            undocumented.append(name)
        if inspect.isclass(value):
            members = inspect.getmembers(value, inspect.isfunction)
            undocumented += [
                f"{name}.{member}"
                for member, function in members
                if not member.startswith("_") and not (function.__doc__ or "").strip()
            ]
    assert undocumented == []
