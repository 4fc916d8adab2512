"""The state of a thing at an earlier time or height: its own records, applied as the contracts apply them.

A ledger keeps the heads of now alone. What a thing was before follows from its history: each record says what it did
and which rules it broke, and those in ``SILENT`` kept it from having a say. What the others come to is folded as the
contracts fold it (contracts.provenance.life). At a height the records are those up to there, so that the state is the
head that stood there; at a time those that had happened, by all that is known now. Quantities of lots are not among it.
"""

from collections.abc import Iterable
from typing import Final, cast

from contracts.provenance import life
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
from contracts.provenance.things import ITEM, SILENT
from contracts.results import ResultCode
from ledger.codec import Value
from node.records import Names, Record

State = dict[str, str | None]

_HOLDER: Final = {"custody": "custodian", "ownership": "owner"}
_SILENT: Final = frozenset(code.name.lower() for code in SILENT)
_NOT_UNDONE: Final = frozenset({ResultCode.EFFECT_NOT_UNDONE.name.lower()})
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
        self._moves: list[life.Move] = []
        self._count = 0
        self._held: State = dict.fromkeys(("status", "custodian", "owner"))

    @property
    def state(self) -> State:
        """What the records so far come to."""
        folded = life.State()
        for move in sorted(self._moves, key=lambda move: (move.time_ms, move.number)):
            folded = life.apply(folded, move)
        is_folded = self._is_item and self._held["status"] is not None
        told = {"location": folded.location, "disposition": folded.disposition}
        return {**self._held, **({"status": folded.status} if is_folded else {}), **told}

    def event(self, record: Record, event: Event, names: Names) -> None:
        """Apply a captured event."""
        held = self._held
        self._count += 1
        held["status"] = held["status"] or life.OBSERVED
        if self._identifier in record.refused(_SILENT):
            return
        if event.declaration is not None:
            self._undo(record, event)
            return
        if self._is_out_of_reach(record):
            return
        if self._is_taken(event, names):
            held["status"] = life.ACTIVE if held["status"] == life.OBSERVED else held["status"]
            held["custodian"] = held["custodian"] or record.organisation
            held["owner"] = held["owner"] or held["custodian"]
        if self._is_moved(event, names):
            step = self._step(event, names)
            assert record.organisation is not None, "events are captured by members"
            self._moves.append(
                life.move_of(event, life.key_of(event), record.organisation, self._count, step, is_item=self._is_item)
            )

    def _undo(self, record: Record, event: Event) -> None:
        if self._identifier in record.refused(_NOT_UNDONE):
            return
        key = life.key_of(event)
        self._moves = [move for move in self._moves if (move.key, move.organisation) != (key, record.organisation)]

    def _step(self, event: Event, names: Names) -> str | None:
        """Return what an event does to the item, besides saying where it is and in what state."""
        if event.type in (OBJECT, TRANSACTION):
            return life.step_of(event)
        if event.type == TRANSFORMATION:
            if self._identifier in names.used_up:
                return life.CONSUME
            return life.COMMISSION if self._is_taken(event, names) else None
        return life.TAKE if self._is_taken(event, names) else None

    def hand_over(self, record: Record) -> None:
        """Apply the acceptance of an offer, unless the thing did not arrive."""
        if record.method != "custody.accept" or record.offer is None:
            return
        listed = cast("list[list[Value]]", record.arguments.get("discrepancies", []))
        if not any(row[:2] == [self._identifier, "short"] and len(row) == 3 for row in listed):
            self._held[_HOLDER[cast(str, record.offer["kind"])]] = cast(str, record.offer["to"])

    def _is_out_of_reach(self, record: Record) -> bool:
        """Say whether the thing is a lot that somebody else holds, who alone says where it is and in what state."""
        holders = (self._held["custodian"], self._held["owner"])
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
