"""The life of a thing: what events said of it, in the order in which they happened, folded into its state.

Events arrive late and out of order, and some are declared to be in error afterwards. So a head keeps a row for each of
the newest events that had a say (``moves``), sorted by the event's time and then by its place in the history, and what
came before them folded into one state (``base``). Status, disposition, place and persistent dispositions are folded
anew whenever a row comes or goes: they are the same in whichever order events arrive, as long as no event is older than
``base``, and such a one is refused a say.

The automaton is the two tables below. A row that its state does not allow changes nothing, until a row before it comes
or goes that makes it allowed. What stands in ``UNDO`` can be taken back by whoever did it, in time and where it was
done (the pattern is the European medicines verification system's: ten days, same user, same place).

Heads: ``moves`` rows [time_ms, number of the record, key, organisation, step, disposition, location, set, unset]
without the nils at their ends; ``base`` the fields of ``State`` that are set, and ``until_ms``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, cast

from contracts.provenance.events import Event
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.hashing import tagged_hash
from ledger.state import Head

MOVES_MAX: Final = 16
PERSISTENT_MAX: Final = 20
_KEY_BYTES: Final = 8  # a firm that finds two events of one key harms its own alone

OBSERVED: Final = "observed"
ACTIVE: Final = "active"
SOLD: Final = "sold"
DISPENSED: Final = "dispensed"
DECOMMISSIONED: Final = "decommissioned"
DESTROYED: Final = "destroyed"
CONSUMED: Final = "consumed"

ENDED: Final[Mapping[str, ResultCode]] = {
    DECOMMISSIONED: ResultCode.DECOMMISSIONED,
    DESTROYED: ResultCode.DESTROYED,
    CONSUMED: ResultCode.CONSUMED,
}
"""The states in which a thing is no more, and the violation of an event that says otherwise."""

# What an event does to a thing, besides saying where it is and in what state.
TAKE: Final = "take"
COMMISSION: Final = "commission"
SELL: Final = "sell"
DISPENSE: Final = "dispense"
DECOMMISSION: Final = "decommission"
DESTROY: Final = "destroy"
CONSUME: Final = "consume"
COUNT: Final = "count"

TRANSITIONS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    TAKE: (frozenset({OBSERVED}), ACTIVE),
    COMMISSION: (frozenset({OBSERVED, ACTIVE}), ACTIVE),
    SELL: (frozenset({OBSERVED, ACTIVE}), SOLD),
    DISPENSE: (frozenset({OBSERVED, ACTIVE, SOLD}), DISPENSED),
    DECOMMISSION: (frozenset({OBSERVED, ACTIVE, SOLD, DISPENSED}), DECOMMISSIONED),
    DESTROY: (frozenset({OBSERVED, ACTIVE, SOLD, DISPENSED, DECOMMISSIONED}), DESTROYED),
    CONSUME: (frozenset({OBSERVED, ACTIVE}), CONSUMED),
}
"""What leads from which states to which."""

STEPS: Final[Mapping[str, str]] = {"retail_selling": SELL, "dispensing": DISPENSE, "destroying": DESTROY}
"""What a business step of the CBV does to the things of an event that observes or deletes them."""

UNDO_WINDOW_MS: Final = 10 * 86_400_000
UNDO: Final[Mapping[str, int]] = dict.fromkeys((SOLD, DISPENSED, DECOMMISSIONED), UNDO_WINDOW_MS)
"""The states that can be taken back, and for how long after the event that led there."""

UNDO_DISPOSITIONS: Final = frozenset({"active", "returned", "sellable_accessible", "sellable_not_accessible"})
"""The dispositions of the CBV by which an event takes back: that the thing is there again."""


class Move(NamedTuple):
    """What one event said of a thing; ``key`` names the event, ``step`` is one of the words above."""

    time_ms: int
    number: int
    key: bytes
    organisation: str
    step: str | None = None
    disposition: str | None = None
    location: str | None = None
    persistent_set: Sequence[str] | None = None
    persistent_unset: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What a thing's moves come to; ``turned_*`` tell of the event that led to the status."""

    status: str = OBSERVED
    disposition: str | None = None
    location: str | None = None
    persistent: tuple[str, ...] = ()
    commissioned_ms: int | None = None
    last_event_ms: int | None = None
    turned_ms: int | None = None
    turned_by: str | None = None
    turned_at: str | None = None

    @property
    def ended_ms(self) -> int | None:
        """When the thing ended, None while it has not."""
        return self.turned_ms if self.status in ENDED else None


def move_of(event: Event, organisation: str, number: int, step: str | None, *, is_item: bool) -> Move:
    """Return what an event says of a thing; a lot is in many places at once and has none."""
    return Move(
        event.time_ms,
        number,
        key_of(event),
        organisation,
        step,
        event.disposition,
        event.location if is_item else None,
        event.persistent_set or None,
        event.persistent_unset or None,
    )


def key_of(event: Event) -> bytes:
    """Return what names an event in the rows of its things."""
    return tagged_hash("move", "\0".join(event.key).encode())[:_KEY_BYTES]


def objection(state: State, move: Move) -> ResultCode | None:
    """Return why a move is against the state in which it finds a thing, or None."""
    taken_back = _undo_refusal(state, move)
    if taken_back is None:
        return None
    if move.step in (SELL, DISPENSE) and state.status in (SOLD, DISPENSED) and not _leads(state, move):
        return ResultCode.ALREADY_SOLD
    if state.status not in ENDED:
        return None if taken_back is ResultCode.OK else taken_back
    if _leads(state, move):
        return None
    return ENDED[state.status] if taken_back is ResultCode.OK else taken_back


def apply(state: State, move: Move) -> State:
    """Return the state after a move."""
    is_undone = _undo_refusal(state, move) is None
    leads = _leads(state, move)
    if state.status in ENDED and not is_undone and not leads:
        return state
    after = replace(
        state,
        disposition=move.disposition or state.disposition,
        location=move.location or state.location,
        persistent=_persistent(state, move),
        last_event_ms=move.time_ms,
    )
    if move.step == COMMISSION and leads and state.commissioned_ms is None:
        after = replace(after, commissioned_ms=move.time_ms)
    target = ACTIVE if is_undone else TRANSITIONS[cast(str, move.step)][1] if leads else state.status
    if target == state.status:
        return after
    return replace(after, status=target, turned_ms=move.time_ms, turned_by=move.organisation, turned_at=move.location)


def state_before(head: Head, move: Move) -> State:
    """Return the state in which a move finds a thing: by what is known to have happened before it."""
    state, rows = _read(head)
    for row in rows:
        if (row.time_ms, row.number) >= (move.time_ms, move.number):
            break
        state = apply(state, row)
    return state


def insert(head: Head, move: Move, *, is_item: bool) -> bool:
    """Give a move its say at its time; False, and nothing changes, where it is older than what is kept apart.

    An event has one say of a thing, so that a second move of the same record adds no more than its step.
    """
    base, rows = _read(head)
    for index, row in enumerate(rows):
        if row.number == move.number:
            rows[index] = row if move.step is None else row._replace(step=move.step)
            break
    else:
        if is_folded(head, move.time_ms):
            return False
        rows.append(move)
    _write(head, base, rows, is_item=is_item)
    return True


def remove(head: Head, key: bytes, organisation: str, *, is_item: bool) -> Move | None:
    """Take back the say of an organisation's event and return it, or None where it has none."""
    base, rows = _read(head)
    for row in rows:
        if row.key == key and row.organisation == organisation:
            rows.remove(row)
            _write(head, base, rows, is_item=is_item)
            return row
    return None


def is_folded(head: Head, time_ms: int) -> bool:
    """Say whether what happened at a time is no longer kept apart."""
    base = cast("Head | None", head.get("base"))
    return base is not None and time_ms < cast(int, base["until_ms"])


def _undo_refusal(state: State, move: Move) -> ResultCode | None:
    """Return None where a move takes back what happened, why it may not, or OK where it does not ask for it."""
    if state.status not in UNDO or move.disposition not in UNDO_DISPOSITIONS or move.step is not None:
        return ResultCode.OK
    assert state.turned_ms is not None, "a status has been turned to"
    if move.organisation != state.turned_by:
        return ResultCode.UNDO_BY_ANOTHER
    if move.time_ms - state.turned_ms > UNDO[state.status]:
        return ResultCode.UNDO_TOO_LATE
    if move.location is not None and state.turned_at is not None and move.location != state.turned_at:
        return ResultCode.UNDO_ELSEWHERE
    return None


def _leads(state: State, move: Move) -> bool:
    transition = None if move.step is None else TRANSITIONS.get(move.step)
    return transition is not None and state.status in transition[0]


def _persistent(state: State, move: Move) -> tuple[str, ...]:
    if not move.persistent_set and not move.persistent_unset:
        return state.persistent
    kept = set(state.persistent) - set(move.persistent_unset or ())
    return tuple(sorted(kept | set(move.persistent_set or ())))[:PERSISTENT_MAX]


def _read(head: Head) -> tuple[State, list[Move]]:
    known = {name: value for name, value in cast(Head, head.get("base", {})).items() if name != "until_ms"}
    if "persistent" in known:
        known["persistent"] = cast("list[Value]", tuple(cast("list[str]", known["persistent"])))
    rows = [Move(*cast("list[object]", row)) for row in cast("list[Value]", head.get("moves", []))]  # type: ignore[arg-type]
    return State(**known), rows  # type: ignore[arg-type]


def _write(head: Head, base: State, rows: list[Move], *, is_item: bool) -> None:
    """Keep the newest rows and fold the others, then say in the head what it all comes to."""
    rows.sort(key=lambda row: (row.time_ms, row.number))
    while len(rows) > MOVES_MAX:
        oldest = rows.pop(0)
        base = apply(base, oldest)
        head["base"] = {**_fields(base), "until_ms": oldest.time_ms}
    head["moves"] = [_row(row) for row in rows]
    state = base
    for row in rows:
        state = apply(state, row)
    told: dict[str, Value] = {
        "disposition": state.disposition,
        "persistent": list(state.persistent) or None,
        "last_event_ms": state.last_event_ms,
    }
    if is_item:
        # What a lot is, and since when, follows from its amounts.
        told |= {
            "status": state.status,
            "location": state.location,
            "commissioned_ms": state.commissioned_ms,
            "ended_ms": state.ended_ms,
        }
    for name, value in told.items():
        if value is not None:
            head[name] = value
        else:
            head.pop(name, None)


def _fields(state: State) -> Head:
    found: dict[str, Value] = {
        "status": state.status,
        "disposition": state.disposition,
        "location": state.location,
        "persistent": list(state.persistent) or None,
        "commissioned_ms": state.commissioned_ms,
        "last_event_ms": state.last_event_ms,
        "turned_ms": state.turned_ms,
        "turned_by": state.turned_by,
        "turned_at": state.turned_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def _row(move: Move) -> Value:
    row = [list(part) if isinstance(part, tuple | list) else part for part in move]
    while row[-1] is None:
        row.pop()
    return cast("list[Value]", row)
