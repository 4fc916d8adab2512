"""The numbers of a chain: set in its genesis, changed by governance, the same on every node."""

from dataclasses import asdict, dataclass, fields

from ledger import limits
from ledger.codec import Value
from ledger.errors import ShapeError
from ledger.shape import as_integer, as_map


@dataclass(frozen=True, slots=True)
class Parameters:
    """Limits that every validator applies alike.

    ``transaction_validity_ms_max`` bounds how far ahead a transaction's deadline may lie, which bounds the ids that
    must be remembered against replay. ``clock_drift_ms_max`` is how far a proposal's time may be from a voter's clock.
    """

    transaction_validity_ms_max: int = 120_000
    transaction_bytes_max: int = 1_048_576
    transaction_operations_max: int = 1_000
    block_transactions_max: int = 2_000
    block_bytes_max: int = 4_194_304
    clock_drift_ms_max: int = 10_000

    def to_value(self) -> Value:
        """Return the canonical map of the parameters by name."""
        return dict(asdict(self))


_RANGES: dict[str, tuple[int, int]] = {
    "transaction_validity_ms_max": (1_000, limits.TRANSACTION_VALIDITY_MS_MAX),
    "transaction_bytes_max": (1_024, limits.TRANSACTION_BYTES_MAX),
    "transaction_operations_max": (1, limits.TRANSACTION_OPERATIONS_MAX),
    "block_transactions_max": (1, limits.BLOCK_TRANSACTIONS_MAX),
    "block_bytes_max": (1_024, limits.BLOCK_BYTES_MAX),
    "clock_drift_ms_max": (100, 600_000),
}


def parameters_from_value(value: Value) -> Parameters:
    """Return the parameters of a canonical map; names left out take their defaults.

    Raises
    ------
    ShapeError
        A name is unknown, a number is out of range, or a transaction could be larger than a block.

    """
    given = as_map(value, "parameters")
    known = {field.name for field in fields(Parameters)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ShapeError(
            "unknown_parameter", f"{unknown[0]} is no parameter; the parameters are {', '.join(sorted(known))}"
        )
    parameters = Parameters(**{name: as_integer(number, *_RANGES[name], name) for name, number in given.items()})
    if parameters.transaction_bytes_max > parameters.block_bytes_max:
        raise ShapeError("parameter_relation", "transaction_bytes_max is larger than block_bytes_max")
    return parameters
