"""Links between things: packed contents, amounts of lots in a parent, and associations.

What is packed forms trees: a thing has one parent, no cycle can arise and no path is longer than DEPTH_MAX, because
each parent's ``height`` is at least one more than that of everything in it. The height is an upper bound that falls
back to 0 when the parent is empty, so that no link needs to visit a whole tree.
"""

from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.decimals import plain, scaled
from contracts.provenance.events import Quantity
from contracts.provenance.things import Thing, Things
from contracts.results import ResultCode
from ledger.codec import Value

DEPTH_MAX: Final = 16
CONTENTS_MAX: Final = 10_000
UNITS_MAX: Final = 16
SCAN_WORK: Final = 50


def pack(things: Things, parent: Thing, child: Thing) -> None:
    """Put a child into a parent; an event older than the child's last packing or unpacking changes nothing."""
    time_ms = things.event.time_ms
    if time_ms < child.integer("parent_ms", time_ms):
        return
    current = child.text("parent")
    if current is not None:
        things.violation(child, ResultCode.ALREADY_PACKED)
    if current == parent.identifier:
        return
    ancestors = _ancestors(things, parent)
    if any(ancestor is child for ancestor in ancestors):
        things.violation(child, ResultCode.CYCLE)
        return
    if len(ancestors) + child.integer("height") > DEPTH_MAX:
        things.violation(child, ResultCode.TOO_DEEP)
        return
    if parent.integer("contents") >= CONTENTS_MAX:
        things.violation(parent, ResultCode.TOO_MANY_CONTENTS)
        return
    if current is not None:
        # The newest word of whoever holds the thing counts: an unpacking was missed, the mark says so.
        unpack(things, child)
    child.head["parent"] = parent.identifier
    child.head["parent_ms"] = time_ms
    parent.head["contents"] = parent.integer("contents") + 1
    for level, ancestor in enumerate(ancestors, start=1):
        height = child.integer("height") + level
        if ancestor.integer("height") < height:
            ancestor.head["height"] = height
            ancestor.is_changed = True
    things.context.put(heads.content(parent.identifier, child.identifier), {"since_ms": time_ms})


def unpack(things: Things, child: Thing) -> None:
    """Take a packed child out of its parent, whose history gets the event too."""
    parent = things.touch(cast(str, child.text("parent")))
    _count_down(parent)
    things.context.delete(heads.content(parent.identifier, child.identifier))
    del child.head["parent"]
    child.head["parent_ms"] = things.event.time_ms
    child.is_changed = True


def unpack_from(things: Things, parent: str, child: Thing) -> None:
    """Take a child out of the parent that an event names, if it is there."""
    if things.event.time_ms < child.integer("parent_ms", things.event.time_ms):
        return
    current = child.text("parent")
    if current is None:
        things.violation(child, ResultCode.NOT_PACKED)
    elif current != parent:
        things.violation(child, ResultCode.WRONG_PARENT)
    else:
        unpack(things, child)


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
