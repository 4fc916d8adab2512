"""The life of a thing: what events said of it, in the order in which they happened, folded into its state.

Events arrive late and out of order, and some are declared to be in error afterwards. So a head keeps a row for each of
the newest events that had a say (``moves``), sorted by the event's time and then by its place in the history, and what
came before them folded into one state (``base``). Status, disposition, place, persistent dispositions and what it is
packed in are folded anew whenever a row comes or goes: they are the same in whichever order events arrive, as long as
no event is older than ``base``, and such a one is refused a say.

The automaton is the two tables below. A row that its state does not allow changes nothing, until a row before it comes
or goes that makes it allowed. What stands in ``UNDO`` can be taken back by whoever did it, in time and where it was
done (the pattern is the European medicines verification system's: ten days, same user, same place).

Heads: ``moves`` rows [time_ms, number of the record, key, organisation, step, disposition, location, set, unset,
packing] without the nils at their ends, packing being "+" or "-" and a container; ``base`` the fields of ``State`` that
are set, and ``until_ms``.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

from contracts.provenance.events import ADD, DELETE, OBJECT, TRANSACTION, Event
from contracts.results import ResultCode
from ledger.codec import Value
from ledger.hashing import tagged_hash
from ledger.state import Head

MOVES_MAX: Final = 16
PERSISTENT_MAX: Final = 20
_KEY_BYTES: Final = 8  # a firm that finds two events of one key harms its own alone
_TOLD_OF_LOTS: Final = ("disposition", "persistent", "last_event_ms")
# What a lot is, and since when, follows from its amounts.
_TOLD_OF_ITEMS: Final = (*_TOLD_OF_LOTS, "status", "location", "commissioned_ms", "ended_ms")

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
    packing: str | None = None


class State(NamedTuple):
    """What a thing's moves come to; ``turned_*`` tell of the event that led to the status.

    ``parent`` is what it is packed in, ``parent_ms`` since when it is in there.
    """

    status: str = OBSERVED
    disposition: str | None = None
    location: str | None = None
    persistent: Sequence[str] = ()
    commissioned_ms: int | None = None
    last_event_ms: int | None = None
    turned_ms: int | None = None
    turned_by: str | None = None
    turned_at: str | None = None
    parent: str | None = None
    parent_ms: int | None = None

    @property
    def ended_ms(self) -> int | None:
        """When the thing ended, None while it has not."""
        return self.turned_ms if self.status in ENDED else None


class Said(NamedTuple):
    """What became of a move: the state that it found, what that has against it, whether it counts, what it led to."""

    before: State
    objection: ResultCode | None
    has_say: bool
    after: State


def packing_of(action: str, parent: str) -> str:
    """Return how a move says that a thing went into a container, or came out of it."""
    return ("+" if action == ADD else "-") + parent


def key_of(event: Event) -> bytes:
    """Return what names an event in the rows of its things."""
    return tagged_hash("move", "\0".join(event.key).encode())[:_KEY_BYTES]


def step_of(event: Event) -> str | None:
    """Return what an object or transaction event does to the things that it lists, None where it observes them.

    What aggregations and transformations do depends on where in the event a thing stands.
    """
    by_business_step = STEPS.get(event.step or "")
    if event.type == OBJECT:
        if event.action == ADD:
            return COMMISSION
        return by_business_step or (DECOMMISSION if event.action == DELETE else None)
    return by_business_step if event.type == TRANSACTION and event.action != DELETE else None


def move_of(
    event: Event,
    key: bytes,
    organisation: str,
    number: int,
    step: str | None,
    *,
    is_item: bool,
    packing: str | None = None,
) -> Move:
    """Return what an event, named by its key, says of a thing; a lot is in many places at once and has none."""
    return Move(
        event.time_ms,
        number,
        key,
        organisation,
        step,
        event.disposition,
        event.location if is_item else None,
        event.persistent_set or None,
        event.persistent_unset or None,
        packing,
    )


def objection(state: State, move: Move) -> ResultCode | None:
    """Return why a move is against the state in which it finds a thing, or None."""
    if _asks_to_undo(state, move):
        return _undo_refusal(state, move)
    if _leads(state, move):
        return None
    if move.step in (SELL, DISPENSE) and state.status in (SOLD, DISPENSED):
        return ResultCode.ALREADY_SOLD
    return ENDED.get(state.status)


def apply(state: State, move: Move) -> State:
    """Return the state after a move."""
    undoes = _asks_to_undo(state, move) and _undo_refusal(state, move) is None
    leads = _leads(state, move)
    if state.status in ENDED and not undoes and not leads:
        return state
    status = ACTIVE if undoes else TRANSITIONS[cast(str, move.step)][1] if leads else state.status
    is_turned = status != state.status
    is_made = move.step == COMMISSION and leads and state.commissioned_ms is None
    return State(
        status,
        move.disposition or state.disposition,
        move.location or state.location,
        _persistent(state, move),
        move.time_ms if is_made else state.commissioned_ms,
        move.time_ms,
        move.time_ms if is_turned else state.turned_ms,
        move.organisation if is_turned else state.turned_by,
        move.location if is_turned else state.turned_at,
        *((None, None) if status in ENDED else _packed(state, move)),
    )


def unpacking_objection(state: State, parent: str) -> ResultCode | None:
    """Return why a thing in this state cannot come out of a container, or None."""
    if state.parent is None:
        return ResultCode.NOT_PACKED
    return None if state.parent == parent else ResultCode.WRONG_PARENT


def insert(head: Head, move: Move, *, is_item: bool) -> Said:
    """Give a move its say at its time.

    It has none, and nothing changes, where it is older than what is kept apart. An event has one say of a thing, so
    that a second move of the same record adds no more than its step and its packing.
    """
    rows = cast("list[list[Value]]", head.setdefault("moves", []))
    own = next((row for row in rows if row[1] == move.number), None)
    if own is not None:
        known = _move(own)
        own[:] = _row(known._replace(step=move.step or known.step, packing=move.packing or known.packing))
    elif is_folded(head, move.time_ms):
        base = _base(head)
        against = objection(base, move) if is_item else None
        return Said(base, against, has_say=False, after=_settle(head, rows, is_item=is_item)[1])
    else:
        insort(rows, _row(move))
    before, after = _settle(head, rows, is_item=is_item, asked=move)
    return Said(before, objection(before, move) if is_item else None, has_say=True, after=after)


def strike_packing(head: Head, number: int) -> None:
    """Take back what the move of a record says of packing: the container could not take the thing."""
    rows = cast("list[list[Value]]", head["moves"])
    for row in rows:
        if row[1] == number:
            row[:] = _row(_move(row)._replace(packing=None))
    _settle(head, rows, is_item=True)


def parent_at(head: Head, time_ms: int) -> str | None:
    """Return what an item was packed in at a time, by all that is known."""
    state = _base(head)
    for row in cast("list[list[Value]]", head.get("moves", [])):
        if cast(int, row[0]) <= time_ms:
            state = apply(state, _move(row))
    return state.parent


def unpacked_ms(head: Head) -> int:
    """Return when an item in no container was last said to come out of one or to end, 0 where that is not known."""
    told = [cast(int, row[0]) for row in cast("list[list[Value]]", head.get("moves", [])) if _move(row).packing]
    return max([*told, cast(int, head.get("ended_ms", 0))])


def remove(head: Head, key: bytes, organisation: str, *, is_item: bool) -> tuple[Move, State] | None:
    """Take back the say of an organisation's event; return it with the state without it, or None where it has none."""
    rows = cast("list[list[Value]]", head.get("moves", []))
    for row in rows:
        move = _move(row)
        if move.key == key and move.organisation == organisation:
            rows.remove(row)
            return move, _settle(head, rows, is_item=is_item)[1]
    return None


def is_folded(head: Head, time_ms: int) -> bool:
    """Say whether what happened at a time is no longer kept apart."""
    base = cast("Head | None", head.get("base"))
    return base is not None and time_ms < cast(int, base["until_ms"])


def _asks_to_undo(state: State, move: Move) -> bool:
    return state.status in UNDO and move.disposition in UNDO_DISPOSITIONS and move.step is None


def _undo_refusal(state: State, move: Move) -> ResultCode | None:
    """Return why a move that asks for it may not take back what happened, or None."""
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


def _packed(state: State, move: Move) -> tuple[str | None, int | None]:
    """Return what a thing is in after a move, and since when: put where it is already, it stays there since then."""
    if move.packing is not None:
        parent = move.packing[1:]
        if move.packing[0] == "+" and state.parent != parent:
            return parent, move.time_ms
        if move.packing[0] == "-" and state.parent == parent:
            return None, None
    return state.parent, state.parent_ms


def _persistent(state: State, move: Move) -> Sequence[str]:
    if not move.persistent_set and not move.persistent_unset:
        return state.persistent
    kept = set(state.persistent) - set(move.persistent_unset or ())
    return tuple(sorted(kept | set(move.persistent_set or ())))[:PERSISTENT_MAX]


def _settle(head: Head, rows: list[list[Value]], *, is_item: bool, asked: Move | None = None) -> tuple[State, State]:
    """Keep the newest rows, fold the others, and say in the head what it all comes to.

    Returned are the state in which the move that is asked about finds the thing, and the last one.
    """
    state = found = _base(head)
    surplus = len(rows) - MOVES_MAX
    for place, row in enumerate(rows, start=1):
        move = _move(row)
        if asked is not None and move.number == asked.number:
            found = state
        state = apply(state, move)
        if place == surplus:
            # In the order of keys, so that the head is not put into order with all its rows.
            head["base"] = dict(sorted({**_fields(state), "until_ms": move.time_ms}.items()))
    if surplus > 0:
        del rows[:surplus]
    known: Head = {**_fields(state), "ended_ms": state.ended_ms}
    for name in _TOLD_OF_ITEMS if is_item else _TOLD_OF_LOTS:
        value = known.get(name)
        if value is not None:
            head[name] = value
        else:
            head.pop(name, None)
    return found, state


def _base(head: Head) -> State:
    known = dict(cast(Head, head.get("base", {})))
    known.pop("until_ms", None)
    return State(**known)  # type: ignore[arg-type]


def _fields(state: State) -> Head:
    """Return the fields that are set."""
    persistent = list(state.persistent) or None
    return {name: value for name, value in {**state._asdict(), "persistent": persistent}.items() if value is not None}


def _move(row: list[Value]) -> Move:
    return Move(*row)  # type: ignore[arg-type]


def _row(move: Move) -> list[Value]:
    row = [list(part) if isinstance(part, tuple | list) else part for part in move]
    while row[-1] is None:
        row.pop()
    return cast("list[Value]", row)
