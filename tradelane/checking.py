"""Answers that a client checks itself: proven by validators' signatures, and not older than what other nodes prove.

A bundle proves what held as of a block. Whether there is a later one it cannot prove, and a clock does not help: an
idle network makes no blocks. So the client first asks every node that it knows for its newest block with the proof of
it. Whoever then answers with an older state has either fallen behind or hides what came after; it gets a moment to
catch up, and is passed over and named if it does not. With one node alone nothing can be compared, and the caller
is told so (``others`` is 0). A trust root that is kept up to date also knows a height that must have been reached.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from ledger.proof import Record
from ledger.readable import to_json
from ledger.state import head_key
from tradelane.client import Client
from tradelane.errors import NotFoundError, TradelaneError, UnavailableError, VerificationError
from tradelane.results import HistoryEntry, Trace, TraceNode
from tradelane.transport import Json, JsonObject
from tradelane.verify import Facts, TrustRoot, verify_proof

STALE: Final = "stale"
_TRIES: Final = 3
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A node whose answer did not hold, with the reason; an honest node gives no cause for one."""

    node: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What ``node`` proved: the facts, and the bundle to keep.

    ``others`` other nodes proved their newest block, and none a later one than the facts hold as of. ``doubts`` are
    about nodes that were passed over.
    """

    facts: Facts
    bundle: JsonObject
    node: str
    others: int
    doubts: tuple[Doubt, ...]


def fetch_checked(client: Client, ask: Callable[[Client], JsonObject], trust: TrustRoot) -> Checked:
    """Ask the nodes of a client for a bundle until one proves what it says, as of the newest block that any proves.

    Raises
    ------
    VerificationError
        No node did, and this is the first doubt: ``stale`` where another node proves a later block.
    TradelaneError
        No node gave a bundle.

    """
    doubts: list[Doubt] = []
    heights = _proven_heights(client, trust, doubts)
    height_min = max(trust.height, *heights.values(), 0)
    failure: TradelaneError | None = None
    for node in client.nodes:
        try:
            bundle, facts = _fetch(client.alone(node), ask, trust, height_min)
        except VerificationError as error:
            detail = _stale_detail(node, error.detail, heights) if error.code == STALE else f"{node}: {error.detail}"
            doubts.append(Doubt(node, error.code, detail))
        except TradelaneError as error:
            failure = failure or error
        else:
            others = len(heights.keys() - {node})
            return Checked(facts, bundle, node, others, tuple(doubts))
    if doubts:
        raise VerificationError(doubts[0].code, doubts[0].detail, "do not rely on this node; ask another one")
    assert failure is not None, "a client has a node at least"
    raise failure


def check_trace(trace: Trace, facts: Facts) -> None:
    """Check that the tree of a node says what the records proven by a bundle of kind trace say.

    The events of the thing itself must all be there; those of its containers must be proven ones. Of an event, the
    fields that its sender signed under the same name are compared. Sources, products and contents are not proven by
    a trace.

    Raises
    ------
    VerificationError
        ``answer_hides``, ``answer_invents``, ``answer_differs`` or ``stale``.

    """
    proven = {head.key: head.records for head in facts.heads}
    root = trace.root
    key = head_key("item", root.id)
    if key not in proven:
        raise VerificationError("answer_differs", f"the answer is about {root.id}, the proof is not")
    if trace.height < facts.height:
        raise VerificationError(STALE, f"the answer holds as of block {trace.height}, the proof as of {facts.height}")
    shown = {_place(event) for event in root.events}
    omitted = sum(mark.omitted or 0 for mark in root.marks if (mark.reason, mark.what) == ("limit", "events"))
    hidden = [record for record in proven[key] if record.place not in shown]
    if len(hidden) > omitted:
        place = hidden[0]
        raise VerificationError(
            "answer_hides",
            f"the answer leaves out {len(hidden) - omitted} of {len(proven[key])} proven events, the first of them in "
            f"block {place.height}",
            "do not rely on this node; ask another one",
        )
    for node in (root, *_containers(root)):
        _check_events(node, proven.get(head_key("item", node.id), ()), facts)


def _proven_heights(client: Client, trust: TrustRoot, doubts: list[Doubt]) -> dict[str, int]:
    """Return the height of the newest block that each node proves, for those that do."""
    heights: dict[str, int] = {}
    # The one node that there is would only be compared with itself.
    for node in client.nodes if len(client.nodes) > 1 else ():
        try:
            heights[node] = verify_proof(client.alone(node).trust_proof(), trust).height
        except VerificationError as error:
            doubts.append(Doubt(node, error.code, f"{node}: {error.detail}"))
        except (NotFoundError, UnavailableError):
            continue
    return heights


def _fetch(
    client: Client, ask: Callable[[Client], JsonObject], trust: TrustRoot, height_min: int
) -> tuple[JsonObject, Facts]:
    for attempt in range(_TRIES):
        bundle = ask(client)
        try:
            return bundle, verify_proof(bundle, trust, height_min=height_min)
        except VerificationError as error:
            if error.code != STALE or attempt == _TRIES - 1:
                raise
        time.sleep(_PAUSE_S)
    raise AssertionError("the last attempt returns or raises")


def _stale_detail(node: str, detail: str, heights: dict[str, int]) -> str:
    others = [other for other in heights if other != node]
    newest = max(others, key=lambda other: heights[other], default=None)
    if newest is None:
        return f"{node}: {detail}"
    return f"{node}: {detail}; {newest} had proven block {heights[newest]} before"


def _containers(node: TraceNode) -> list[TraceNode]:
    found = []
    for container in node.containers:
        if container.relation == "packed":
            found += [container, *_containers(container)]
    return found


def _check_events(node: TraceNode, records: tuple[Record, ...], facts: Facts) -> None:
    known = {record.place: record for record in records}
    for event in node.events:
        place = _place(event)
        height = place[0]
        # What came after the bundle's block is for the next bundle.
        if height > facts.height:
            continue
        if place not in known:
            raise VerificationError(
                "answer_invents", f"an event of {node.id} in block {height} is not among the proven ones"
            )
        signed = known[place].operation.arguments
        for name, said in (event.event or {}).items():
            if name in signed and not _is_same(said, to_json(signed[name])):
                raise VerificationError(
                    "answer_differs",
                    f"{name} of an event in block {height} is not what its sender signed",
                    "do not rely on this node; ask another one",
                )


def _is_same(said: Json, signed: object) -> bool:
    # Long lists are cut in the answer.
    if isinstance(said, list) and isinstance(signed, list):
        return said == signed[: len(said)] and bool(said or not signed)
    return said == signed


def _place(event: HistoryEntry) -> tuple[int, int, int]:
    numbers = [event.fields.get(name) for name in ("height", "index", "operation")]
    if not all(type(number) is int for number in numbers):
        raise VerificationError("answer_differs", "an event in the answer does not say where it stands")
    height, index, operation = cast("list[int]", numbers)
    return height, index, operation
