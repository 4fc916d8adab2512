"""Genesis: the document that a chain begins with. Its hash is the chain id, so two chains never share a signature.

The ``operations`` are contract calls that run at height 0 with the authority of the founders: they register the
first organisations, keys, currencies and permissions by the same handlers as later transactions.
"""

import json
from dataclasses import dataclass, field
from typing import Final, cast

from ledger.codec import Value, encode
from ledger.errors import GenesisError, LedgerError
from ledger.hashing import tagged_hash
from ledger.limits import INTEGER_MAX, METHOD_LENGTH_MAX, TRANSACTION_OPERATIONS_MAX
from ledger.parameters import Parameters, parameters_from_value
from ledger.readable import Json, from_json, to_json
from ledger.shape import as_array, as_integer, as_list, as_map, as_text
from ledger.transaction import Operation
from ledger.validators import ValidatorSet

GENESIS_FORMAT: Final = "tradelane-genesis/1"


@dataclass(frozen=True, slots=True)
class Genesis:
    """A checked genesis document; ``chain_id`` is the hash of its canonical form."""

    network: str
    time_ms: int
    parameters: Parameters
    validators: ValidatorSet
    operations: tuple[Operation, ...]
    chain_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        canonical = encode(self._fields())
        object.__setattr__(self, "chain_id", tagged_hash("genesis", canonical))

    def _fields(self) -> dict[str, Value]:
        return {
            "format": GENESIS_FORMAT,
            "network": self.network,
            "time_ms": self.time_ms,
            "parameters": self.parameters.to_value(),
            "validators": self.validators.to_value(),
            "operations": [[operation.method, operation.arguments] for operation in self.operations],
        }

    def to_json(self) -> str:
        """Return the document as a JSON text for a file."""
        return json.dumps(to_json(self._fields()), indent=2, ensure_ascii=False) + "\n"


def genesis_from_json(text: str) -> Genesis:
    """Return the genesis of a JSON text.

    Raises
    ------
    GenesisError
        The text is not JSON, a field is missing or wrong; the message names the field.

    """
    try:
        fields = as_map(from_json(cast(Json, json.loads(text))), "genesis")
        unknown = sorted(set(fields) ^ {"format", "network", "time_ms", "parameters", "validators", "operations"})
        if unknown:
            raise GenesisError("fields", f"the field {unknown[0]!r} is missing or unknown")
        if fields["format"] != GENESIS_FORMAT:
            raise GenesisError("format", f"the format is {fields['format']!r}, this program reads {GENESIS_FORMAT!r}")
        return Genesis(
            network=as_text(fields["network"], 64, "network"),
            time_ms=as_integer(fields["time_ms"], 0, INTEGER_MAX, "time_ms"),
            parameters=parameters_from_value(fields["parameters"]),
            validators=ValidatorSet.from_value(fields["validators"]),
            operations=tuple(
                _operation(entry) for entry in as_list(fields["operations"], TRANSACTION_OPERATIONS_MAX, "operations")
            ),
        )
    except GenesisError:
        raise
    # Besides its own error, the JSON reader raises ValueError for endless numbers and RecursionError for deep nesting.
    except (ValueError, RecursionError, LedgerError) as error:
        raise GenesisError("genesis", f"the genesis document cannot stand: {error}") from error


def _operation(value: Value) -> Operation:
    method, arguments = as_array(value, 2, "operation")
    return Operation(as_text(method, METHOD_LENGTH_MAX, "method"), as_map(arguments, "arguments"))
