"""What other programs import: a client for nodes, keys and the offline verifier.

    from tradelane import Client, Operation, load_key

    with Client("http://127.0.0.1:7400") as client:
        client.submit([Operation("custody.accept", {"id": "offer-1"})], load_key(Path("carrier.json")))

==============  ==================================================================
client          `Client`, synchronous                 async_client    `AsyncClient`
results         what a node answers, typed            governance      the same of validators and proposals
cold_chain      the same of devices, cold records     money           holds, and statements that add up
netting         the same of windows and obligations
errors          what can go wrong, by what to do about it
keys            key files                             verify          proof bundles, offline
amounts         decimal text and minor units          checking        answers checked against several nodes
recording       readings of a device, each once       relaying        SenML messages; mqtt_bridge: from a broker
importing       documents of any size, each event once
conversations   what both clients say to a node; with transport, route and fields the part without IO
==============  ==================================================================

Only the names below are stable; the modules may move.
"""

from ledger.keys import SecretKey
from ledger.proof import Facts, TrustRoot
from ledger.transaction import Operation
from tradelane.amounts import format_amount, parse_amount
from tradelane.async_client import AsyncClient
from tradelane.captures import Captured
from tradelane.checking import Checked, Doubt, check_trace, fetch_checked
from tradelane.client import Client
from tradelane.cold_chain import (
    ColdBreach,
    ColdInherited,
    ColdLimit,
    ColdProfile,
    ColdReadings,
    ColdRecord,
    ColdStay,
    ColdWatch,
    Device,
    DeviceReadings,
)
from tradelane.errors import (
    BadRequestError,
    ConflictError,
    NotAuthorisedError,
    NotFinalError,
    NotFoundError,
    TradelaneError,
    UnavailableError,
    VerificationError,
)
from tradelane.event_pages import EventsPage
from tradelane.governance import Evidence, Proposal, ValidatorChange, ValidatorMember, Validators
from tradelane.importing import CutDocument, Imported, cut_document, import_document
from tradelane.keys import load_key, new_key, save_key
from tradelane.money import Hold, Point, Statement, StatementLine, make_statement
from tradelane.netting import NettingWindow, Obligation
from tradelane.papers import CustomsDeclaration, Document, DocumentStatement, EmissionLeg, ThingEmissions
from tradelane.party_data import SealedData, SealedKey, encryption_key, seal_data, sign_attestation, unseal_data
from tradelane.payments import Payment, PaymentStep, QuoteUse, sign_quote
from tradelane.recalls import Closure, SiteEvent
from tradelane.recording import Recorded, record_readings
from tradelane.results import (
    Account,
    BlockSummary,
    Entry,
    HistoryEntry,
    Item,
    Mark,
    NodeStatus,
    Offer,
    PeerStatus,
    Recall,
    Receipt,
    Trace,
    TraceNode,
    TransactionStatus,
)
from tradelane.scans import OddScans, Scan, ScanAlert, ScanAnchor, ScanCount, Scans
from tradelane.verify import load_trust, read_trust, save_trust, verify_proof

__all__ = [
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
