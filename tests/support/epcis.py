"""Small EPCIS documents."""

import json
from typing import Any

_TIME: dict[str, Any] = {"eventTime": "2025-05-01T10:00:00Z", "eventTimeZoneOffset": "+00:00"}


def document(*events: dict[str, Any]) -> bytes:
    """Return an EPCIS document in JSON."""
    return json.dumps(
        {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2025-05-01T10:00:00Z",
            "epcisBody": {"eventList": list(events)},
        }
    ).encode()


def packing(action: str, parent: str, child: str, **fields: Any) -> dict[str, Any]:
    """Return an aggregation event."""
    event = {"type": "AggregationEvent", "action": action, "parentID": parent, "childEPCs": [child]}
    return {**event, **_TIME, **fields}


_serials = iter(range(1_000_000))


def observation(item: str, action: str = "OBSERVE", **fields: Any) -> dict[str, Any]:
    """Return an object event, another one each time."""
    event = {"type": "ObjectEvent", "action": action, "epcList": [item], "eventID": f"urn:uuid:{next(_serials)}"}
    return {**event, **_TIME, **fields}
