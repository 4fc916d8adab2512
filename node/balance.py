"""What went into a transformation and what came out of it, a unit at a time, with the difference where there is one.

Nothing is judged: water leaves what is smoked, and a saw makes dust. A unit that stands on one side alone cannot be
compared, an unknown amount makes the sum of its unit a lower bound, and things that are named singly are counted; all
three are said. Amounts are exact decimals.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final, cast

from contracts.provenance.events import Quantity
from ledger.readable import Json
from node.links import Transformation
from standards.units import comparable

# Amounts have 40 digits on either side (contracts.decimals) and factors a dozen; sums of thousands fit beside them.
_DIGITS: Final = 120


@dataclass(slots=True)
class Side:
    """The inputs or the outputs: things named singly, sums by unit, and how many amounts of a unit are unknown."""

    items: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def add(self, quantities: Iterable[Quantity]) -> None:
        """Add amounts of classes."""
        for quantity in quantities:
            unit, amount = comparable(Decimal(quantity.amount or 0), quantity.unit)
            self.sums[unit] = self.sums.get(unit, Decimal(0)) + amount
            if quantity.amount is None:
                self.unknown[unit] = self.unknown.get(unit, 0) + 1


@dataclass(frozen=True, slots=True)
class UnitBalance:
    """One unit: ``reason`` says why there is no difference: only_inputs, only_outputs or unknown_amount."""

    unit: str
    inputs: Decimal | None
    outputs: Decimal | None
    difference: Decimal | None
    reason: str | None

    def to_json(self) -> dict[str, Json]:
        """Return the balance as an answer has it: outputs less inputs, as decimal strings."""
        amounts = {"inputs": self.inputs, "outputs": self.outputs, "difference": self.difference}
        texts: dict[str, Json] = {name: None if value is None else _text(value) for name, value in amounts.items()}
        return {"unit": self.unit, **texts, "reason": self.reason}


def sides(transformation: Transformation) -> tuple[Side, Side]:
    """Return the inputs and the outputs of a transformation, each thing counted once however often it is named."""
    inputs, outputs = Side(), Side()
    items_in: set[str] = set()
    items_out: set[str] = set()
    with localcontext() as context:
        context.prec = _DIGITS
        for part in transformation.parts:
            event = part.event
            assert event is not None, "a part of a transformation is an event"
            items_in.update(event.inputs)
            items_out.update(event.outputs)
            inputs.add(event.input_quantities)
            outputs.add(event.output_quantities)
    inputs.items, outputs.items = len(items_in), len(items_out)
    return inputs, outputs


def balances(inputs: Side, outputs: Side) -> list[UnitBalance]:
    """Return the balance of each unit, by unit."""
    units = sorted(inputs.sums.keys() | outputs.sums.keys())
    return [_balance(unit, inputs, outputs) for unit in units]


def _balance(unit: str, inputs: Side, outputs: Side) -> UnitBalance:
    put, got = inputs.sums.get(unit), outputs.sums.get(unit)
    if put is None or got is None:
        return UnitBalance(unit, put, got, None, "only_outputs" if put is None else "only_inputs")
    if unit in inputs.unknown or unit in outputs.unknown:
        return UnitBalance(unit, put, got, None, "unknown_amount")
    with localcontext() as context:
        context.prec = _DIGITS
        return UnitBalance(unit, put, got, got - put, None)


def transformation_json(transformation: Transformation) -> dict[str, Json]:
    """Return a transformation as an answer has it."""
    inputs, outputs = sides(transformation)
    first, last = transformation.parts[0], transformation.parts[-1]
    return {
        "id": transformation.identifier,
        "organisation": transformation.organisation,
        "from_ms": first.at_ms,
        "to_ms": last.at_ms,
        "events": [
            {"height": part.height, "index": part.transaction_index, "operation": part.operation_index}
            for part in transformation.parts
        ],
        "input_items": inputs.items,
        "output_items": outputs.items,
        "balance": cast("list[Json]", [balance.to_json() for balance in balances(inputs, outputs)]),
        "strangers": transformation.strangers,
        "missing": transformation.missing,
    }


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
