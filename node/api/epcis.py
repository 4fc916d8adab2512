"""What the two halves of ``/epcis`` share: EPCIS 2.0 over HTTP (ISO/IEC 19987 section 12)."""

from typing import Final

from standards.epcis.document import EVENTS_MAX

DOCUMENT_BYTES_MAX: Final = 2 * 1024 * 1024
XML_TYPES: Final = frozenset({"application/xml", "text/xml"})
TYPES: Final = frozenset({"application/json", "application/ld+json", *XML_TYPES})

HEADERS: Final = {
    "gs1-epcis-version": "2.0.0",
    "gs1-epcis-min": "2.0.0",
    "gs1-epcis-max": "2.0.0",
    "gs1-cbv-version": "2.0.0",
    "gs1-cbv-min": "2.0.0",
    "gs1-cbv-max": "2.0.0",
    "gs1-epcis-capture-limit": str(EVENTS_MAX),
    "gs1-epcis-capture-file-size-limit": str(DOCUMENT_BYTES_MAX),
    "gs1-capture-error-behaviour": "rollback",
}
