"""Messages held against the schemas of ISO 20022, which the user brings: their licence is not ours to hand on.

A schema that would load another file is refused. A fault names element, line and rule; the value, which may be of a
person, is left out of what libxml2 says of it.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, cast

from lxml import etree

from standards.errors import IsoError
from standards.iso20022.parsing import (
    DEPTH_MAX,
    NAMESPACE_PREFIX,
    Message,
    element_path,
    message_identifier,
    source_line,
)
from standards.xml_safety import XmlRefusedError, parse_xml

SCHEMA_BYTES_MAX: Final = 4 * 1024 * 1024
FAULTS_MAX: Final = 20

_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema}"
_LOADING: Final = frozenset(f"{_SCHEMA}{name}" for name in ("import", "include", "redefine", "override"))
_NAME: Final = re.compile(r"^Element '(?:\{[^}]*\})?([^']*)'(?:, attribute '(?:\{[^}]*\})?([^']*)')?: ")
_RULE: Final = re.compile(r"^\[(?:facet '(\w+)'|(\w+))\] ")
_VALUE: Final = re.compile(r"(?:(?:The |QName )?value |^)'.*'(?= (?:is|has|of|does)\b)", re.DOTALL)
_NAMESPACE: Final = re.compile(r"\{[^}]*\}")


def read_schema(data: bytes) -> tuple[str, etree.XMLSchema]:
    """Return which message a schema (XSD) is of, and the schema, ready for use; raises IsoError."""
    unusable = IsoError("schema_broken", "this is no XML schema that can be used")
    try:
        root = parse_xml(data, SCHEMA_BYTES_MAX, DEPTH_MAX)
    except XmlRefusedError:
        raise unusable from None
    if any(element.tag in _LOADING for element in root.iter()):
        raise IsoError("schema_broken", "the schema loads another file, which those of ISO 20022 do not")
    try:
        return (root.get("targetNamespace") or "").removeprefix(NAMESPACE_PREFIX), etree.XMLSchema(root)
    except etree.XMLSchemaParseError:
        raise unusable from None


def check_schema(message: Message, schemas: Mapping[str, etree.XMLSchema]) -> list[IsoError]:
    """Return what breaks the schemas, first the header's, at most FAULTS_MAX faults.

    Raises
    ------
    IsoError
        ``no_schema``: none is given for the message. A header is checked where a schema for it is given.

    """
    if message.identifier not in schemas:
        raise IsoError("no_schema", f"no schema of {message.identifier} is given; ISO publishes it, and banks do")
    faults: list[IsoError] = []
    for element in (message.header, message.document):
        schema = None if element is None else schemas.get(message_identifier(element))
        if element is None or schema is None or schema.validate(element):
            continue
        # To find the element of a fault is a walk through the message, so no more are looked at than are told.
        first = islice(cast("Iterable[Any]", schema.error_log), FAULTS_MAX - len(faults))
        faults += [_fault(element, str(each.message), int(each.line), str(each.type_name)) for each in first]
    return faults


def _fault(top: etree._Element, text: str, line: int, type_name: str) -> IsoError:
    """Return what libxml2 says of an element in our words: where, by which rule, and never the value."""
    named = _NAME.match(text)
    text = text[named.end() :] if named else text
    rule = _RULE.match(text)
    text = text[rule.end() :] if rule else text
    name = named[1] if named else ""
    found = [each for each in top.iter() if source_line(each) == line and etree.QName(each).localname == name]
    path = element_path(found[0]) if found else name
    if named and named[2]:
        path += f"/@{named[2]}"
    said = _NAMESPACE.sub("", _VALUE.sub("its value", text)).strip()[:300]
    code = (rule[1] or rule[2]).lower() if rule else type_name.removeprefix("SCHEMAV_").lower()
    return IsoError(code, said[:1].upper() + said[1:], path, line)
