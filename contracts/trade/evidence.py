"""Evidence: what operations on goods and presentations show of a condition, and how a thing's cold chain stands.

An event counts for a thing if it names the thing, breaks no rule about it, and is on the ledger after the payment was
opened; one that its capturer declares to be in error counts no more. Each organisation counts once for a thing.

The cold chain of a thing is *unbroken* at an event if no breach began before it, no time was unmonitored and a device
watched the thing at that time. It is *within_budget* if its disposition is OK or WITHIN_BUDGET and it was watched. A
breach, or the disposition REJECT, can never be undone and makes these impossible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from contracts.context import Context
from contracts.provenance.capture import named
from contracts.provenance.events import Event
from contracts.trade.condition import (
    WITHIN_BUDGET,
    Attestation,
    Attested,
    ColdVerdict,
    Evidence,
    Judgement,
    Node,
    Signer,
)
from ledger.codec import Value
from ledger.state import Head

BREACHES_READ_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Fact:
    """What one operation says of things: an event with a business step, or the acceptance of a ``holding``."""

    things: frozenset[str]
    step: str | None
    holding: str | None
    disposition: str | None
    organisation: str
    roles: frozenset[str]
    time_ms: int
    event: bytes


def fact_of_event(context: Context, event: Event, step: str | None) -> Fact | None:
    """Return what a captured event shows, None where it shows nothing that counts."""
    if step is None or event.declaration is not None:
        return None
    things = frozenset(
        name
        for kind, name in named(event)
        if _is_in_order(context.get(heads.item(name) if kind == "item" else heads.lot(name)))
    )
    return Fact(
        things,
        step,
        None,
        event.disposition,
        context.member,
        roles_of(context, context.member),
        event.time_ms,
        event.content_hash,
    )


def fact_of_acceptance(context: Context, offer: Head) -> Fact:
    """Return what the acceptance of an offer without discrepancies shows of the things that were offered."""
    return Fact(
        frozenset(cast("list[str]", offer["items"])),
        None,
        cast(str, offer["kind"]),
        None,
        context.member,
        roles_of(context, context.member),
        context.block.time_ms,
        context.transaction_id,
    )


def roles_of(context: Context, organisation: str) -> frozenset[str]:
    """Return the roles of an organisation that acts."""
    head = context.get(heads.organisation(organisation))
    assert head is not None, "whoever acts is registered"
    return frozenset(cast("list[str]", head["roles"]))


def may_show(node_roles: frozenset[str], node_organisations: frozenset[str], roles: frozenset[str], who: str) -> bool:
    """Say whether an organisation with these roles is one that a node asks for."""
    return (not node_roles or not node_roles.isdisjoint(roles)) and (
        not node_organisations or who in node_organisations
    )


def attest(nodes: Sequence[Node], evidence: Evidence, fact: Fact) -> bool:
    """Take a fact in; return whether it showed anything that was still asked for."""
    before = len(evidence.attested)
    for place, node in enumerate(nodes):
        if not isinstance(node, Attested) or (node.step, node.holding) != (fact.step, fact.holding):
            continue
        if node.disposition not in (None, fact.disposition):
            continue
        if not may_show(node.roles, node.organisations, fact.roles, fact.organisation):
            continue
        for index, thing in enumerate(node.things):
            seen = evidence.attestors(place, index)
            is_new = all(one.organisation != fact.organisation for one in seen)
            if thing in fact.things and is_new and len(seen) < node.attestors:
                evidence.attested.append(Attestation(place, index, fact.organisation, fact.time_ms, fact.event))
    return len(evidence.attested) > before


def withdraw(evidence: Evidence, organisation: str, event: bytes) -> bool:
    """Take out what an event of an organisation showed that it declared to be in error; return whether it had."""
    kept = [one for one in evidence.attested if (one.organisation, one.event) != (organisation, event)]
    gone = [one.node for one in evidence.attested if (one.organisation, one.event) == (organisation, event)]
    evidence.attested[:] = kept
    evidence.met -= set(gone)
    return bool(gone)


def cold_verdict(context: Context) -> ColdVerdict:
    """Return how the cold chains of things stand in the running operation."""

    def verdict(thing: str, predicate: str, time_ms: int | None) -> Judgement:
        record = context.get(heads.cold_record(thing))
        if record is None:
            return Judgement.OPEN
        if predicate == WITHIN_BUDGET:
            if record["disposition"] == "REJECT":
                return Judgement.IMPOSSIBLE
            is_in_order = record["disposition"] in ("OK", "WITHIN_BUDGET")
        else:
            if _is_breached(context, thing, cast(int, record["breaches"]), time_ms):
                return Judgement.IMPOSSIBLE
            is_in_order = record["unmonitored_ms"] == 0
        if time_ms is None or not is_in_order:
            return Judgement.OPEN
        return Judgement.MET if _is_watched(context, thing, record, time_ms) else Judgement.OPEN

    return verdict


def nothing_new(thing: str, predicate: str, time_ms: int | None) -> Judgement:
    """Answer for a cold chain after the deadline, when only what was found before counts."""
    del thing, predicate, time_ms
    return Judgement.OPEN


def _is_breached(context: Context, thing: str, breaches: int, time_ms: int | None) -> bool:
    if time_ms is None or breaches > BREACHES_READ_MAX:
        return breaches > 0
    found = (context.get(heads.cold_breach(thing, number)) for number in range(1, breaches + 1))
    return any(cast(int, cast(Head, breach)["from_ms"]) < time_ms for breach in found)


def _is_watched(context: Context, thing: str, record: Head, time_ms: int) -> bool:
    """Say whether a device had a reading of the thing that still held at the time, by the profile's longest gap."""
    for device, from_ms, _ in reversed(cast("list[list[Value]]", record["watches"])):
        if cast(int, from_ms) > time_ms:
            continue
        watch = context.get(heads.cold_watch(cast(str, device), thing, cast(int, from_ms)))
        assert watch is not None, "a record lists watches that are there"
        profile = context.get(heads.cold_profile(cast(str, watch["profile"])))
        assert profile is not None, "profiles are never removed"
        last = cast("list[int] | None", watch.get("last"))
        if last is not None and last[1] >= time_ms - cast(int, profile["gap_ms"]):
            return True
    return False


def _is_in_order(head: Head | None) -> bool:
    """Say whether the newest record of a thing broke no rule about it."""
    if head is None:
        return False
    return all(count != head["count"] for _, count in cast("list[list[Value]]", head.get("marks", [])))


def evidence_to_head(evidence: Evidence) -> Head:
    """Return what the head of a payment keeps of evidence."""
    signed: list[tuple[int, Signer]] = sorted(evidence.signed, key=lambda row: (row[0], repr(row[1])))
    return {
        "attested": [[one.node, one.thing, one.organisation, one.time_ms, one.event] for one in evidence.attested],
        "shown": cast("list[Value]", sorted(evidence.shown)),
        "signed": [[place, signer] for place, signer in signed],
        "met": cast("list[Value]", sorted(evidence.met)),
    }


def evidence_from_head(head: Head) -> Evidence:
    """Return the evidence that the head of a payment keeps."""
    return Evidence(
        [Attestation(*row) for row in cast("list[tuple[int, int, str, int, bytes]]", head["attested"])],
        set(cast("list[int]", head["shown"])),
        {(place, signer) for place, signer in cast("list[tuple[int, Signer]]", head["signed"])},
        set(cast("list[int]", head["met"])),
    )
