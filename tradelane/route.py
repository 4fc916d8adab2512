"""Which node is asked next: the one that answered last, then the others, then all again after a pause."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from tradelane.errors import BadRequestError, UnavailableError
from tradelane.transport import Request, Response

_PAUSES_S: Final = (0.0, 0.2, 0.6)


class Route:
    """The nodes' base URLs in the order of preference."""

    def __init__(self, nodes: Sequence[str]) -> None:
        if not nodes:
            raise BadRequestError("node.missing", "no node is given", "name one, such as http://127.0.0.1:7400")
        for node in nodes:
            parts = urlsplit(node)
            if parts.scheme not in {"http", "https"} or not parts.netloc:
                raise BadRequestError("node.url", f"{node!r} is no node address", "write it as http://127.0.0.1:7400")
        self.nodes = [node.rstrip("/") for node in nodes]

    def attempts(self) -> Iterator[tuple[str, float]]:
        """Yield (node, seconds to pause before asking it)."""
        for pause_s in _PAUSES_S:
            for position, node in enumerate(tuple(self.nodes)):
                yield node, pause_s if position == 0 else 0.0

    def prefer(self, node: str) -> None:
        """Ask this node first from now on."""
        if self.nodes[0] != node:
            self.nodes.remove(node)
            self.nodes.insert(0, node)


def answer_or_error(request: Request, last: Response | None, failures: Sequence[str]) -> Response:
    """Return what the last node said after all attempts failed; raises UnavailableError where none said anything."""
    if last is not None:
        return last
    said = "; ".join(dict.fromkeys(failures))
    raise UnavailableError(
        "node.unreachable",
        f"no node answered {request.method} {request.path}: {said}",
        "start a network with `tradelane up`, or name a node with --node or TRADELANE_NODE",
    )
