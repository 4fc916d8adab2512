"""Capture: what each type of EPCIS event does to the things that it names (ISO/IEC 19987:2024 section 7.4).

ObjectEvent          ADD commissions, DELETE decommissions, OBSERVE says where and in what state a thing is
AggregationEvent     ADD packs, DELETE unpacks what is listed or everything, OBSERVE compares
AssociationEvent     the same for what is installed rather than packed
TransformationEvent  inputs are consumed, outputs commissioned
TransactionEvent     observed; the business transactions stay in the record
any URI              recorded against the things that it names
declaration          recorded, counted on the things and noted on the event, whose effects are undone (undoing.py)

Every thing that is named, and every parent that gains or loses contents, gets the operation in its history.
"""

from collections.abc import Callable
from typing import Final

from contracts import heads
from contracts.context import Context
from contracts.provenance import events, life, links
from contracts.provenance.events import ADD, DELETE, OBSERVE, Event, Quantity, read_event
from contracts.provenance.life import OBSERVED
from contracts.provenance.things import ITEM, LOT, Thing, Things, has_effects
from contracts.provenance.undoing import undo
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head


def capture(context: Context, arguments: dict[str, Value]) -> Value:
    """Capture one event; the output is nil or {"violations": [[identifier, rule], ...], "violations_count": n}."""
    event = read_event(arguments)
    things = Things(context, event)
    if event.declaration is not None:
        _declare(things)
    else:
        repetition = _remember(context, heads.event(*event.key), event.content_hash)
        if repetition is None:
            _EFFECTS.get(event.type, _note)(things)
        else:
            _repeat(things, repetition)
    things.write()
    return things.output()


def _remember(context: Context, key: bytes, content_hash: bytes) -> ResultCode | None:
    """Keep who captured what under a name, once.

    A name that another transaction took is rejected, so that nobody captures a document twice by trying again. One
    that this transaction took itself is returned as a violation: a document that repeats itself is kept as it is, and
    the repetition changes nothing.
    """
    known = context.get(key)
    if known is not None:
        is_same = known["content_hash"] == content_hash
        code = ResultCode.EVENT_ALREADY_CAPTURED if is_same else ResultCode.EVENT_ID_CONFLICT
        if known["transaction"] == context.transaction_id:
            return code
        what = "this" if is_same else "another event"
        raise Rejected(code, f"{known['organisation']!r} captured {what} under this id")
    head: Head = {
        "organisation": context.member,
        "content_hash": content_hash,
        "transaction": context.transaction_id,
        "operation": context.operation_index,
    }
    context.put(key, head)
    return None


def _declare(things: Things) -> None:
    """Record that an event was in error, if whoever captured it says so."""
    context, event = things.context, things.event
    original = context.get(heads.event(*event.key))
    problem = None
    if original is None:
        problem = ResultCode.UNKNOWN_EVENT
    elif original["organisation"] != context.member:
        problem = ResultCode.NOT_EVENT_CAPTURER
    elif original["content_hash"] != event.content_hash:
        problem = ResultCode.DECLARATION_DIFFERS
    if problem is not None:
        things.event_violation(problem)
    elif original is not None:
        problem = _remember(context, heads.declaration(*event.key), event.declared_hash)
        if problem is not None:
            things.event_violation(problem)
        original["declared_by"] = context.transaction_id
        context.put(heads.event(*event.key), original)
    for kind, identifier in named(event):
        thing = things.touch(identifier, kind)
        if problem is None:
            thing.head["declarations"] = thing.integer("declarations") + 1
            undo(things, thing)


def _repeat(things: Things, code: ResultCode) -> None:
    """Record a repetition within one document against everything that it names; it changes nothing else."""
    things.event_violation(code)
    for kind, identifier in named(things.event):
        things.violation(things.touch(identifier, kind), code)


def _note(things: Things) -> None:
    """Record an event of a type that no rule knows."""
    for kind, identifier in named(things.event):
        things.touch(identifier, kind)


def _object(things: Things) -> None:
    event = things.event
    for identifier in event.epcs:
        thing = things.touch(identifier)
        if event.action == ADD:
            _commission(things, thing)
        elif event.action == DELETE:
            _retire(things, thing, life.step_of(event))
        else:
            _observe(things, thing, life.step_of(event))
    for quantity in event.quantities:
        if event.action == ADD:
            _produce(things, quantity)
        elif event.action == DELETE:
            _withdraw(things, quantity)
        else:
            _observe_lot(things, quantity)


def _aggregation(things: Things) -> None:
    event = things.event
    parent = _parent(things)
    if parent is None or event.action == OBSERVE:
        _observe_contents(things, parent)
    elif event.action == ADD:
        parent_allowed = things.may_change(parent, forms=True)
        if parent_allowed:
            things.take(parent)
            parent_allowed = _move(things, parent, life.TAKE)
        packing = life.packing_of(ADD, parent.identifier) if parent_allowed else None
        for identifier in event.children:
            _observe(things, things.touch(identifier), packing=packing)
        for quantity in event.child_quantities:
            _observe_lot(things, quantity)
            if parent_allowed:
                links.pack_lot(things, parent, quantity)
    else:
        _unpack(things, parent)


def _unpack(things: Things, parent: Thing) -> None:
    """Unpack the listed children, or all of them where none is listed.

    Whoever holds the parent may take anything out of it, and whoever holds a thing may take that out of anything.
    """
    event = things.event
    parent_allowed = _observe(things, parent)
    is_held = things.is_held(parent)
    is_everything = not event.children and not event.child_quantities
    is_scanned = is_everything and parent.integer("contents") > 0
    everything = links.linked(things.context, "content", parent.identifier) if is_scanned else ()
    for identifier in everything or event.children:
        child = things.touch(identifier)
        if things.may_change(child, held_through=is_held):
            # "Everything" is what was in it at that time, of which some may have come back or elsewhere since.
            is_meant = identifier in event.children or life.parent_at(child.head, event.time_ms) == parent.identifier
            _move(things, child, packing=life.packing_of(DELETE, parent.identifier) if is_meant else None)
    for quantity in event.child_quantities:
        _observe_lot(things, quantity)
        if parent_allowed:
            links.unpack_lot(things, parent, quantity)
    if is_everything and parent_allowed and parent.integer("contents") > 0:
        links.empty_lots(things, parent)


def _association(things: Things) -> None:
    event = things.event
    parent = _parent(things)
    if parent is None or event.action == OBSERVE:
        _observe_all(things)
        return
    is_removing = event.action == DELETE
    # What things are installed in may be a place, which nobody commissions.
    parent_allowed = things.may_change(parent, forms=True)
    if parent_allowed:
        parent_allowed = _move(things, parent)
    children = event.children
    if is_removing and not children and not event.child_quantities and parent.integer("associates") > 0:
        children = tuple(links.linked(things.context, "association", parent.identifier))
    for identifier in children:
        child = things.touch(identifier)
        if _observe(things, child) and parent_allowed:
            (links.dissociate if is_removing else links.associate)(things, parent, child)
    for quantity in event.child_quantities:
        _observe_lot(things, quantity)


def _transformation(things: Things) -> None:
    event = things.event
    reworked = set(event.inputs) & set(event.outputs)
    for identifier in event.inputs:
        thing = things.touch(identifier)
        if identifier in reworked:
            _observe(things, thing)
        else:
            _retire(things, thing, life.CONSUME)
    for quantity in event.input_quantities:
        _withdraw(things, quantity)
    for identifier in event.outputs:
        if identifier not in reworked:
            _commission(things, things.touch(identifier))
    for quantity in event.output_quantities:
        _produce(things, quantity)


def _observe_all(things: Things) -> None:
    """Say of every thing named where and in what state it is."""
    event = things.event
    singly = (*event.epcs, *((event.parent,) if event.parent is not None else ()), *event.children)
    for identifier in singly:
        _observe(things, things.touch(identifier), life.step_of(event))
    for quantity in (*event.quantities, *event.child_quantities):
        _observe_lot(things, quantity)


def _observe_contents(things: Things, parent: Thing | None) -> None:
    """Compare what was seen in a parent with what was packed in it."""
    _observe_all(things)
    for identifier in things.event.children if parent is not None else ():
        child = things.find(identifier)
        if parent is not None and not life.is_folded(child.head, things.event.time_ms):
            current = life.parent_at(child.head, things.event.time_ms)
            if current is None:
                things.violation(child, ResultCode.NOT_PACKED)
            elif current != parent.identifier:
                things.violation(child, ResultCode.WRONG_PARENT)


def _parent(things: Things) -> Thing | None:
    """Return the parent that an event names; that an adding or deleting one names none is a violation."""
    if things.event.parent is not None:
        return things.touch(things.event.parent)
    if things.event.action != OBSERVE:
        things.event_violation(ResultCode.PARENT_MISSING)
    return None


def _observe(things: Things, thing: Thing, step: str | None = None, packing: str | None = None) -> bool:
    """Apply place, state and packing; return whether the event may have further effects on the thing."""
    return things.may_change(thing) and _move(things, thing, step, packing)


def _move(things: Things, thing: Thing, step: str | None = None, packing: str | None = None) -> bool:
    """Let the event have its say of a thing, and put an item where its events say that it is."""
    said = things.move(thing, step, packing)
    if thing.kind == ITEM:
        links.place(things, thing, said, packing)
    return has_effects(said)


def _observe_lot(things: Things, quantity: Quantity) -> None:
    """Apply the state of a lot. Others than its holder may have some of it, so that they break no rule by seeing it."""
    lot = things.touch(quantity.class_id, LOT)
    if things.is_held(lot):
        _observe(things, lot)


def _commission(things: Things, thing: Thing) -> None:
    """Bring an item into being, in the hands of the organisation that says so."""
    if "commissioned_ms" in thing.head:
        things.violation(thing, ResultCode.ALREADY_COMMISSIONED)
        return
    if not things.may_change(thing, forms=True):
        return
    if thing.integer("first_event_ms") < things.event.time_ms:
        things.violation(thing, ResultCode.EVENT_BEFORE_COMMISSIONING)
    things.take(thing)
    _move(things, thing, life.COMMISSION)


def _produce(things: Things, quantity: Quantity) -> None:
    """Add to a lot, which comes into being with its first amount."""
    lot = things.touch(quantity.class_id, LOT)
    if not things.may_change(lot, forms=True):
        return
    lot.head["commissioned_ms"] = min(lot.integer("commissioned_ms", things.event.time_ms), things.event.time_ms)
    things.take(lot)
    _count(things, lot, quantity, 1)


def _withdraw(things: Things, quantity: Quantity) -> None:
    """Take from a lot; of one that never came into being nothing can be counted down."""
    lot = things.touch(quantity.class_id, LOT)
    if things.may_change(lot):
        _count(things, lot, quantity, -1 if lot.head["status"] != OBSERVED else 0)


def _count(things: Things, lot: Thing, quantity: Quantity, sign: int) -> None:
    """Let the event have its say of a lot, with whether an amount was counted, so that it can be undone."""
    is_counted = sign != 0 and links.add_to_lot(things, lot, quantity, sign)
    _move(things, lot, life.COUNT if is_counted else None)


def _retire(things: Things, thing: Thing, step: str | None) -> None:
    """End an item's life or its time in trade, which also takes it out of whatever it is packed in."""
    if things.may_change(thing):
        _move(things, thing, step)


def named(event: Event) -> list[tuple[str, str]]:
    """Return every thing that an event names as (kind, identifier), each once, in a fixed order."""
    singly = (*event.epcs, *((event.parent,) if event.parent is not None else ()), *event.children)
    by_class = (*event.quantities, *event.child_quantities, *event.input_quantities, *event.output_quantities)
    named = [(ITEM, identifier) for identifier in (*singly, *event.inputs, *event.outputs)]
    named += [(LOT, quantity.class_id) for quantity in by_class]
    return list(dict.fromkeys(named))


_EFFECTS: Final[dict[str, Callable[[Things], None]]] = {
    events.OBJECT: _object,
    events.AGGREGATION: _aggregation,
    events.ASSOCIATION: _association,
    events.TRANSFORMATION: _transformation,
    events.TRANSACTION: _observe_all,
}
