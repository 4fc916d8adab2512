"""The state of a thing at an earlier time or height: its own records, applied as the contracts apply them.

A ledger keeps the heads of now alone. What a thing was before follows from its history: each record says what it did
and which rules it broke, and those in ``BLOCKING`` kept it from having an effect. At a height the records are taken in
the order of the chain, so that the state is the head that stood there; at a time in the order in which they happened,
by all that is known now. Quantities of lots are not among it.
"""

from collections.abc import Iterable
from typing import Final, cast

from contracts.provenance.events import (
    ADD,
    AGGREGATION,
    ASSOCIATION,
    DELETE,
    OBJECT,
    TRANSACTION,
    TRANSFORMATION,
    Event,
)
from contracts.provenance.things import ACTIVE, CONSUMED, DECOMMISSIONED, ITEM, OBSERVED
from ledger.codec import Value
from node.links import BLOCKED
from node.records import Names, Record

State = dict[str, str | None]

_HOLDER: Final = {"custody": "custodian", "ownership": "owner"}
_KNOWN_TYPES: Final = frozenset({OBJECT, AGGREGATION, ASSOCIATION, TRANSACTION, TRANSFORMATION})


def state_at(records: Iterable[Record], identifier: str, kind: str) -> State:
    """Return status, custodian, owner, location and disposition after these records, in the order given."""
    replay = _Replay(identifier, is_item=kind == ITEM)
    for record in records:
        if record.event is None or record.names is None:
            replay.hand_over(record)
        else:
            replay.event(record, record.event, record.names)
    return replay.state


class _Replay:
    def __init__(self, identifier: str, *, is_item: bool) -> None:
        self._identifier = identifier
        self._is_item = is_item
        self._last_ms: int | None = None
        self.state: State = dict.fromkeys(("status", "custodian", "owner", "location", "disposition"))

    def event(self, record: Record, event: Event, names: Names) -> None:
        """Apply a captured event."""
        state = self.state
        state["status"] = state["status"] or OBSERVED
        if event.declaration is not None or self._identifier in record.refused(BLOCKED):
            return
        if self._is_out_of_reach(record):
            return
        if self._is_taken(event, names):
            state["status"] = ACTIVE if state["status"] == OBSERVED else state["status"]
            state["custodian"] = state["custodian"] or record.organisation
            state["owner"] = state["owner"] or state["custodian"]
        if not self._is_moved(event, names):
            return
        if self._last_ms is None or event.time_ms >= self._last_ms:
            self._last_ms = event.time_ms
            state["disposition"] = event.disposition or state["disposition"]
            if self._is_item:
                state["location"] = event.location or state["location"]
        if self._is_item and event.type == TRANSFORMATION and self._identifier in names.used_up:
            state["status"] = CONSUMED
        elif self._is_item and event.type == OBJECT and event.action == DELETE:
            state["status"] = DECOMMISSIONED

    def hand_over(self, record: Record) -> None:
        """Apply the acceptance of an offer, unless the thing did not arrive."""
        if record.method != "custody.accept" or record.offer is None:
            return
        listed = cast("list[list[Value]]", record.arguments.get("discrepancies", []))
        if not any(row[0] == self._identifier and row[1] == "short" for row in listed):
            self.state[_HOLDER[cast(str, record.offer["kind"])]] = cast(str, record.offer["to"])

    def _is_out_of_reach(self, record: Record) -> bool:
        """Say whether the thing is a lot that somebody else holds, who alone says where it is and in what state."""
        holders = (self.state["custodian"], self.state["owner"])
        return not self._is_item and holders[0] is not None and record.organisation not in holders

    def _is_taken(self, event: Event, names: Names) -> bool:
        """Say whether an event brings the thing into being, in the hands of whoever says so."""
        if event.type == OBJECT:
            return event.action == ADD
        if event.type == AGGREGATION:
            return event.action == ADD and event.parent == self._identifier
        is_made = event.type == TRANSFORMATION and self._identifier in names.outputs
        return is_made and not (self._is_item and self._identifier in names.inputs)

    def _is_moved(self, event: Event, names: Names) -> bool:
        """Say whether an event says where the thing is: a container that something left is not seen by that."""
        if event.type not in _KNOWN_TYPES:
            return False
        parts = (names.epcs, names.children, names.inputs, names.outputs)
        if event.parent == self._identifier or any(self._identifier in part for part in parts):
            return True
        if event.type in (OBJECT, TRANSACTION):
            # Amounts of a class, which the names of events have nowhere else.
            return not self._is_item
        # Everything was taken out of its container, which names nothing.
        return self._is_item and event.action == DELETE and not names.children
