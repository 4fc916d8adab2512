"""What releases a payment, as people write it down: a tree in JSON, or milestones of them.

A node is an object as in docs/contracts.md ("Trade"), with byte strings in hexadecimal; the branches of a threshold
stand in it as objects. Milestones are an array of {"share": decimal amount, "when": node}.
"""

import json
from pathlib import Path
from typing import Any, Final, cast

from contracts.results import Rejected
from contracts.trade.condition import read_condition
from ledger.codec import Value
from ledger.errors import LedgerError
from tradelane import BadRequestError, parse_amount

_SIZE_BYTES_MAX: Final = 256 * 1024
_DEPTH_MAX: Final = 16
_IN_HEXADECIMAL: Final = frozenset({"hash", "sha256"})
_HINT: Final = "docs/contracts.md, section Trade, says what a node may be"


def read_terms(file: Path, exponent: int) -> dict[str, Value]:
    """Return the arguments ``condition`` and ``milestones`` that a file stands for; raises BadRequestError."""
    nodes: list[Value] = []
    try:
        with file.open("rb") as opened:
            text = opened.read(_SIZE_BYTES_MAX)
        written = json.loads(text)
        if isinstance(written, list):
            rows = [(parse_amount(str(one["share"]), exponent), _add(nodes, one["when"], 1)) for one in written]
            terms: dict[str, Value] = {"milestones": [[place, share] for share, place in rows]}
        else:
            _add(nodes, written, 1)
            terms = {}
        read_condition(nodes)
    except OSError as error:
        raise BadRequestError("file.unreadable", f"{file}: {error.strerror}", "check the path") from error
    except Rejected as rejected:
        raise BadRequestError("escrow.condition", f"{file}: {rejected.detail}", _HINT) from rejected
    except (LedgerError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequestError("escrow.file", f"{file} is no condition: {error!r}"[:300], _HINT) from error
    return {"condition": nodes, **terms}


def _add(nodes: list[Value], written: dict[str, Any], depth: int) -> int:
    """Add a node, its branches before it, and return its place."""
    if depth > _DEPTH_MAX:
        raise ValueError(f"nested more than {_DEPTH_MAX} deep")
    node: dict[str, Value] = {}
    for name, value in written.items():
        if name == "of" and isinstance(value, list):
            node[name] = cast("list[Value]", [_add(nodes, branch, depth + 1) for branch in value])
        elif name in _IN_HEXADECIMAL:
            node[name] = bytes.fromhex(value)
        elif name == "keys":
            node[name] = cast("list[Value]", [bytes.fromhex(key) for key in value])
        else:
            node[name] = value
    nodes.append(node)
    return len(nodes) - 1
