"""The working copies of the items and lots that one event touches, and the violations found on the way.

A violation is a ResultCode. Under the policy "refuse" the first one rejects the transaction; under "mark" it is noted
on the thing's head and in the receipt's output, and those in BLOCKING keep the event from having any further effect
on that thing. Marks keep the newest sixteen and a count of all.

Heads: ``item`` {status, first_event_ms, last_event_ms?, custodian?, owner?, parent?, contents?,
associates?, height?, product?, lot?, disposition?, location?, persistent?, commissioned_ms?, ended_ms?, moves?, base?,
declarations?, marks?, marks_count?, count, chain}; ``lot`` has no place (parent, contents, height, location) and has
``quantities`` {unit or "": decimal} besides. Status, disposition, place, packing and what persists follow from
``moves`` (life.py).
"""

from dataclasses import dataclass, field
from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.identifiers import lot_of, product_of
from contracts.provenance import life
from contracts.provenance.events import Event
from contracts.provenance.life import ACTIVE, ENDED, OBSERVED, Said
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

ITEM: Final = "item"
LOT: Final = "lot"

MARKS_MAX: Final = 16
REPORTED_MAX: Final = 100

SILENT: Final = frozenset(
    {
        ResultCode.ALREADY_COMMISSIONED,
        ResultCode.DECLARATION_DIFFERS,
        ResultCode.EVENT_ALREADY_CAPTURED,
        ResultCode.EVENT_ID_CONFLICT,
        ResultCode.EVENT_IN_FUTURE,
        ResultCode.EVENT_TOO_OLD,
        ResultCode.NOT_CUSTODIAN,
        ResultCode.NOT_EVENT_CAPTURER,
        ResultCode.UNKNOWN_EVENT,
    }
)
"""Violations after which the event is recorded and marked on the thing and has no say of it."""

BLOCKING: Final = (
    SILENT
    | frozenset(ENDED.values())
    | {ResultCode.UNDO_BY_ANOTHER, ResultCode.UNDO_ELSEWHERE, ResultCode.UNDO_TOO_LATE}
)
"""Those after which it changes nothing else of the thing; a say that it has may count by what is known later."""


def has_effects(said: Said) -> bool:
    """Say whether an event may change a thing further, after what became of its say."""
    return said.has_say and said.objection not in BLOCKING


@dataclass(slots=True)
class Thing:
    """A working copy; ``is_recorded`` once the event belongs to its history, ``is_changed`` once it must be written."""

    kind: str
    identifier: str
    head: Head
    is_new: bool
    is_recorded: bool = False
    is_changed: bool = False

    @property
    def key(self) -> bytes:
        """The key of its head."""
        return heads.item(self.identifier) if self.kind == ITEM else heads.lot(self.identifier)

    def integer(self, name: str, default: int = 0) -> int:
        """Return an integer field or the default."""
        return cast(int, self.head.get(name, default))

    def text(self, name: str) -> str | None:
        """Return a text field or None."""
        return cast("str | None", self.head.get(name))


@dataclass(slots=True)
class Things:
    """What one event touches, in the order in which it is first touched, which is the order of writing."""

    context: Context
    event: Event
    by_key: dict[tuple[str, str], Thing] = field(default_factory=dict)
    violations: list[tuple[str, ResultCode]] = field(default_factory=list)
    noted: set[tuple[str, str, ResultCode]] = field(default_factory=set)
    event_key: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Name the event for the rows of all its things."""
        self.event_key = life.key_of(self.event)

    def find(self, identifier: str, kind: str = ITEM) -> Thing:
        """Return the working copy of a thing, new where the ledger has none, without adding to its history."""
        thing = self.by_key.get((kind, identifier))
        if thing is None:
            key = heads.item(identifier) if kind == ITEM else heads.lot(identifier)
            head = self.context.get(key)
            thing = Thing(kind, identifier, head if head is not None else self._new_head(identifier), head is None)
            self.by_key[kind, identifier] = thing
        return thing

    def touch(self, identifier: str, kind: str = ITEM) -> Thing:
        """Return the working copy of a thing that the event is about."""
        thing = self.find(identifier, kind)
        thing.is_recorded = True
        return thing

    def violation(self, thing: Thing, code: ResultCode) -> bool:
        """Note a violation once, or reject where the event asks for it; return whether it blocks further effects."""
        self._refuse(thing.identifier, code)
        if (thing.kind, thing.identifier, code) not in self.noted:
            self.noted.add((thing.kind, thing.identifier, code))
            self.violations.append((thing.identifier, code))
            mark: Value = [code.name.lower(), thing.integer("count") + 1]
            thing.head["marks"] = [*cast("list[Value]", thing.head.get("marks", []))[1 - MARKS_MAX :], mark]
            thing.head["marks_count"] = thing.integer("marks_count") + 1
            thing.is_recorded = True
        return code in BLOCKING

    def event_violation(self, code: ResultCode) -> None:
        """Note a violation of the event itself, or reject where the event asks for it."""
        name = self.event.event_id or "sha-256:" + self.event.content_hash.hex()
        self._refuse(name, code)
        self.violations.append((name, code))

    def may_change(self, thing: Thing, *, forms: bool = False, held_through: bool = False) -> bool:
        """Note what speaks against this event of a thing; return whether it may still have effects.

        ``forms`` is for events that may bring a thing into being, so that it need not have been commissioned (and a lot
        may have been made at other times too). ``held_through`` is for a thing in a container that the sender holds.
        """
        event, head = self.event, thing.head
        allowed = True
        if event.time_ms > self.context.block.time_ms + self.context.parameters.clock_drift_ms_max:
            allowed = not self.violation(thing, ResultCode.EVENT_IN_FUTURE)
        if head["status"] == OBSERVED and not forms:
            self.violation(thing, ResultCode.NOT_COMMISSIONED)
        is_growing_lot = forms and thing.kind == LOT
        if event.time_ms < thing.integer("commissioned_ms", event.time_ms) and not is_growing_lot:
            self.violation(thing, ResultCode.EVENT_BEFORE_COMMISSIONING)
        if not held_through and not self.is_held(thing):
            self.violation(thing, ResultCode.NOT_CUSTODIAN)
            allowed = False
        return allowed

    def is_held(self, thing: Thing) -> bool:
        """Say whether the sender's organisation is custodian or owner, or nobody is yet."""
        custodian = thing.head.get("custodian")
        return custodian is None or self.context.member in (custodian, thing.head.get("owner"))

    def take(self, thing: Thing) -> None:
        """Give a thing that nobody holds to the sender's organisation."""
        if thing.kind == LOT and thing.head["status"] == OBSERVED:
            thing.head["status"] = ACTIVE
        thing.head.setdefault("custodian", self.context.member)
        thing.head.setdefault("owner", thing.head["custodian"])

    def move(self, thing: Thing, step: str | None = None, packing: str | None = None) -> Said:
        """Let the event have its say of a thing; `has_effects` tells of the answer whether it may have any.

        What the thing's state speaks against is a violation, and has its say all the same: what is known later may
        speak for it.
        """
        is_item = thing.kind == ITEM
        number = thing.integer("count") + 1
        member = self.context.member
        move = life.move_of(self.event, self.event_key, member, number, step, is_item=is_item, packing=packing)
        said = life.insert(thing.head, move, is_item=is_item)
        if said.objection is not None:
            self.violation(thing, said.objection)
        if not said.has_say:
            self.violation(thing, ResultCode.EVENT_TOO_OLD)
        return said

    def write(self) -> None:
        """Write every touched thing with the event in its history, and every other changed one."""
        for thing in self.by_key.values():
            if thing.is_recorded:
                thing.head["first_event_ms"] = min(thing.integer("first_event_ms"), self.event.time_ms)
                self.context.record(thing.key, thing.head)
            elif thing.is_changed:
                self.context.put(thing.key, thing.head)

    def output(self) -> Value:
        """Return what the receipt says: nil, or the violations, the first hundred of them with a count of all."""
        if not self.violations:
            return None
        reported: list[Value] = [[name, code.name.lower()] for name, code in self.violations[:REPORTED_MAX]]
        return {"violations": reported, "violations_count": len(self.violations)}

    def _refuse(self, name: str, code: ResultCode) -> None:
        if self.event.refuses_violations:
            raise Rejected(code, f"{name}: {code.meaning}")

    def _new_head(self, identifier: str) -> Head:
        head: Head = {"status": OBSERVED, "first_event_ms": self.event.time_ms}
        product, lot = product_of(identifier), lot_of(identifier)
        if product is not None:
            head["product"] = product
        if lot is not None:
            head["lot"] = lot
        return head
