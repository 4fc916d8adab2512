"""Histories by chance, of which neither form nor order is right: what two verifiers may read in different ways."""

import random
from typing import Any, Final

THINGS: Final = ("t0", "t1", "t2", "t3", "t4", "t5", "\uffff", "\U0001f41f")
"""Two of them stand in another order by code units than by code points."""

_RULES: Final = (
    *("consumed", "decommissioned", "event_already_captured", "event_id_conflict", "event_in_future", "not_custodian"),
    *("already_commissioned", "cycle", "declaration_differs", "not_event_capturer", "too_deep", "unknown_event"),
    *("already_packed", "event_before_commissioning", "not_commissioned", "something_else"),
    *("already_sold", "destroyed", "event_too_old", "undo_too_late"),
)


def odd_histories(chance: random.Random) -> dict[str, list[list[Any]]]:
    """Return ``[method, arguments, output]`` of each record by thing; now and then the last thing has none."""
    things = THINGS if chance.random() < 0.9 else THINGS[:-1]
    return {
        thing: [
            [chance.choice(["provenance.capture"] * 9 + ["x"]), _arguments(chance, thing), _output(chance, thing)]
            for _ in range(chance.randrange(14))
        ]
        for thing in things
    }


def _arguments(chance: random.Random, thing: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "event_time_ms": chance.choice([*range(12), *range(12), -3, 1 << 52, "no", None]),
        "type": chance.choice(["AggregationEvent"] * 6 + ["ObjectEvent", "TransformationEvent", "Other"]),
        "action": chance.choice(["ADD", "ADD", "DELETE", "OBSERVE"]),
        "parent": chance.choice([*THINGS, *THINGS, thing, 5, None, "a\0b"][: chance.choice([16, 16, 16, 20])]),
    }
    for name in ("children", "epcs", "inputs", "outputs", "child_quantities"):
        if chance.random() < 0.7:
            listed = [*chance.choices(THINGS, k=chance.randrange(3)), *([thing] if chance.random() < 0.8 else [])]
            arguments[name] = listed if chance.random() < 0.93 else chance.choice([None, "x", []])
    if chance.random() < 0.05:
        arguments["declaration"] = 1
    return arguments


def _output(chance: random.Random, thing: str) -> Any:
    if chance.random() < 0.65:
        return chance.choice([None] * 12 + [5, [], "x"])
    violations: list[Any] = [
        [chance.choice([thing, *THINGS]), chance.choice(_RULES)] for _ in range(chance.randrange(3))
    ]
    if chance.random() < 0.1:
        violations.append(chance.choice([["a"], 5, [thing, 5], [thing, "cycle", 1]]))
    count = len(violations)
    return {"violations": violations, "violations_count": chance.choice([count] * 8 + [count + 1, "2"])}
