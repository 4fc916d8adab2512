"""The difference between two JSON values, and applying it.

A difference is an object with one of these, or several of the last three:

    {"=": value}              the value is this instead
    {"+": {name: value}}      an object also has these
    {"-": [name, ...]}        an object does not have these (sorted)
    {"~": {name: difference}} these members differ; in a list the name is the index in decimal digits

Lists are compared member by member where they have the same length, and replaced whole where they have not or where no
member is left. Equality is exact: numbers
digit by digit, ``true`` different from 1. ``apply(between(a, b), a)`` is ``b`` for all JSON values.
"""

from typing import cast

from standards.epcis.json_text import JsonObject, JsonValue, same
from standards.errors import OperationError


def between(plain: JsonValue, written: JsonValue) -> JsonObject | None:
    """Return the difference that makes ``written`` out of ``plain``, or ``None`` where they are the same."""
    if isinstance(plain, dict) and isinstance(written, dict):
        changed = {name: between(value, written[name]) for name, value in plain.items() if name in written}
        added = {name: value for name, value in written.items() if name not in plain}
        removed = sorted(name for name in plain if name not in written)
    elif isinstance(plain, list) and isinstance(written, list) and len(plain) == len(written):
        pairs = enumerate(zip(plain, written, strict=True))
        changed = {str(index): between(value, other) for index, (value, other) in pairs}
        if changed and all(change is not None and "=" in change for change in changed.values()):
            return {"=": written}
        added, removed = {}, []
    else:
        return None if same(plain, written) else {"=": written}
    difference: JsonObject = {}
    if added:
        difference["+"] = added
    if removed:
        difference["-"] = cast("list[JsonValue]", removed)
    kept = {name: change for name, change in changed.items() if change is not None}
    if kept:
        difference["~"] = cast("JsonValue", kept)
    return difference or None


def apply(difference: JsonValue, plain: JsonValue) -> JsonValue:
    """Return ``plain`` with a difference applied; ``plain`` itself is left as it is.

    Raises
    ------
    OperationError
        ``residue``: the difference is not of its form or does not fit the value.

    """
    if not isinstance(difference, dict) or not difference:
        raise _misfit()
    if "=" in difference:
        if len(difference) > 1:
            raise _misfit()
        return difference["="]
    if difference.keys() - {"+", "-", "~"}:
        raise _misfit()
    if isinstance(plain, list):
        return _apply_to_list(difference, plain)
    if not isinstance(plain, dict):
        raise _misfit()
    members = dict(plain)
    for name, change in _part(difference, "~").items():
        if name not in members:
            raise _misfit()
        members[name] = apply(change, members[name])
    removed = difference.get("-", [])
    if not isinstance(removed, list):
        raise _misfit()
    for entry in removed:
        if not isinstance(entry, str) or entry not in members:
            raise _misfit()
        del members[entry]
    return {**members, **_part(difference, "+")}


def _apply_to_list(difference: JsonObject, plain: list[JsonValue]) -> list[JsonValue]:
    if difference.keys() != {"~"}:
        raise _misfit()
    items = list(plain)
    for name, change in _part(difference, "~").items():
        if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(items)):
            raise _misfit()
        items[int(name)] = apply(change, items[int(name)])
    return items


def _part(difference: JsonObject, name: str) -> JsonObject:
    part = difference.get(name, {})
    if not isinstance(part, dict):
        raise _misfit()
    return part


def _misfit() -> OperationError:
    return OperationError("residue", "the residue does not fit the event that the arguments describe")
