"""The terms of GS1's Core Business Vocabulary in the words of a shopper; dates, temperatures and identifiers as text.

Sources: CBV 2.0 sections 7.1 (business steps) and 7.2 (dispositions), docs/contracts.md (rules). A term that is not
listed is shown as its own words, never left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from urllib.parse import unquote

from contracts.results import ResultCode
from standards.digital_link import CANONICAL_STEM

STEPS: Final[Mapping[str, str]] = {
    "accepting": "Accepted",
    "arriving": "Arrived",
    "assembling": "Assembled",
    "collecting": "Collected",
    "commissioning": "Recorded for the first time",
    "consigning": "Consigned",
    "creating_class_instance": "Made",
    "cycle_counting": "Counted",
    "decommissioning": "Taken out of use",
    "departing": "Departed",
    "destroying": "Destroyed",
    "disassembling": "Taken apart",
    "dispensing": "Dispensed",
    "encoding": "Code written",
    "entering_exiting": "Passed a gate",
    "holding": "Held back",
    "inspecting": "Inspected",
    "installing": "Fitted",
    "killing": "Code made unreadable",
    "loading": "Loaded",
    "other": "Handled",
    "packing": "Packed",
    "picking": "Picked",
    "receiving": "Received",
    "removing": "Removed",
    "repackaging": "Repacked",
    "repairing": "Repaired",
    "replacing": "Replaced",
    "reserving": "Reserved for an order",
    "retail_selling": "Sold",
    "sampling": "Sampled",
    "sensor_reporting": "Measured",
    "shipping": "Shipped",
    "staging_outbound": "Made ready to leave",
    "stock_taking": "Counted",
    "stocking": "Put on the shelf",
    "storing": "Stored",
    "transporting": "On the way",
    "unloading": "Unloaded",
    "unpacking": "Unpacked",
    "void_shipping": "Shipping cancelled",
}
RECALL_ADVICE: Final[Mapping[str, str]] = {
    "check": "Check it before you use it.",
    "return": "Take it back to where you got it.",
    "stop": "Do not use it.",
}
"""What to do, by how bad a recall is, where whoever recalls says nothing."""

WARNING_DISPOSITIONS: Final[Mapping[str, str]] = {
    "damaged": "It is recorded as damaged.",
    "destroyed": "It is recorded as destroyed.",
    "disposed": "It is recorded as thrown away.",
    "expired": "It is recorded as expired.",
    "inactive": "Its code is recorded as no longer in use.",
    "mismatch_class": "It was recorded as not what it should be.",
    "mismatch_instance": "It was recorded as not the one that it should be.",
    "mismatch_quantity": "It was recorded in another quantity than it should be.",
    "needs_replacement": "It is recorded as in need of replacement.",
    "no_pedigree_match": "Its papers are recorded as not matching.",
    "non_conformant": "It is recorded as failing its requirements.",
    "non_sellable_other": "It is recorded as not for sale.",
    "recalled": "It has been recalled. Do not use it; ask the shop or the maker.",
    "stolen": "It is recorded as stolen.",
}
SOLD_DISPOSITIONS: Final = frozenset({"retail_sold", "dispensed"})
# What a broken rule means to somebody who does not know the ledger. What is not here is said as docs/contracts.md does.
_RULES: Final[Mapping[str, str]] = {
    "not_custodian": "A firm recorded something about it that neither held nor owned it.",
    "already_commissioned": "Somebody recorded it as new although it had been recorded before: the code may be copied.",
    "decommissioned": "Something was recorded after it had been taken out of use.",
    "consumed": "Something was recorded after it had been used up to make something else.",
    "destroyed": "Something was recorded after it had been destroyed.",
    "already_sold": "It was recorded as sold a second time: the code may be copied.",
    "undo_too_late": "Somebody took back a sale or a withdrawal more than ten days after it.",
    "undo_by_another": "Somebody took back a sale or a withdrawal that another firm had recorded.",
    "undo_elsewhere": "Somebody took back a sale or a withdrawal in another place.",
    "event_too_old": "Something was recorded long after it is said to have happened.",
    "effect_not_undone": "An entry that its firm has declared to be wrong could not be undone in full.",
    "already_packed": "It was packed although it was recorded as packed elsewhere.",
    "not_packed": "It was seen in or taken out of a container in which it was not recorded.",
    "wrong_parent": "It was seen in another container than the one recorded.",
    "event_in_future": "Something was recorded with a date in the future.",
    "event_before_commissioning": "Something is said to have happened before it was first recorded.",
    "not_commissioned": "Something was recorded of it before its maker recorded it.",
    "quantity_exceeded": "More was taken out than was recorded as there.",
}
_DOCUMENTS: Final[Mapping[str, str]] = {
    "other": "Document",
    "health_certificate": "Health certificate",
    "phytosanitary_certificate": "Plant health certificate",
    "certificate_of_origin": "Certificate of origin",
}
MODES: Final[Mapping[str, str]] = {
    "air": "By air",
    "hub": "Handling",
    "inland_water": "By inland waterway",
    "pipeline": "By pipeline",
    "rail": "By rail",
    "road": "By road",
    "sea": "By sea",
}
DATA_QUALITIES: Final[Mapping[str, str]] = {
    "default": "from average values",
    "modelled": "modelled",
    "primary": "measured",
}
CUSTOMS: Final[Mapping[str, str]] = {
    "declared": "Declared, not decided yet",
    "held": "Held by customs",
    "refused": "Refused by customs",
    "released": "Released by customs",
}
_KEYS: Final[Mapping[str, str]] = {
    "00": "shipping unit",
    "01": "item",
    "253": "document",
    "414": "site",
    "417": "firm",
    "8003": "returnable container",
    "8004": "equipment",
}


def step_text(term: str | None) -> str | None:
    """Return a business step in plain words."""
    return None if term is None else STEPS.get(term) or _spelt_out(term)


def rule_text(rule: str) -> str:
    """Return what it means that a rule was broken."""
    known = _RULES.get(rule)
    if known is None:
        code = ResultCode.__members__.get(rule.upper())
        known = "A rule of the ledger was broken: " + (_spelt_out(rule) if code is None else code.meaning)
    return known


def document_text(kind: str) -> str:
    """Return a kind of document in plain words."""
    return _DOCUMENTS.get(kind) or _spelt_out(kind)


def mass_text(grams: int) -> str:
    """Return a mass such as ``513 g`` or ``1.55 kg``, to three digits or so."""
    if grams < 1_000:
        return f"{grams} g"
    unit, divisor = ("kg", 1_000) if grams < 1_000_000 else ("t", 1_000_000)
    hundredths = (grams * 200 + divisor) // (2 * divisor)
    whole, rest = divmod(hundredths, 100)
    return f"{whole:,}.{rest:02d}".rstrip("0").rstrip(".") + f" {unit}" if whole < 100 else f"{whole:,} {unit}"


def distance_text(metres: int) -> str:
    """Return a distance in whole kilometres, or in metres where it is shorter."""
    return f"{metres} m" if metres < 1_000 else f"{(metres + 500) // 1_000:,} km"


def thing_text(identifier: str) -> str:
    """Return a Digital Link as somebody would call it, such as ``shipping unit ...004175``."""
    parts = identifier.removeprefix(CANONICAL_STEM + "/").split("/")
    if not identifier.startswith(CANONICAL_STEM) or len(parts) < 2:
        return identifier
    # Nobody reads eighteen digits; the last ones tell the pallets of a day apart.
    number = "\u2026" + parts[1][-6:] if parts[0] == "00" else unquote(parts[-1])
    return f"{_KEYS.get(parts[0], 'thing')} {number}"


def shortened(text: str, length_max: int) -> str:
    """Return a text, cut off with an ellipsis where it is longer than this."""
    return text if len(text) <= length_max else text[: length_max - 1].rstrip() + "\u2026"


def date_text(time_ms: int, offset_minutes: int = 0) -> str:
    """Return a date such as ``3 Nov 2026``, in the local time of an offset."""
    moment = _moment(time_ms, offset_minutes)
    return "unknown date" if moment is None else f"{moment.day} {moment:%b} {moment.year}"


def time_text(time_ms: int, offset_minutes: int = 0) -> str:
    """Return a time of day such as ``13:40``, in the local time of an offset."""
    moment = _moment(time_ms, offset_minutes)
    return "" if moment is None else f"{moment:%H:%M}"


def offset_text(offset_minutes: int) -> str:
    """Return an offset such as ``UTC+05:30``."""
    if not offset_minutes:
        return "UTC"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"UTC{'-' if offset_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


def iso_date(time_ms: int) -> str:
    """Return the day as YYYY-MM-DD, UTC."""
    moment = _moment(time_ms, 0)
    return "" if moment is None else moment.date().isoformat()


def span_text(first_ms: int, first_offset: int, last_ms: int, last_offset: int) -> str:
    """Return the days of a stretch of time, such as ``3-4 Nov 2026``."""
    return joined_dates(date_text(first_ms, first_offset), date_text(last_ms, last_offset))


def joined_dates(first: str, last: str) -> str:
    """Return two dates as one text that says what they share once."""
    if first == last:
        return first
    first_parts, last_parts = first.split(" "), last.split(" ")
    while len(first_parts) > 1 and first_parts[-1] == last_parts[-1]:
        first_parts.pop()
        last_parts.pop()
    shared = last.removeprefix(" ".join(last_parts))
    joined = "\u2013" if len(first_parts) == 1 else " \u2013 "
    return " ".join(first_parts) + joined + " ".join(last_parts) + shared


def celsius_text(lowest: int, highest: int | None = None) -> str:
    """Return a temperature or a range of them, given in milli-degrees, to a tenth of a degree."""
    if highest is None or highest == lowest:
        return f"{_degrees(lowest)} °C"
    return f"{_degrees(lowest)} to {_degrees(highest)} °C"


def count_text(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _degrees(milli_celsius: int) -> str:
    tenths = (abs(milli_celsius) + 50) // 100
    whole, tenth = divmod(tenths, 10)
    minus = "\u2212" if milli_celsius < 0 and tenths else ""
    return f"{minus}{whole}.{tenth}" if tenth else f"{minus}{whole}"


def _moment(time_ms: int, offset_minutes: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(timezone(timedelta(minutes=offset_minutes)))
    except (OverflowError, ValueError, OSError):
        return None


def _spelt_out(term: str) -> str:
    """Return the last part of a term as words."""
    words = term.rsplit("/", 1)[-1].rsplit(":", 1)[-1].replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else term
