"""Conditions: what has to be shown before a payment is released, as a tree that is judged in three values.

A condition is a list of nodes, leaves before the thresholds that name them by their place in it, so that no cycle can
be written down and the values nest no deeper than a transaction may. A node is a map with a ``kind``::

    event       {things, step, roles?, organisations?, attestors?, disposition?, cold_chain?}
    acceptance  {things, of?: "custody"|"ownership", roles?, organisations?, cold_chain?}
    document    {type, hash?, roles?, organisations?}
    preimage    {sha256}
    signatures  {keys?, organisations?, count}
    time        {after_ms}
    threshold   {of: [place, ...], count}

A node is *met*, *open* or *impossible*. A threshold is met when ``count`` of its branches are, and impossible when too
few are left that can be. Judging is a function of the evidence and the time alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from contracts.arguments import ORGANISATION_LENGTH_MAX, Arguments, fixed, identifier, integer, mapping, refuse
from contracts.permissions import ROLES
from contracts.results import Rejected, ResultCode
from ledger.codec import Value, encode
from ledger.hashing import HASH_BYTES
from ledger.keys import PUBLIC_KEY_BYTES, is_public_key

NODES_MAX: Final = 64
DEPTH_MAX: Final = 6
CONDITION_BYTES_MAX: Final = 16_384
THINGS_MAX: Final = 32
ATTESTORS_MAX: Final = 8
ATTESTATIONS_MAX: Final = 128
NAMES_MAX: Final = 32
STEP_BYTES_MAX: Final = 512

UNBROKEN: Final = "unbroken"
WITHIN_BUDGET: Final = "within_budget"
_COLD_CHAIN: Final = frozenset({UNBROKEN, WITHIN_BUDGET})
_HOLDINGS: Final = frozenset({"custody", "ownership"})


class Judgement(Enum):
    """What can be said of a node."""

    MET = "met"
    OPEN = "open"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Attested:
    """An event or an acceptance of every one of ``things``, each by ``attestors`` organisations.

    ``step`` is the business step of an event and None for an acceptance, which is of ``holding``: custody or ownership.
    Whoever attests has one of ``roles`` and is one of ``organisations``, where these name any.
    """

    things: tuple[str, ...]
    step: str | None
    holding: str | None
    roles: frozenset[str]
    organisations: frozenset[str]
    attestors: int
    disposition: str | None
    cold_chain: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a type, presented by an organisation that may; ``sha256`` None where it is not known beforehand."""

    type: str
    sha256: bytes | None
    roles: frozenset[str]
    organisations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Preimage:
    """The bytes that have a hash."""

    sha256: bytes


@dataclass(frozen=True, slots=True)
class Signatures:
    """``count`` of the keys and organisations that are named."""

    keys: frozenset[bytes]
    organisations: frozenset[str]
    count: int


@dataclass(frozen=True, slots=True)
class After:
    """A time (ms UTC) from which on it is met."""

    after_ms: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """``count`` of the nodes at these places."""

    of: tuple[int, ...]
    count: int


Node: TypeAlias = Attested | Document | Preimage | Signatures | After | Threshold
Signer: TypeAlias = bytes | str
ColdVerdict: TypeAlias = Callable[[str, str, int | None], Judgement]
"""(thing, predicate, time of the event or None before there is one) -> how the thing's cold chain stands."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """That an organisation's event showed node ``node`` for its ``thing``-th thing; ``event`` names the event."""

    node: int
    thing: int
    organisation: str
    time_ms: int
    event: bytes


@dataclass(slots=True)
class Evidence:
    """What was shown; ``met`` are attested nodes that were found to be met, which they stay."""

    attested: list[Attestation] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    signed: set[tuple[int, Signer]] = field(default_factory=set)
    met: set[int] = field(default_factory=set)

    def attestors(self, node: int, thing: int) -> list[Attestation]:
        """Return who attested a node for a thing."""
        return [one for one in self.attested if one.node == node and one.thing == thing]


def judge(nodes: Sequence[Node], evidence: Evidence, time_ms: int, cold: ColdVerdict) -> list[Judgement]:
    """Return how every node stands at a time, in their order."""
    found: list[Judgement] = []
    for place, node in enumerate(nodes):
        if isinstance(node, Threshold):
            found.append(_judge_threshold(node, found))
        elif isinstance(node, Attested):
            is_met = place in evidence.met
            found.append(Judgement.MET if is_met else _judge_attested(place, node, evidence, cold))
        elif isinstance(node, Signatures):
            signers = sum(1 for signed, _ in evidence.signed if signed == place)
            found.append(_met_if(signers >= node.count))
        elif isinstance(node, After):
            found.append(_met_if(time_ms >= node.after_ms))
        else:
            found.append(_met_if(place in evidence.shown))
    return found


def _judge_threshold(node: Threshold, found: Sequence[Judgement]) -> Judgement:
    branches = [found[place] for place in node.of]
    if branches.count(Judgement.MET) >= node.count:
        return Judgement.MET
    left = len(branches) - branches.count(Judgement.IMPOSSIBLE)
    return Judgement.OPEN if left >= node.count else Judgement.IMPOSSIBLE


def _judge_attested(place: int, node: Attested, evidence: Evidence, cold: ColdVerdict) -> Judgement:
    verdict = Judgement.MET
    for index, thing in enumerate(node.things):
        seen = evidence.attestors(place, index)
        is_seen = len(seen) >= node.attestors
        # What counts is the time of the event that was the last to be needed.
        time_ms = sorted(one.time_ms for one in seen)[node.attestors - 1] if is_seen else None
        stands = Judgement.MET if node.cold_chain is None else cold(thing, node.cold_chain, time_ms)
        if stands is Judgement.IMPOSSIBLE:
            return Judgement.IMPOSSIBLE
        if not is_seen or stands is Judgement.OPEN:
            verdict = Judgement.OPEN
    return verdict


def _met_if(is_met: bool) -> Judgement:  # noqa: FBT001 (the one thing it is about)
    return Judgement.MET if is_met else Judgement.OPEN


def read_condition(value: Value) -> tuple[Node, ...]:
    """Return the nodes of a condition; rejects with BAD_ARGUMENTS, CONDITION_TOO_LARGE or UNKNOWN_ROLE."""
    if type(value) is not list or not value:
        refuse("condition is an array of nodes, at least one")
    if len(value) > NODES_MAX:
        raise Rejected(ResultCode.CONDITION_TOO_LARGE, f"{len(value)} nodes, at most {NODES_MAX}")
    size_bytes = len(encode(value))
    if size_bytes > CONDITION_BYTES_MAX:
        raise Rejected(ResultCode.CONDITION_TOO_LARGE, f"{size_bytes} bytes, at most {CONDITION_BYTES_MAX}")
    nodes = tuple(_node(entry, place) for place, entry in enumerate(value))
    attestations = sum(len(node.things) * node.attestors for node in nodes if isinstance(node, Attested))
    if attestations > ATTESTATIONS_MAX:
        raise Rejected(ResultCode.CONDITION_TOO_LARGE, f"{attestations} attestations, at most {ATTESTATIONS_MAX}")
    if max(_depths(nodes)) > DEPTH_MAX:
        raise Rejected(ResultCode.CONDITION_TOO_LARGE, f"nested more than {DEPTH_MAX} deep")
    return nodes


def things_of(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the things that a condition waits for, each once, in the order in which they are named."""
    return tuple(dict.fromkeys(thing for node in nodes if isinstance(node, Attested) for thing in node.things))


def roots_of(nodes: Sequence[Node]) -> tuple[int, ...]:
    """Return the places that no threshold names."""
    named = {place for node in nodes if isinstance(node, Threshold) for place in node.of}
    return tuple(place for place in range(len(nodes)) if place not in named)


def _depths(nodes: Sequence[Node]) -> list[int]:
    depths: list[int] = []
    for node in nodes:
        depths.append(1 + max(depths[place] for place in node.of) if isinstance(node, Threshold) else 1)
    return depths


def _node(value: Value, place: int) -> Node:
    where = f"node {place} of the condition"
    read = Arguments(mapping(value, where, 8))
    kind = read.identifier("kind", 20)
    if kind == "threshold":
        node: Node = _threshold(read, place)
    elif kind in _LEAVES:
        node = _LEAVES[kind](read)
    else:
        refuse(f"{where}: its kind is one of threshold, {', '.join(sorted(_LEAVES))}")
    read.end()
    return node


def _event(read: Arguments) -> Node:
    organisations = _organisations(read)
    attestors = read.integer("attestors", 1, ATTESTORS_MAX) if read.has("attestors") else 1
    if organisations and attestors > len(organisations):
        refuse("attestors is at most the number of organisations that may attest")
    return Attested(
        things=_things(read),
        step=read.identifier("step", STEP_BYTES_MAX),
        holding=None,
        roles=_roles(read),
        organisations=organisations,
        attestors=attestors,
        disposition=read.optional_identifier("disposition"),
        cold_chain=_cold_chain(read),
    )


def _acceptance(read: Arguments) -> Node:
    return Attested(
        things=_things(read),
        step=None,
        holding=read.choice("of", _HOLDINGS) if read.has("of") else "custody",
        roles=_roles(read),
        organisations=_organisations(read),
        attestors=1,
        disposition=None,
        cold_chain=_cold_chain(read),
    )


def _document(read: Arguments) -> Node:
    node = Document(
        read.identifier("type", 64), read.optional_fixed("hash", HASH_BYTES), _roles(read), _organisations(read)
    )
    if not node.roles and not node.organisations:
        # Its hash stands in the terms for all to see, so that showing it says something only of whoever may.
        refuse("a document names the roles or the organisations that may present it")
    return node


def _preimage(read: Arguments) -> Node:
    return Preimage(read.fixed("sha256", HASH_BYTES))


def _signatures(read: Arguments) -> Node:
    keys = read.listed("keys", NAMES_MAX, lambda value, what: fixed(value, what, PUBLIC_KEY_BYTES))
    organisations = read.listed("organisations", NAMES_MAX, _organisation)
    if len(set(keys)) != len(keys) or len(set(organisations)) != len(organisations):
        refuse("nobody is asked for two signatures")
    for key in keys:
        if not is_public_key(key):
            raise Rejected(ResultCode.KEY_UNACCEPTABLE, f"{key.hex()} is no key that can sign")
    if not keys and not organisations:
        refuse("signatures names keys or organisations")
    return Signatures(
        frozenset(keys), frozenset(organisations), read.integer("count", 1, len(keys) + len(organisations))
    )


def _after(read: Arguments) -> Node:
    return After(read.integer("after_ms", 1))


def _threshold(read: Arguments, place: int) -> Node:
    of = read.listed("of", NODES_MAX, lambda value, what: integer(value, what, 0, max(0, place - 1)))
    if place == 0 or not of or len(set(of)) != len(of):
        refuse("a threshold names nodes that stand before it, at least one and none twice")
    return Threshold(of, read.integer("count", 1, len(of)))


_LEAVES: Final[dict[str, Callable[[Arguments], Node]]] = {
    "acceptance": _acceptance,
    "document": _document,
    "event": _event,
    "preimage": _preimage,
    "signatures": _signatures,
    "time": _after,
}


def _things(read: Arguments) -> tuple[str, ...]:
    things = read.listed("things", THINGS_MAX, identifier)
    if not things or len(set(things)) != len(things):
        refuse("things names at least one thing, none twice")
    return things


def _roles(read: Arguments) -> frozenset[str]:
    roles = read.listed("roles", NAMES_MAX, lambda value, what: identifier(value, what, 40))
    for role in roles:
        if role not in ROLES:
            raise Rejected(ResultCode.UNKNOWN_ROLE, f"{role} is not a role")
    return frozenset(roles)


def _organisations(read: Arguments) -> frozenset[str]:
    return frozenset(read.listed("organisations", NAMES_MAX, _organisation))


def _organisation(value: object, what: str) -> str:
    return identifier(value, what, ORGANISATION_LENGTH_MAX)


def _cold_chain(read: Arguments) -> str | None:
    return read.choice("cold_chain", _COLD_CHAIN) if read.has("cold_chain") else None
