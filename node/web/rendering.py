"""Facts to HTML: one page, complete in itself. The policy lets it load nothing but what it brings.

Templates escape everything; the one piece of markup made outside of them is the chart, which is made of numbers.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.provenance.life import ACTIVE
from ledger.genesis import Genesis
from ledger.proof import trust_from_genesis, trust_to_json
from ledger.readable import Json
from ledger.state import head_key
from node.web import words
from node.web.cold_part import ColdPart, cold_part
from node.web.consumer import Facts, Told
from node.web.journey import OWN, SOURCE, Chapter, HandOver, Step
from node.web.journey_map import map_svg, spots_of
from node.web.papers_part import PapersPart, papers_part
from node.web.places import Firm
from node.web.product import Claim, Product, Source, value_text
from node.web.scripts import one_script
from node.web.temperature import chart
from standards.digital_link import CANONICAL_STEM

_TEMPLATES: Final = Path(__file__).parent / "templates"
_DAYS: Final = ("harvestStartDate", "harvestEndDate")


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a table of facts."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a thing was made from, with its facts and who claims them."""

    name: str
    number: int
    claims: tuple[Fact, ...]
    claimed_by: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A step as a line: the date where it differs from the line above, what it is about where that changes."""

    step: Step
    date: str | None
    about: str | None
    about_path: str | None
    datetime: str
    zone: str


@dataclass(frozen=True, slots=True)
class Part:
    """A chapter as it is shown."""

    recorded_by: Firm | None
    days: str
    steps: tuple[Row, ...]
    hand_overs: tuple[HandOver, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """What the check in the browser goes by: the key of the thing (hexadecimal), its records, the proof's address.

    ``trust`` is the trust file of ``validators`` members, ready to stand in a data block.
    """

    key: str
    count: int
    proof: str
    trust: Markup
    validators: int


@dataclass(frozen=True, slots=True)
class Page:
    """Facts with the texts that only the page needs."""

    facts: Facts
    check: Check
    claims: tuple[Fact, ...]
    sources: tuple[Origin, ...]
    chapters: tuple[Part, ...]
    last_step: Step | None
    map: Markup | None
    papers: PapersPart
    cold: ColdPart | None
    chart: Markup | None
    range: str
    limits: str
    is_current: bool
    faults_tolerated: int
    from_date: str
    until_date: str
    block_time: str
    made_date: str


class Renderer:
    """Renders pages for one network; made once, used by every request."""

    def __init__(self, genesis: Genesis) -> None:
        self._network = genesis.network
        self._trust = _data_block(trust_to_json(trust_from_genesis(genesis)))
        self._validators = len(genesis.validators)
        self._environment = template_environment()
        self._environment.filters["lower_first"] = _lower_first
        self._style = read_style("style.css")
        self._script = one_script()
        self.headers = page_headers(self._style, "script-src 'self'; connect-src 'self'; ")

    def thing(self, told: Told, links: Mapping[str, str]) -> str:
        """Return the page of a thing."""
        return self._render("thing.html", page=_page(told, self._check(told, links["proof"])), links=links)

    def offline(self, told: Told, bundle: Mapping[str, Json], recalls: Mapping[str, Json]) -> str:
        """Return a page that checks the proof of a thing without a server, complete in one file.

        It may run its own script and load nothing, so that it cannot tell anybody that it was opened.
        """
        facts = told.facts
        return self._render(
            "offline.html",
            policy=f"default-src 'none'; script-src {_source(self._script)}; style-src {_source(self._style)}; "
            "base-uri 'none'; form-action 'none'",
            name=facts.name,
            identifier=facts.id,
            saved=f"{words.date_text(facts.as_of_ms)}, {words.time_text(facts.as_of_ms)} UTC",
            check=self._check(told, ""),
            bundle=_data_block(json.dumps(bundle, ensure_ascii=False, separators=(",", ":"))),
            recalls=_data_block(json.dumps(recalls, ensure_ascii=False, separators=(",", ":"))),
            script=Markup(self._script),  # noqa: S704 (a file of this package)
        )

    def product(self, product: Product, links: Mapping[str, str]) -> str:
        """Return the page of a product that is not about one piece."""
        return self._render("product.html", product=product, links=links)

    def message(self, title: str, text: str, advice: Sequence[str] = (), identifier: str | None = None) -> str:
        """Return a page that says why there is nothing else to show."""
        return self._render("message.html", title=title, text=text, advice=advice, identifier=identifier)

    def _check(self, told: Told, proof: str) -> Check:
        facts = told.facts
        return Check(
            key=head_key(facts.kind, facts.id).hex(),
            count=facts.checked.count,
            proof=proof,
            trust=self._trust,
            validators=self._validators,
        )

    def _render(self, template: str, **values: object) -> str:
        # The style is ours, and its hash is in the policy, so it must not be escaped.
        style = Markup(self._style)  # noqa: S704 (a file of this package)
        return self._environment.get_template(template).render(style=style, network=self._network, **values)


def template_environment() -> Environment:
    """Return what renders the templates of this package: it escapes everything and knows every name."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def read_style(name: str) -> str:
    """Return a style sheet of this package, to be put into a page."""
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def page_headers(style: str, scripts: str = "") -> Mapping[str, str]:
    """Return the headers that keep a page with this style to itself; ``scripts`` are rules of the policy for them."""
    return {
        "content-security-policy": f"default-src 'none'; {scripts}style-src {_source(style)}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }


def _data_block(text: str) -> Markup:
    """Return JSON for a ``<script type="application/json">``, which would end at any ``</script`` in it."""
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 (no tag is left in it)


def _source(text: str) -> str:
    """Return how a policy names an inline script or style (CSP level 3, section 2.3.1)."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _page(told: Told, check: Check) -> Page:
    facts, readings = told.facts, list(told.readings)
    steps = [step for chapter in facts.journey.chapters for step in chapter.steps]
    temperature = facts.temperature
    return Page(
        facts=facts,
        check=check,
        claims=tuple(_facts(claim for claim in facts.claims if not _is_shown_elsewhere(claim, facts))),
        sources=tuple(map(_origin, facts.sources)),
        chapters=tuple(_parts(facts.journey.chapters, facts.name)),
        last_step=max(steps, key=lambda step: step.at_ms, default=None),
        map=map_svg(spots_of(steps)),
        papers=papers_part(facts.papers),
        cold=None if facts.cold is None else cold_part(facts.cold, told.strip),
        chart=chart(readings, facts.product) if readings else None,
        range=_range(facts.product),
        limits=_limits(facts.product),
        is_current=facts.status == ACTIVE and all(note.code != "sold" for note in facts.outcome.notes),
        faults_tolerated=(facts.checked.validators - 1) // 3,
        from_date="" if temperature is None else words.date_text(temperature.from_ms),
        until_date="" if temperature is None else words.date_text(temperature.until_ms),
        block_time=f"{words.date_text(facts.checked.time_ms)}, {words.time_text(facts.checked.time_ms)} UTC",
        made_date=f"{words.date_text(facts.as_of_ms)}, {words.time_text(facts.as_of_ms)} UTC",
    )


def _parts(chapters: Sequence[Chapter], name: str) -> list[Part]:
    """Return the chapters with what is said once: a date above its first step, a change of what a step is about."""
    about: tuple[str, str | None] = (OWN, None)
    parts = []
    for chapter in chapters:
        # The chapter names its only day itself.
        date = chapter.days
        rows = []
        for step in chapter.steps:
            current = (step.scope, step.about)
            rows.append(
                Row(
                    step=step,
                    date=None if step.date == date else step.date.rsplit(" ", 1)[0],
                    about=None if current == about else _about(step, about[0], name),
                    about_path=_path(step.about_id) if step.scope != OWN else None,
                    datetime=_iso(step.at_ms),
                    zone=words.offset_text(step.offset_minutes),
                )
            )
            date, about = step.date, current
        parts.append(Part(chapter.recorded_by, chapter.days, tuple(rows), chapter.hand_overs))
    return parts


def _about(step: Step, before: str, name: str) -> str:
    if step.scope == OWN:
        return f"Now: {name}" if before == SOURCE else "On its own again"
    return f"{'Made from' if step.scope == SOURCE else 'Inside'}: {step.about}"


def _path(identifier: str) -> str | None:
    """Return where this node has the page of a thing, or None where its identifier is not GS1's."""
    return identifier.removeprefix(CANONICAL_STEM) if identifier.startswith(f"{CANONICAL_STEM}/") else None


def _origin(source: Source) -> Origin:
    firms = list(dict.fromkeys(claim.claimed_by.name for claim in source.claims if claim.claimed_by is not None))
    return Origin(source.name, source.number, tuple(_facts(source.claims)), ", ".join(firms) or None)


def _facts(claims: Iterable[Claim]) -> list[Fact]:
    """Return claims as lines; the first and the last day of a catch or a harvest make one line."""
    rows = list(claims)
    days = {claim.term: claim for claim in rows if claim.term in _DAYS}
    facts = []
    for claim in rows:
        if len(days) == len(_DAYS) and claim.term in _DAYS:
            if claim is days[_DAYS[0]]:
                first, last = (value_text(days[term]) for term in _DAYS)
                facts.append(Fact("Caught or harvested", words.joined_dates(first, last)))
        else:
            facts.append(Fact(claim.label, value_text(claim)))
    return facts


def _is_shown_elsewhere(claim: Claim, facts: Facts) -> bool:
    if claim.term == "lotNumber":
        return facts.numbers.lot is not None
    return claim.term == "countryOfOrigin" and facts.product is not None and value_text(claim) == facts.product.origin


def _limits(product: Product | None) -> str:
    """Return what the dashed lines of the chart are."""
    if product is None or product.lowest_milli_celsius is None or product.highest_milli_celsius is None:
        return ""
    is_one_sided = product.highest_milli_celsius <= 0
    return "limit " + words.celsius_text(
        product.highest_milli_celsius if is_one_sided else product.lowest_milli_celsius, product.highest_milli_celsius
    )


def _range(product: Product | None) -> str:
    if product is None or product.lowest_milli_celsius is None or product.highest_milli_celsius is None:
        return ""
    if product.highest_milli_celsius <= 0:
        return f"{words.celsius_text(product.highest_milli_celsius)} or colder"
    return words.celsius_text(product.lowest_milli_celsius, product.highest_milli_celsius)


def _iso(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
