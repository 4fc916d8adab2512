"""Links between things: packed contents, amounts of lots in a parent, and associations.

What is packed forms trees: a thing has one parent, no cycle can arise and no path is longer than DEPTH_MAX, because
each parent's ``height`` is at least one more than that of everything in it. The height is an upper bound that falls
back to 0 when the parent is empty, so that no link needs to visit a whole tree.
"""

from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.decimals import plain, scaled
from contracts.provenance import life
from contracts.provenance.events import Quantity
from contracts.provenance.life import Said, State
from contracts.provenance.things import Thing, Things, has_effects
from contracts.results import ResultCode
from ledger.codec import Value

DEPTH_MAX: Final = 16
CONTENTS_MAX: Final = 10_000
UNITS_MAX: Final = 16
SCAN_WORK: Final = 50


def place(things: Things, item: Thing, said: Said, packing: str | None = None) -> None:
    """Put an item where its events say that it is, and mark what a packing finds against it at its time."""
    if packing is not None and has_effects(said):
        is_packed = ResultCode.ALREADY_PACKED if said.before.parent is not None else None
        against = is_packed if packing[0] == "+" else life.unpacking_objection(said.before, packing[1:])
        if against is not None:
            things.violation(item, against)
    refusal = relocate(things, item, said.after)
    if refusal is not None:
        things.violation(*refusal)
        if packing is not None and (packing, things.event.time_ms) == (f"+{said.after.parent}", said.after.parent_ms):
            life.strike_packing(item.head, item.integer("count") + 1)


def relocate(things: Things, item: Thing, state: State) -> tuple[Thing, ResultCode] | None:
    """Take an item out of its container and put it into that of its state, as far as they differ.

    Returned is why that cannot be, and of which thing that is said; the item then stays where it is.
    """
    current, wanted = item.text("parent"), state.parent
    if wanted is None:
        if current is not None:
            _take_out(things, item, current)
        return None
    since_ms = cast(int, state.parent_ms)
    if wanted == current:
        _keep_in(things, item, current, since_ms)
        return None
    ancestors = _ancestors(things, things.find(wanted))
    refusal = _refusal(ancestors, item)
    if refusal is not None:
        return refusal
    if current is not None:
        _take_out(things, item, current)
    _put_in(things, item, ancestors, since_ms)
    return None


def _refusal(ancestors: list[Thing], item: Thing) -> tuple[Thing, ResultCode] | None:
    """Return why the first of some ancestors, which stand from the inside out, cannot take an item, or None."""
    if any(ancestor is item for ancestor in ancestors):
        return item, ResultCode.CYCLE
    if len(ancestors) + item.integer("height") > DEPTH_MAX:
        return item, ResultCode.TOO_DEEP
    parent = ancestors[0]
    return (parent, ResultCode.TOO_MANY_CONTENTS) if parent.integer("contents") >= CONTENTS_MAX else None


def _put_in(things: Things, item: Thing, ancestors: list[Thing], since_ms: int) -> None:
    parent = things.touch(ancestors[0].identifier)
    item.head["parent"] = parent.identifier
    item.is_changed = True
    parent.head["contents"] = parent.integer("contents") + 1
    for level, ancestor in enumerate(ancestors, start=1):
        height = item.integer("height") + level
        if ancestor.integer("height") < height:
            ancestor.head["height"] = height
            ancestor.is_changed = True
    things.context.put(heads.content(parent.identifier, item.identifier), {"since_ms": since_ms})


def _keep_in(things: Things, item: Thing, container: str, since_ms: int) -> None:
    """Say since when an item is in the container in which it is, where that is another time now."""
    key = heads.content(container, item.identifier)
    if things.context.get(key) != {"since_ms": since_ms}:
        things.context.put(key, {"since_ms": since_ms})


def _take_out(things: Things, item: Thing, container: str) -> None:
    """Take an item out of its container, whose history gets the event too."""
    _count_down(things.touch(container))
    things.context.delete(heads.content(container, item.identifier))
    del item.head["parent"]
    item.is_changed = True


def pack_lot(things: Things, parent: Thing, quantity: Quantity) -> None:
    """Put an amount of a class into a parent, on top of what is there."""
    key = heads.lot_content(parent.identifier, quantity.class_id)
    link = things.context.get(key)
    if link is None:
        if parent.integer("contents") >= CONTENTS_MAX:
            things.violation(parent, ResultCode.TOO_MANY_CONTENTS)
            return
        parent.head["contents"] = parent.integer("contents") + 1
        link = {"since_ms": things.event.time_ms, "quantities": {}}
    quantities = cast("dict[str, Value]", link["quantities"])
    unit = quantity.unit or ""
    if unit not in quantities and len(quantities) >= UNITS_MAX:
        things.violation(parent, ResultCode.TOO_MANY_UNITS)
        return
    amount, held = quantity.amount, quantities.get(unit, "0")
    # An unknown amount stays unknown whatever is added to it.
    quantities[unit] = None if amount is None or held is None else plain(_number(held) + _number(amount))
    things.context.put(key, link)


def unpack_lot(things: Things, parent: Thing, quantity: Quantity) -> None:
    """Take an amount of a class out of a parent: the whole link where the amount is unknown or all that there is."""
    key = heads.lot_content(parent.identifier, quantity.class_id)
    link = things.context.get(key)
    quantities = {} if link is None else cast("dict[str, Value]", link["quantities"])
    unit = quantity.unit or ""
    if link is None or unit not in quantities:
        things.violation(things.touch(quantity.class_id, "lot"), ResultCode.NOT_PACKED)
        return
    held = quantities.pop(unit)
    if held is not None and quantity.amount is not None:
        left = _number(held) - _number(quantity.amount)
        if left < 0:
            things.violation(things.touch(quantity.class_id, "lot"), ResultCode.QUANTITY_EXCEEDED)
            return
        if left > 0:
            quantities[unit] = plain(left)
    if quantities:
        things.context.put(key, link)
        return
    things.context.delete(key)
    _count_down(parent)


def empty_lots(things: Things, parent: Thing) -> None:
    """Take every amount of every class out of a parent."""
    for class_id in linked(things.context, "lot_content", parent.identifier):
        things.touch(class_id, "lot")
        things.context.delete(heads.lot_content(parent.identifier, class_id))
        _count_down(parent)


def associate(things: Things, parent: Thing, child: Thing) -> None:
    """Install a child in or on a parent."""
    key = heads.association(parent.identifier, child.identifier)
    if things.context.get(key) is not None:
        things.violation(child, ResultCode.ALREADY_ASSOCIATED)
    elif parent.integer("associates") >= CONTENTS_MAX:
        things.violation(parent, ResultCode.TOO_MANY_CONTENTS)
    else:
        parent.head["associates"] = parent.integer("associates") + 1
        things.context.put(key, {"since_ms": things.event.time_ms})


def dissociate(things: Things, parent: Thing, child: Thing) -> None:
    """End an association that is not younger than the event."""
    key = heads.association(parent.identifier, child.identifier)
    link = things.context.get(key)
    if link is None:
        things.violation(child, ResultCode.NOT_ASSOCIATED)
    elif cast(int, link["since_ms"]) <= things.event.time_ms:
        parent.head["associates"] = parent.integer("associates") - 1
        things.context.delete(key)


def linked(context: Context, kind: str, parent: str) -> list[str]:
    """Return the other ends of a parent's links of a kind, in key order."""
    # A scan looks at every head that the block has changed so far, so that it counts for more than one.
    context.work.spend(SCAN_WORK)
    found = [parts[2] for parts, _ in context.state.scan(kind, parent)]
    context.work.spend(len(found))
    return found


def add_to_lot(things: Things, lot: Thing, quantity: Quantity, sign: int) -> bool:
    """Add (sign 1) an amount to what there is of a lot, or take it away (-1); return whether that was counted."""
    if quantity.amount is None:
        return False
    quantities = cast("dict[str, Value]", lot.head.setdefault("quantities", {}))
    unit = quantity.unit or ""
    if unit not in quantities and len(quantities) >= UNITS_MAX:
        things.violation(lot, ResultCode.TOO_MANY_UNITS)
        return False
    total = _number(quantities.get(unit, "0")) + sign * _number(quantity.amount)
    if total < 0:
        things.violation(lot, ResultCode.QUANTITY_EXCEEDED)
        return False
    quantities[unit] = plain(total)
    return True


def _ancestors(things: Things, thing: Thing) -> list[Thing]:
    """Return a thing and what it is packed in, up to the root."""
    chain = [thing]
    while (above := chain[-1].text("parent")) is not None:
        chain.append(things.find(above))
        assert len(chain) <= DEPTH_MAX + 1, "packing keeps every path short"
    return chain


def _count_down(parent: Thing) -> None:
    left = parent.integer("contents") - 1
    assert left >= 0, "a parent counts what is in it"
    parent.is_changed = True
    parent.head["contents"] = left
    if left == 0:
        parent.head["height"] = 0


def _number(text: Value) -> int:
    number = scaled(cast(str, text)) if text is not None else None
    assert number is not None, "amounts are checked when they come in"
    return number
