"""What an error declaration undoes: the say that its event had of a thing's state, its counting and its packing.

The event stays in every history, struck through. Who holds a thing is never changed by it. What something newer has
superseded needs no undoing; what cannot be told apart any more stays as it is, and a mark on the thing says so.
"""

from typing import cast

from contracts import heads
from contracts.provenance import life, links
from contracts.provenance.events import ADD, AGGREGATION, ASSOCIATION, DELETE
from contracts.provenance.life import Move
from contracts.provenance.things import ITEM, LOT, Thing, Things
from contracts.results import ResultCode


def undo(things: Things, thing: Thing) -> None:
    """Undo what the event that is declared in error did to one of its things."""
    event = things.event
    removed = life.remove(thing.head, things.event_key, things.context.member, is_item=thing.kind == ITEM)
    if removed is None:
        if life.is_folded(thing.head, event.time_ms):
            things.violation(thing, ResultCode.EFFECT_NOT_UNDONE)
        return
    was, left = removed
    if thing.kind == LOT:
        _undo_counting(things, thing, was)
        return
    if links.relocate(things, thing, left) is not None:
        things.violation(thing, ResultCode.EFFECT_NOT_UNDONE)
    if event.type == AGGREGATION and thing.identifier == event.parent:
        # Amounts in a container have no rows, and an event that names no children has not said whose rows are its.
        is_emptying = event.action == DELETE and not event.children
        if event.action in (ADD, DELETE) and (event.child_quantities or is_emptying):
            things.violation(thing, ResultCode.EFFECT_NOT_UNDONE)
    elif event.type == ASSOCIATION:
        _undo_association(things, thing)


def _undo_counting(things: Things, lot: Thing, was: Move) -> None:
    event = things.event
    if was.step != life.COUNT:
        return
    gained = (*event.output_quantities, *(event.quantities if event.action == ADD else ()))
    lost = (*event.input_quantities, *(event.quantities if event.action == DELETE else ()))
    for quantities, sign in ((gained, -1), (lost, 1)):
        for quantity in quantities:
            is_other = quantity.class_id != lot.identifier or quantity.amount is None
            if not is_other and not links.add_to_lot(things, lot, quantity, sign):
                things.violation(lot, ResultCode.EFFECT_NOT_UNDONE)


def _undo_association(things: Things, thing: Thing) -> None:
    event = things.event
    if event.parent is None or event.action not in (ADD, DELETE):
        return
    if thing.identifier == event.parent:
        if event.action == DELETE and not event.children:
            things.violation(thing, ResultCode.EFFECT_NOT_UNDONE)
        return
    parent = things.touch(event.parent)
    link = things.context.get(heads.association(event.parent, thing.identifier))
    if event.action == ADD and link is not None and cast(int, link["since_ms"]) == event.time_ms:
        links.dissociate(things, parent, thing)
    elif event.action == DELETE and link is None:
        links.associate(things, parent, thing)
