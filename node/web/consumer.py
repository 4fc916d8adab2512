"""The facts of the consumer page, and the outcome at its top.

The page never says "genuine": a printed code can be copied. It says "Record verified" where the proof of the thing's
whole entry holds and nothing in it speaks against the thing, and "Caution" with the reasons otherwise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Final, cast

from contracts import heads
from contracts.provenance.documents import REVOKED
from contracts.provenance.life import CONSUMED, DECOMMISSIONED, DESTROYED, OBSERVED
from ledger.genesis import Genesis
from ledger.readable import Json
from ledger.state import Head
from node.links import PACKED as PACKED_LINK
from node.links import Branch
from node.queries import Thing, find_thing, get_head
from node.recalls import standing_recalls
from node.records import Reading
from node.scans.alerts import IMPOSSIBLE_TRAVEL, MANY_SCANS, Alert, alerts_of
from node.scans.log import Scan
from node.storage.store import Store
from node.trace import Direction, Limits, Node, trace
from node.web import words
from node.web.checks import Checked, check
from node.web.cold import Cold, Strip, cold_of, strip_of
from node.web.journey import SOURCE, Journey, JourneyWriter, tellings
from node.web.papers import Papers, papers_of
from node.web.places import Firm, Place, Places
from node.web.product import (
    Claim,
    Numbers,
    Product,
    Source,
    claims_of,
    expiry_of,
    numbers_of,
    product_of,
    sources_of,
)
from node.web.temperature import Temperature, readings_of, summary

_TRIES_MAX: Final = 3
_LIMITS: Final = Limits(depth_max=6, nodes_max=80, branches_max=24, events_max=300)
_REASONS_MAX: Final = 8


class Level(Enum):
    """How a record stands; the value is what programs read."""

    VERIFIED = "verified"
    CAUTION = "caution"
    UNVERIFIED = "unverified"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why to be careful; ``code`` for programs."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the top of the page says. ``notes`` are worth knowing and no reason for caution."""

    level: str
    title: str
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a thing now, who owns it, and where it was last."""

    custodian: Firm | None
    owner: Firm | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page of a thing shows. Times are milliseconds UTC, temperatures milli-degrees Celsius."""

    id: str
    kind: str
    name: str
    status: str
    as_of_ms: int
    outcome: Outcome
    numbers: Numbers
    product: Product | None
    claims: tuple[Claim, ...]
    sources: tuple[Source, ...]
    holder: Holder
    journey: Journey
    temperature: Temperature | None
    cold: Cold | None
    papers: Papers
    checked: Checked

    def to_json(self) -> dict[str, Json]:
        """Return the facts as a JSON object; names and shapes are those of the classes."""
        return cast("dict[str, Json]", asdict(self))


@dataclass(frozen=True, slots=True)
class Told:
    """Facts with the readings behind the chart, which the JSON leaves to the journey."""

    facts: Facts
    readings: tuple[Reading, ...]
    strip: Strip | None


def tell(
    store: Store,
    genesis: Genesis,
    identifier: str,
    now_ms: int,
    printed: Mapping[str, str] | None = None,
    scans: Sequence[Scan] = (),
) -> Told | None:
    """Return the facts of a thing (canonical identifier) as of one block, or None where the ledger knows none.

    ``printed`` is what its code says besides, by application identifier; it is compared with the record. ``scans``
    are those of its code that the node was told of, oldest first.
    """
    for _ in range(_TRIES_MAX):
        tip = store.tip
        thing = find_thing(store, identifier)
        told = None if thing is None else _tell(store, genesis, thing, now_ms, printed or {}, scans)
        if store.tip is tip:
            break
    return told


def find_product(store: Store, gtin: str) -> Product | None:
    """Return a registered product, or None."""
    head = get_head(store, heads.product(gtin))
    return None if head is None else product_of(gtin, head, Places(store))


def _tell(
    store: Store,
    genesis: Genesis,
    thing: Thing,
    now_ms: int,
    printed: Mapping[str, str],
    scans: Sequence[Scan],
) -> Told | None:
    root = trace(store, thing.identifier, Direction.BACK, _LIMITS)
    if root is None:
        return None
    places = Places(store)
    writer = JourneyWriter(store, places)
    told = tellings(root)
    gtin = thing.head.get("product")
    product_head = get_head(store, heads.product(gtin)) if isinstance(gtin, str) else None
    product = None if product_head is None else product_of(cast(str, gtin), product_head, places)
    claims = claims_of(told, places)
    source_names = {node.identifier: writer.name(node.identifier) for node in root.branches.get(Branch.MADE_FROM, [])}
    readings = readings_of(told)
    temperature = summary(readings, product)
    cold = cold_of(store, thing)
    papers = papers_of(store, root, places, now_ms)
    alerts = alerts_of(scans, cast(str, thing.head["status"]))
    checked = check(store, genesis, thing)
    journey = writer.write(told)
    numbers = _numbers(thing, claims)
    facts = Facts(
        id=thing.identifier,
        kind=thing.kind,
        name=writer.name(thing.identifier) if product is None else product.name,
        status=cast(str, thing.head["status"]),
        as_of_ms=now_ms,
        outcome=_outcome(
            checked,
            tuple(_of_recalls(store, thing, numbers.lot, places)),
            (
                *_of_proof(checked),
                *_of_state(thing.head),
                *_of_code(printed, numbers, claims),
                *_of_claims(claims, now_ms),
                *_of_temperature(temperature),
                *_of_cold(cold),
                *_of_scans(alerts),
                *_of_papers(papers),
                *_of_trace(root),
            ),
            (*_of_inner_code(store, thing), *_notes(thing.head, root), *_scan_notes(scans, alerts)),
        ),
        numbers=numbers,
        product=product,
        claims=claims,
        sources=sources_of(told, source_names, places),
        holder=_holder(thing.head, journey, places),
        journey=journey,
        temperature=temperature,
        cold=cold,
        papers=papers,
        checked=checked,
    )
    return Told(facts, tuple(readings), strip_of(store, thing))


def _numbers(thing: Thing, claims: Sequence[Claim]) -> Numbers:
    numbers = numbers_of(thing.identifier, thing.head)
    lots = [claim.value for claim in claims if claim.term == "lotNumber"]
    return numbers if numbers.lot or len(lots) != 1 else Numbers(numbers.gtin, numbers.serial, lots[0], numbers.sscc)


def _holder(head: Head, journey: Journey, places: Places) -> Holder:
    """Return who holds a thing; the place is that of the newest step, which may be its container's."""
    steps = [step for chapter in journey.chapters for step in chapter.steps if step.scope != SOURCE and step.place]
    location = cast("str | None", head.get("location"))
    latest = max(steps, key=lambda step: step.at_ms, default=None)
    place = latest.place if latest is not None else places.place(location) if location is not None else None
    return Holder(
        custodian=places.firm(cast("str | None", head.get("custodian"))),
        owner=places.firm(cast("str | None", head.get("owner"))),
        place=place,
    )


def _outcome(
    checked: Checked, recalls: tuple[Reason, ...], reasons: Iterable[Reason], notes: tuple[Reason, ...]
) -> Outcome:
    shown = tuple(_unique((*recalls, *reasons)))[:_REASONS_MAX]
    if recalls:
        return Outcome(Level.STOP.value, "Recalled", shown, notes)
    if not checked.is_verified:
        return Outcome(Level.UNVERIFIED.value, "Not verified", shown, notes)
    if shown:
        return Outcome(Level.CAUTION.value, "Caution", shown, notes)
    return Outcome(Level.VERIFIED.value, "Record verified", (), notes)


def _of_recalls(store: Store, thing: Thing, lot: str | None, places: Places) -> Iterator[Reason]:
    """Reasons in the recalls that stand: who calls it back, why, and what to do in the words of whoever did."""
    for target, made in standing_recalls(store, thing, lot):
        firm = places.firm(cast(str, made["organisation"]))
        who = cast(str, made["organisation"]) if firm is None else firm.name
        what = {"item": "this very piece", "lot": "its whole lot", "product": "the product"}[target]
        texts = cast("dict[str, str]", made.get("texts", {}))
        advice = texts.get("en") or words.RECALL_ADVICE[cast(str, made["severity"])]
        yield Reason("recalled", f"{who} has recalled {what}: {cast(str, made['reason'])}. {advice}")


def _of_proof(checked: Checked) -> Iterator[Reason]:
    if checked.refusal == "no_certified_block":
        yield Reason("no_certified_block", "The network has not signed a block yet that this page could rest on.")
    elif checked.refusal == "busy":
        yield Reason("busy", "The network is writing faster than this page could be checked. Load it again.")
    elif checked.refusal is not None:
        text = f"This node's own check of the record failed ({checked.refusal}). Ask another member of the network."
        yield Reason("proof_failed", text)


def _of_state(head: Head) -> Iterator[Reason]:
    """Reasons in what the ledger says of the thing now."""
    status = head["status"]
    if status == OBSERVED:
        yield Reason("not_commissioned", "Nobody has recorded where it comes from; others have only seen it.")
    elif status == CONSUMED:
        yield Reason("consumed", "It is recorded as used up to make something else.")
    elif status == DESTROYED:
        yield Reason("destroyed", words.WARNING_DISPOSITIONS["destroyed"])
    elif status == DECOMMISSIONED:
        yield Reason("decommissioned", "It is recorded as taken out of use.")
    for term in (head.get("disposition"), *cast("list[str]", head.get("persistent", []))):
        if isinstance(term, str) and term in words.WARNING_DISPOSITIONS:
            yield Reason(term, words.WARNING_DISPOSITIONS[term])
    for row in cast("list[list[str]]", head.get("marks", [])):
        yield Reason(row[0], words.rule_text(row[0]))
    if head.get("declarations"):
        yield Reason("declared_wrong", "A firm has declared one of its own entries to be wrong.")


def _of_claims(claims: Sequence[Claim], now_ms: int) -> Iterator[Reason]:
    expiry = expiry_of(claims)
    if expiry is not None and expiry[:10] < words.iso_date(now_ms):
        yield Reason("expired", "The date on it has passed.")


def _of_code(printed: Mapping[str, str], numbers: Numbers, claims: Sequence[Claim]) -> Iterator[Reason]:
    """Reasons in a code that says something else than the record."""
    lot = printed.get("10")
    if lot is not None and numbers.lot is not None and lot != numbers.lot:
        yield Reason("lot_differs", f"The code says lot {lot}, the record says lot {numbers.lot}.")
    printed_expiry, expiry = printed.get("17"), expiry_of(claims)
    if printed_expiry is not None and expiry is not None and printed_expiry != expiry[2:10].replace("-", ""):
        yield Reason("expiry_differs", "The date in the code is not the one in the record.")


def _of_temperature(temperature: Temperature | None) -> Iterator[Reason]:
    if temperature is not None and temperature.is_within is False:
        text = f"{temperature.outside} of {words.count_text(temperature.number, 'reading')}"
        yield Reason("temperature", f"It was not kept in the range on its label all the time: {text}.")


def _of_cold(cold: Cold | None) -> Iterator[Reason]:
    """Reasons in what the contracts found about its cold chain."""
    if cold is None:
        return
    if cold.disposition == "REJECT":
        yield Reason("cold_reject", "It was not kept cold as it should be. Do not use it before its maker has said so.")
    elif cold.unacknowledged or cold.disposition == "QUARANTINE":
        yield Reason("cold_quarantine", "Its temperature has to be looked into before it is used.")


def _of_scans(alerts: Sequence[Alert]) -> Iterator[Reason]:
    """Reasons in scans that cannot all be of one thing."""
    for alert in alerts:
        if alert.code == IMPOSSIBLE_TRAVEL:
            yield Reason(alert.code, f"{alert.text} Scan it again; if this stays, ask the shop or the maker.")


def _scan_notes(scans: Sequence[Scan], alerts: Sequence[Alert]) -> Iterator[Reason]:
    """What is worth knowing of the scans, and no reason for caution."""
    if scans:
        number, first = words.count_text(len(scans), "scan"), words.date_text(scans[0].at_ms)
        yield Reason("scanned", f"Told of here: {number} of its code, the first on {first}.")
    for alert in alerts:
        if alert.code == MANY_SCANS:
            yield Reason(alert.code, alert.text)


def _of_papers(papers: Papers) -> Iterator[Reason]:
    """Reasons in papers that were taken back or that customs did not let pass."""
    for paper in papers.documents:
        if paper.state == REVOKED:
            who = "A firm" if paper.said_by is None else paper.said_by.name
            yield Reason("document_revoked", f"{who} has revoked a document about it: {paper.title}. {paper.reason}")
    for declared in papers.declarations:
        if declared.status in ("held", "refused"):
            text = f"Customs have {declared.status} it ({declared.leaves} to {declared.enters})."
            yield Reason(f"customs_{declared.status}", text)


def _of_trace(root: Node) -> Iterator[Reason]:
    """Reasons in what the thing was packed in or made from, while that concerned it."""
    for node in root.walk():
        if node is root:
            continue
        where = "In what it was made from"
        if node.interval is not None:
            where = "While it was packed" if node.relation == PACKED_LINK else "In a part of it"
        for record in node.records:
            for rule in record.violations(node.identifier):
                yield Reason(rule, f"{where}: {words.rule_text(rule)}")
        head = {} if node.thing is None else node.thing.head
        persistent = cast("list[str]", head.get("persistent", []))
        if "recalled" in (head.get("disposition"), *persistent):
            yield Reason("recalled", "It was packed in or made from something that has been recalled.")


def _of_inner_code(store: Store, thing: Thing) -> Iterator[Reason]:
    """Notes about the code that is hidden inside: whether it was used, which an unbroken seal would contradict."""
    head = get_head(store, heads.inner_code(thing.identifier))
    if head is None:
        return
    revealed_ms = head.get("revealed_ms")
    if isinstance(revealed_ms, int):
        date = words.iso_date(revealed_ms)
        text = (
            f"The code hidden inside was used on {date}. If the seal of yours is whole it may be a copy: ask the maker."
        )
        yield Reason("inner_code_used", text)
    else:
        yield Reason("inner_code", "A code is hidden inside it, and nobody has used it yet.")


def _notes(head: Head, root: Node) -> Iterator[Reason]:
    if head.get("disposition") in words.SOLD_DISPOSITIONS:
        yield Reason("sold", "It is recorded as sold. If it is still offered for sale, ask the shop.")
    documents = (record.document for node in root.walk() for record in node.records)
    if any(document is not None and not document.is_whole for document in documents):
        yield Reason("partial_document", "A firm has sent part of a longer report; more entries about it may come.")
    if any(mark.reason == "limit" for node in root.walk() for mark in node.marks):
        yield Reason("limit", "Its story is longer than this page follows; the JSON and the proof have more.")
    if any(mark.reason == "pruned" for node in root.walk() for mark in node.marks):
        yield Reason("pruned", "This node gave up the oldest records; another one may still have them.")


def _unique(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """Yield each reason once, by its words."""
    seen: set[str] = set()
    for reason in reasons:
        if reason.text not in seen:
            seen.add(reason.text)
            yield reason
