"""What an item was packed in, and for how long, read from its own proven records (docs/proofs.md, *Containers*).

Nothing but the records is asked, so a container that a bundle leaves out or exchanges is missed. The records are
operations ``provenance.capture``; the words are those of EPCIS 2.0 (ISO/IEC 19987:2024 section 7.4) and of the
receipts' outputs. An operation that is not of that form is taken for one that packs nothing: a block that holds it
as a success does not exist.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from ledger.codec import Value
from ledger.errors import ProofError
from ledger.proof.facts import Stay
from ledger.state import head_key
from ledger.transaction import Operation

ITEM: Final = "item"
LEVELS_MAX: Final = 16

_CAPTURE: Final = "provenance.capture"
# Rules that a container broke by an event: nothing was packed in it, or all the same. It may also be named as a child
# of its own, which is a cycle for it alone.
_CLOSING: Final = frozenset(
    {
        "consumed",
        "decommissioned",
        "destroyed",
        "event_already_captured",
        "event_id_conflict",
        "event_in_future",
        "event_too_old",
        "not_custodian",
        "undo_by_another",
        "undo_elsewhere",
        "undo_too_late",
    }
)
# Rules that a thing broke: the event changes nothing of it, or all the same.
_REFUSING: Final = _CLOSING | {
    "already_commissioned",
    "cycle",
    "declaration_differs",
    "not_event_capturer",
    "too_deep",
    "unknown_event",
}
_HARMLESS: Final = frozenset({"already_packed", "already_sold", "event_before_commissioning", "not_commissioned"})
_OPENING: Final = _HARMLESS | {"cycle", "too_deep"}
_OPEN: Final = 1 << 64
"""Later than any time, for a stay without an end."""

_Times: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Act:
    """An operation of a history with its output."""

    operation: Operation
    output: Value


def stays_of(item: str, history: Callable[[bytes], Sequence[Act] | None]) -> tuple[Stay, ...]:
    """Return what was in which container when, for an item and level by level for what it was in.

    ``history`` gives the records of a head, in order, and None where the bundle does not show all of them.

    Raises
    ------
    ProofError
        ``parent_missing``: it does not for one of the containers.

    """
    known: dict[str, list[tuple[str, _Times]]] = {}
    found: dict[tuple[str, str], list[_Times]] = {}
    asked: dict[str, list[_Times]] = {item: [(-_OPEN, _OPEN)]}
    for _ in range(LEVELS_MAX):
        above: dict[str, list[_Times]] = {}
        for child, windows in sorted(asked.items()):
            if child not in known:
                known[child] = _own_stays(child, _history(child, history))
            for parent, stay in known[child]:
                shared = _shared(stay, windows)
                if shared:
                    above.setdefault(parent, []).extend(shared)
                    found.setdefault((child, parent), []).extend(shared)
        asked = {parent: _joined(windows) for parent, windows in above.items()}
    for parent in asked:
        _history(parent, history)
    return tuple(
        Stay(child, parent, since, None if until == _OPEN else until)
        for (child, parent), windows in sorted(found.items())
        for since, until in _joined(windows)
    )


def _history(item: str, history: Callable[[bytes], Sequence[Act] | None]) -> Sequence[Act]:
    acts = history(head_key(ITEM, item)) if "\0" not in item else None
    if acts is None:
        raise ProofError("parent_missing", f"{item[:200]!r} is not in the bundle with its whole history")
    return acts


def _own_stays(item: str, acts: Sequence[Act]) -> list[tuple[str, _Times]]:
    """Return the containers that the records of an item tell of."""
    timed = [
        (time_ms, act.operation.arguments, act.output)
        for act in acts
        if (time_ms := _time_of(act.operation)) is not None
    ]
    # A stable sort: what happened at one time stays in the order of the history.
    timed.sort(key=lambda entry: entry[0])
    stays: list[tuple[str, _Times]] = []
    open_since: dict[str, int] = {}

    def close(parents: Iterable[str], time_ms: int) -> None:
        stays.extend((parent, (open_since.pop(parent), time_ms)) for parent in parents)

    for time_ms, arguments, output in timed:
        parent = _text(arguments.get("parent"))
        kind, action = arguments.get("type"), arguments.get("action")
        is_named = item in _list(arguments.get("children"))
        if kind == "AggregationEvent" and parent is not None and parent != item and action in ("ADD", "DELETE"):
            if action == "ADD" and is_named:
                effect = _effect(output, item, parent)
                if effect:
                    close([other for other in open_since if other != parent], time_ms)
                if effect is not False:
                    open_since.setdefault(parent, time_ms)
            is_out = action == "DELETE" and (is_named or _is_everything(arguments))
            if is_out and parent in open_since and _effect(output, item):
                close([parent], time_ms)
        elif _is_end(item, arguments) and _effect(output, item):
            close(list(open_since), time_ms)
    close(list(open_since), _OPEN)
    return stays


def _time_of(operation: Operation) -> int | None:
    if operation.method != _CAPTURE or "declaration" in operation.arguments:
        return None
    time_ms = operation.arguments.get("event_time_ms")
    return time_ms if type(time_ms) is int else None


def _is_everything(arguments: dict[str, Value]) -> bool:
    return not _list(arguments.get("children")) and not _list(arguments.get("child_quantities"))


def _is_end(item: str, arguments: dict[str, Value]) -> bool:
    if arguments.get("type") == "TransformationEvent":
        return item in _list(arguments.get("inputs")) and item not in _list(arguments.get("outputs"))
    is_removal = arguments.get("type") == "ObjectEvent" and arguments.get("action") == "DELETE"
    return is_removal and item in _list(arguments.get("epcs"))


def _effect(output: Value, item: str, container: str | None = None) -> bool | None:
    """Say whether an operation took effect on an item, for a packing in a container; None where nothing tells."""
    if output is None:
        return True
    if type(output) is not dict:
        return None
    violations = _list(output.get("violations"))
    pairs = [pair for pair in violations if type(pair) is list and len(pair) == 2]
    own = [_text(rule) for name, rule in pairs if name == item]
    of_container = [_text(rule) for name, rule in pairs if container is not None and name == container]
    if any(rule in _REFUSING for rule in own) or any(rule in _CLOSING for rule in of_container):
        return False
    count = output.get("violations_count")
    is_whole = type(count) is int and count == len(violations)
    is_harmless = all(rule in _HARMLESS for rule in own) and all(rule in _OPENING for rule in of_container)
    return True if is_whole and is_harmless else None


def _shared(stay: _Times, windows: list[_Times]) -> list[_Times]:
    """Return what a stay has in common with windows, which are in order and apart from each other."""
    shared = []
    for since, until in islice(windows, bisect_left(windows, stay[0], key=lambda window: window[1]), None):
        if since > stay[1]:
            break
        shared.append((max(since, stay[0]), min(until, stay[1])))
    return shared


def _joined(windows: list[_Times]) -> list[_Times]:
    """Return windows in order, those that overlap or touch as one."""
    joined: list[_Times] = []
    for since, until in sorted(windows):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined


def _list(value: Value) -> list[Value]:
    return value if type(value) is list else []


def _text(value: Value) -> str | None:
    return value if type(value) is str else None
