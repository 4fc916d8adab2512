"""Records and XML by one table for both directions, so that what is written reads back equal.

A ``Layout`` lists the fields of a record in the order of the schema, each with its path of element names. Reading takes
what the table names and passes over all else; of what may repeat it takes the first, unless the field has a form for
several. Writing leaves out what is None. A step that begins with ``t:`` is in our own namespace, for what stands in
``SplmtryData``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast

from lxml import etree

from standards.errors import IsoError
from standards.iso20022.parsing import NAMESPACE_PREFIX, element_path, source_line

LEDGER_NAMESPACE: Final = "urn:tradelane:iso20022:ledger:1"

_AMOUNT: Final = re.compile(r"\s*\+?([0-9]*)(?:\.([0-9]*))?\s*")
_AMOUNT_DIGITS_MAX: Final = 18
_FRACTION_DIGITS_MAX: Final = 5
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNT: Final = re.compile(r"[0-9]{1,15}")
# What XML 1.0 has no way to hold, not even escaped.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

Record = TypeVar("Record")


class Form(Enum):
    """How a field is written: a text, a number, an amount with its currency, texts, a record, several records."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    TEXTS = "texts"
    ONE = "one"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units as plain decimal text, and its currency."""

    amount: str
    currency: str

    @property
    def value(self) -> Decimal:
        """The amount as a number."""
        return Decimal(self.amount)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record: ``path`` below the record's element, ``also`` paths that earlier versions have instead."""

    name: str
    path: str
    form: Form = Form.TEXT
    of: "Layout[Any] | None" = None
    also: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Layout(Generic[Record]):
    """How a record is laid out."""

    make: type[Record]
    fields: tuple[Field, ...]


def read_record(element: etree._Element, layout: Layout[Record]) -> Record:
    """Return the record that an element holds; raises IsoError with the element that is missing or wrong."""
    namespace = etree.QName(element).namespace or ""
    values: dict[str, Any] = {}
    for field in layout.fields:
        found = _find(element, field, namespace)
        if field.is_required and not found:
            place = f"{element_path(element)}/{field.path}"
            raise IsoError("missing", "it has to be there", place, source_line(element))
        values[field.name] = _value(found, field)
    return layout.make(**values)


def write_record(parent: etree._Element, layout: Layout[Record], record: Record) -> None:
    """Write the fields of a record below its element, in the order of the layout."""
    namespace = etree.QName(parent).namespace or ""
    for field in layout.fields:
        for value in _several(getattr(record, field.name), field.form):
            element = _reach(parent, field.path.split("/"), namespace)
            if isinstance(value, Money):
                element.text = value.amount
                element.set("Ccy", value.currency)
            elif field.of is not None:
                write_record(element, field.of, value)
            else:
                element.text = writable(str(value))


def writable(text: str) -> str:
    """Return a text as XML can hold it: a character that it has no way to write becomes U+FFFD."""
    return _UNFIT.sub("\ufffd", text)


def write_message(identifier: str, name: str, layout: Layout[Record], record: Record) -> bytes:
    """Return a message as UTF-8 XML: its Document with the one element ``name``."""
    namespace = f"{NAMESPACE_PREFIX}{identifier}"
    document = etree.Element(f"{{{namespace}}}Document", nsmap=cast("dict[str, str]", {None: namespace}))
    write_record(etree.SubElement(document, f"{{{namespace}}}{name}"), layout, record)
    written = etree.tostring(document, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    assert isinstance(written, bytes), "an encoding was given"
    return written


def _several(value: object, form: Form) -> Sequence[Any]:
    if value is None:
        return ()
    return cast("Sequence[object]", value) if form in (Form.MANY, Form.TEXTS) else (value,)


def _tag(step: str, namespace: str) -> str:
    return f"{{{LEDGER_NAMESPACE}}}{step[2:]}" if step.startswith("t:") else f"{{{namespace}}}{step}"


def _reach(parent: etree._Element, steps: Sequence[str], namespace: str) -> etree._Element:
    """Return a new element at a path; what leads to it is shared with the field before, where that went there."""
    for step in steps[:-1]:
        tag = _tag(step, namespace)
        last = parent[-1] if len(parent) else None
        parent = last if last is not None and last.tag == tag else _new(parent, tag)
    return _new(parent, _tag(steps[-1], namespace))


def _new(parent: etree._Element, tag: str) -> etree._Element:
    own = etree.QName(tag).namespace
    is_other = own != etree.QName(parent).namespace
    return etree.SubElement(parent, tag, nsmap=cast("dict[str, str]", {None: own} if is_other else {}))


def _find(element: etree._Element, field: Field, namespace: str) -> list[etree._Element]:
    for path in (field.path, *field.also):
        found = [element]
        for tag in _tags(path, namespace):
            found = [child for each in found for child in each.iterchildren(tag)]
            if not found:
                break
        else:
            return found
    return []


@lru_cache(maxsize=4096)
def _tags(path: str, namespace: str) -> tuple[str, ...]:
    return tuple(_tag(step, namespace) for step in path.split("/"))


def _value(found: list[etree._Element], field: Field) -> object:
    if field.form is Form.TEXTS:
        return tuple(_text(each) for each in found)
    if field.form is Form.MANY:
        assert field.of is not None, "rows have a layout"
        return tuple(read_record(each, field.of) for each in found)
    if not found:
        return None
    if field.of is not None:
        return read_record(found[0], field.of)
    if field.form is Form.MONEY:
        return _money(found[0])
    if field.form is Form.COUNT:
        text = _text(found[0]).strip()
        if _COUNT.fullmatch(text) is None:
            raise _wrong("number", "it is no whole number", found[0])
        return int(text)
    return _text(found[0])


def _text(element: etree._Element) -> str:
    if len(element):
        raise _wrong("text", "it holds elements where a text belongs", element)
    return element.text or ""


def _money(element: etree._Element) -> Money:
    currency = element.get("Ccy")
    matched = _AMOUNT.fullmatch(_text(element))
    if currency is None or _CURRENCY.fullmatch(currency) is None:
        raise _wrong("currency", "an amount names its currency in Ccy, three capital letters", element)
    whole, fraction = (matched[1].lstrip("0") or "0", matched[2] or "") if matched else ("", "")
    is_empty = matched is None or not (matched[1] or matched[2])
    if is_empty or len(whole) + len(fraction) > _AMOUNT_DIGITS_MAX or len(fraction) > _FRACTION_DIGITS_MAX:
        raise _wrong("amount", "it is no amount of at most 18 digits, 5 of them behind the point", element)
    return Money(f"{whole}.{fraction}" if fraction else whole, currency)


def _wrong(code: str, message: str, element: etree._Element) -> IsoError:
    return IsoError(code, message, element_path(element), source_line(element))
