"""What a thing is: its numbers, its product, and what was said of it when it was recorded for the first time.

The latter are instance and lot master data (ILMD) of the events that brought it into being; they are what a firm
claims, so each fact carries the firm. Known terms of the CBV get plain words, others are shown under their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import unquote

from contracts.provenance.events import ADD, OBJECT, TRANSFORMATION
from ledger.state import Head
from node.records import Record
from node.web import words
from node.web.journey import OWN, SOURCE, Telling, written_event
from node.web.places import Firm, Places
from standards.countries import country_name
from standards.digital_link import CANONICAL_STEM

_FACTS_MAX: Final = 24
_VALUE_LENGTH_MAX: Final = 160
_DATE: Final = "date"
_COUNTRY: Final = "country"
_TEXT: Final = "text"
# Term of the CBV -> what a shopper calls it, and what kind of value it has. Terms come with any prefix or none.
_TERMS: Final[Mapping[str, tuple[str, str]]] = {
    "itemExpirationDate": ("Use by", _DATE),
    "bestBeforeDate": ("Best before", _DATE),
    "sellByDate": ("Sell by", _DATE),
    "productionDate": ("Made on", _DATE),
    "packagingDate": ("Packed on", _DATE),
    "lotNumber": ("Lot", _TEXT),
    "countryOfOrigin": ("Country of origin", _COUNTRY),
    "countryOfExport": ("Exported from", _COUNTRY),
    "provinceStateOfOrigin": ("Region of origin", _TEXT),
    "speciesForFisheryStatisticsPurposesName": ("Species", _TEXT),
    "vesselName": ("Vessel", _TEXT),
    "vesselID": ("Vessel number", _TEXT),
    "vesselCatchInformationList": ("Vessels", _TEXT),
    "catchArea": ("Catch area (FAO)", _TEXT),
    "harvestStartDate": ("Caught or harvested from", _DATE),
    "harvestEndDate": ("Caught or harvested until", _DATE),
    "productionMethodForFishAndSeafoodCode": ("Production", _TEXT),
    "storageStateCode": ("Storage", _TEXT),
    "certificationStandard": ("Certificate", _TEXT),
    "certificationAgency": ("Certified by", _TEXT),
    "measurement": ("Measure", _TEXT),
    "growingMethodCode": ("Growing method", _TEXT),
    "farm": ("Farm", _TEXT),
    "breedCode": ("Breed", _TEXT),
    "drainedWeight": ("Drained weight", _TEXT),
    "grossWeight": ("Gross weight", _TEXT),
    "netWeight": ("Net weight", _TEXT),
}
# Codes that only say again what another term says in words.
_LEFT_OUT: Final = frozenset({"speciesForFisheryStatisticsPurposesCode"})
_VALUES: Final[Mapping[str, str]] = {
    "MARINE_FISHERY": "Caught at sea",
    "INLAND_FISHERY": "Caught in fresh water",
    "AQUACULTURE": "Farmed",
}
_EXPIRY_TERMS: Final = frozenset({"itemExpirationDate", "bestBeforeDate"})


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a firm says of a thing: the term, its plain words, the value as text."""

    term: str
    label: str
    value: str
    claimed_by: Firm | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """The GS1 numbers of a thing, as printed on it."""

    gtin: str | None = None
    serial: str | None = None
    lot: str | None = None
    sscc: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What a GTIN stands for, as its owner registered it."""

    gtin: str
    name: str
    brand: str | None
    maker: Firm | None
    description: str | None
    origin: str | None
    lowest_milli_celsius: int | None
    highest_milli_celsius: int | None

    @property
    def storage(self) -> str | None:
        """How to keep it, as text."""
        if self.lowest_milli_celsius is None or self.highest_milli_celsius is None:
            return None
        if self.highest_milli_celsius <= 0:
            return f"Keep at {words.celsius_text(self.highest_milli_celsius)} or colder"
        return f"Keep at {words.celsius_text(self.lowest_milli_celsius, self.highest_milli_celsius)}"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a thing was made from, with the number of pieces and what was claimed of them."""

    name: str
    number: int
    claims: tuple[Claim, ...]


def numbers_of(identifier: str, head: Head) -> Numbers:
    """Return the numbers in an identifier; the lot comes from the head where the identifier has none."""
    parts = identifier.removeprefix(CANONICAL_STEM + "/").split("/")
    values = {name: unquote(value) for name, value in zip(parts[::2], parts[1::2], strict=False)}
    lot = values.get("10", head.get("lot"))
    return Numbers(values.get("01"), values.get("21"), cast("str | None", lot), values.get("00"))


def product_of(gtin: str, head: Head, places: Places) -> Product:
    """Return a product out of its head."""
    storage = head.get("storage")
    lowest, highest = (
        (cast(int, storage["min_milli_celsius"]), cast(int, storage["max_milli_celsius"]))
        if isinstance(storage, dict)
        else (None, None)
    )
    country = head.get("country_of_origin")
    return Product(
        gtin=gtin,
        name=cast(str, head["name"]),
        brand=cast("str | None", head.get("brand")),
        maker=places.firm(cast(str, head["owner"])),
        description=cast("str | None", head.get("description")),
        origin=country_name(country) if isinstance(country, str) else None,
        lowest_milli_celsius=lowest,
        highest_milli_celsius=highest,
    )


def claims_of(told: Iterable[Telling], places: Places) -> tuple[Claim, ...]:
    """Return what was claimed of a thing when it came into being, each term once, the last word of each firm."""
    found: dict[tuple[str, str | None], Claim] = {}
    for telling in told:
        record = telling.record
        if telling.scope == OWN and _brings_into_being(record, telling.node.identifier):
            for claim in _claims(record, places):
                found[claim.term, record.organisation] = claim
    return _ordered(found.values())


def sources_of(told: Iterable[Telling], names: Mapping[str, str], places: Places) -> tuple[Source, ...]:
    """Return what a thing was made from, by name; ``names`` has the source things of the trace."""
    claims: dict[str, dict[str, Claim]] = {name: {} for name in names.values()}
    for telling in told:
        record = telling.record
        name = names.get(telling.node.identifier)
        if telling.scope == SOURCE and name is not None and _brings_into_being(record, telling.node.identifier):
            claims[name].update((claim.term, claim) for claim in _claims(record, places))
    listed = list(names.values())
    return tuple(Source(name, listed.count(name), _ordered(rows.values())) for name, rows in claims.items())


def expiry_of(claims: Iterable[Claim]) -> str | None:
    """Return the earliest date (YYYY-MM-DD) after which a thing is not to be used, or None."""
    dates = [claim.value for claim in claims if claim.term in _EXPIRY_TERMS and _is_date(claim.value)]
    return min(dates, default=None)


def value_text(claim: Claim) -> str:
    """Return the value of a claim for people."""
    kind = _TERMS.get(claim.term, ("", _TEXT))[1]
    if kind == _DATE and _is_date(claim.value):
        year, month, day = claim.value[:10].split("-")
        return f"{int(day)} {_MONTHS[int(month) - 1]} {year}"
    return country_name(claim.value) if kind == _COUNTRY else _VALUES.get(claim.value, claim.value)


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _ordered(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    order = {term: number for number, term in enumerate(_TERMS)}
    return tuple(sorted(claims, key=lambda claim: order.get(claim.term, len(order))))[:_FACTS_MAX]


def _is_date(value: str) -> bool:
    parts = value[:10].split("-")
    return (
        [len(part) for part in parts] == [4, 2, 2]
        and all(part.isascii() and part.isdigit() for part in parts)
        and 1 <= int(parts[1]) <= 12
        and 1 <= int(parts[2]) <= 31
    )


def _brings_into_being(record: Record, identifier: str) -> bool:
    event = record.event
    if event is None or event.declaration is not None or record.is_declared_wrong:
        return False
    if "already_commissioned" in record.violations(identifier) or "not_custodian" in record.violations(identifier):
        return False
    classes = (quantity.class_id for quantity in (*event.quantities, *event.output_quantities))
    named = identifier in (*event.epcs, *event.outputs, *classes)
    return named and (event.type == TRANSFORMATION or (event.type == OBJECT and event.action == ADD))


def _claims(record: Record, places: Places) -> Iterator[Claim]:
    ilmd = written_event(record).get("ilmd")
    if not isinstance(ilmd, dict):
        return
    for key, value in ilmd.items():
        term = key.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        text = _plain(value)
        if text and term not in _LEFT_OUT and not key.startswith("@"):
            label = _TERMS.get(term, (_label(term), _TEXT))[0]
            yield Claim(term, label, text[:_VALUE_LENGTH_MAX], places.firm(record.organisation))


def _plain(value: object) -> str:
    """Return a value of any shape as a short text; nothing for what is nested deeper than a list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_plain, value[:10])))
    if isinstance(value, dict):
        return _plain(value.get("@value", ""))
    return "" if value is None else str(value).strip()


def _label(term: str) -> str:
    """Return a term such as ``waterTemperature`` as words."""
    spaced = "".join(f" {character.lower()}" if character.isupper() else character for character in term)
    spaced = spaced.replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:]
