"""EPCIS 1.2 and 2.0 in XML, read into the JSON of EPCIS 2.0, which ``document`` then checks as any other.

XML is converted, not judged: a field that is missing or has a wrong value is refused by the rules of ``document``, with
the JSON path of the same place. What has no place in JSON (stray text, unknown attributes, a field twice) is refused
here. Nothing is loaded: a document with a DTD is refused before it is parsed, so there are no entities to expand.

* The wrappers ``extension`` and ``baseExtension`` of EPCIS 1.2 are taken off; they mean nothing.
* Standard terms become barewords. Numbers and truth values of EPCIS's own fields become those of JSON.
* Extensions keep their text as text: XML does not say what is a number. An element with children or attributes becomes
  an object, with ``@name`` for an attribute and ``#text`` for the text; an element that stands twice becomes a list.
* ``event`` of ``urn:tradelane:epcis:json`` in the list of events holds an event in JSON, which XML could not say.
* The order of elements of different names means nothing in EPCIS and is not kept; comments are not either.

Rules: EPCIS 1.2 section 9.5, EPCIS 2.0 (ISO/IEC 19987) section 9.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, NoReturn

from lxml import etree

from standards.epcis import vocabulary
from standards.epcis.document import EVENTS_MAX, EpcisDocument, check_document
from standards.epcis.json_text import DEPTH_MAX, SIZE_BYTES_MAX, JsonObject, JsonValue, loads, path_text
from standards.epcis.xml_names import DOCUMENT_NAMESPACES, EVENT_AS_JSON, QUERY_NAMESPACES, XML_NAMESPACES, Prefixes
from standards.errors import EpcisError
from standards.xml_safety import XmlRefusedError, parse_xml

_Path = tuple[str | int, ...]

_WRAPPERS: Final = frozenset({"extension", "baseExtension"})
_TEXTS: Final = frozenset(
    {"eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "action", "parentID", "transformationID"}
)
_TERMS: Final = {"bizStep": vocabulary.BIZ_STEP, "disposition": vocabulary.DISPOSITION}
_EPC_LISTS: Final = frozenset({"epcList", "childEPCs", "inputEPCList", "outputEPCList"})
_QUANTITY_LISTS: Final = frozenset({"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"})
# List -> its entry, which has the identifier as its text and its type as an attribute.
_TYPED_LISTS: Final = {
    "bizTransactionList": ("bizTransaction", vocabulary.BIZ_TRANSACTION_TYPE),
    "sourceList": ("source", vocabulary.SOURCE_DESTINATION_TYPE),
    "destinationList": ("destination", vocabulary.SOURCE_DESTINATION_TYPE),
}
_SENSOR_NUMBERS: Final = frozenset({"value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"})
_SENSOR_TERMS: Final = {
    "type": vocabulary.MEASUREMENT,
    "component": vocabulary.COMPONENT,
    "exception": vocabulary.SENSOR_ALERT,
}
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
_NUMBER: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")


def parse_xml_document(
    data: bytes, *, events_max: int = EVENTS_MAX, size_bytes_max: int = SIZE_BYTES_MAX
) -> EpcisDocument:
    """Return the document in ``data`` (UTF-8 XML): EPCISDocument, EPCISQueryDocument or a single event.

    Raises
    ------
    EpcisError
        The first reason why the document is none, with its path and rule.

    """
    return check_document(xml_to_json(data, size_bytes_max), events_max)


def xml_to_json(data: bytes, size_bytes_max: int = SIZE_BYTES_MAX) -> JsonObject:
    """Return the JSON of EPCIS 2.0 that an XML document says, unchecked; raises EpcisError."""
    root = _parse(data, size_bytes_max)
    return _Reader(root).document(root)


def _parse(data: bytes, size_bytes_max: int) -> etree._Element:
    try:
        return parse_xml(data, size_bytes_max, DEPTH_MAX)
    except XmlRefusedError as error:
        raise EpcisError("$", error.code, str(error)) from None


class _Reader:
    """Reads one document. Methods take the path of their element in the JSON, for errors."""

    def __init__(self, root: etree._Element) -> None:
        self.prefixes = Prefixes(root)
        self.structured: dict[str, Callable[[etree._Element, _Path], JsonValue]] = {
            **dict.fromkeys(_TEXTS, self.text),
            **dict.fromkeys(_EPC_LISTS, lambda element, path: self.texts(element, "epc", path)),
            **dict.fromkeys(_QUANTITY_LISTS, self.quantities),
            **dict.fromkeys(_TERMS, self.event_term),
            **dict.fromkeys(_TYPED_LISTS, self.typed),
            "readPoint": self.fields,
            "bizLocation": self.fields,
            "persistentDisposition": self.persistent,
            "errorDeclaration": self.declaration,
            "sensorElementList": self.sensors,
            "ilmd": self.fields,
        }

    def document(self, root: etree._Element) -> JsonObject:
        """Return the document or the single event that stands at the root."""
        qualified = etree.QName(root)
        if qualified.localname == "EPCISDocument" and qualified.namespace in DOCUMENT_NAMESPACES:
            value = self.head(root, "EPCISDocument")
            body = self.only(root, "EPCISBody", ("epcisBody",))
            events = self.events(self.only(body, "EventList", ("epcisBody", "eventList")), ("epcisBody", "eventList"))
            return {**value, "epcisBody": {"eventList": events}}
        if qualified.localname == "EPCISQueryDocument" and qualified.namespace in QUERY_NAMESPACES:
            path = ("epcisBody", "queryResults")
            body = self.only(root, "EPCISBody", ("epcisBody",))
            results = self.only(body, "QueryResults", path)
            inner = self.only(results, "resultsBody", (*path, "resultsBody"))
            place = (*path, "resultsBody", "eventList")
            events = self.events(self.only(inner, "EventList", place), place)
            answer: JsonObject = {"resultsBody": {"eventList": events}}
            for child in results:
                name = self.name(child)
                if name in ("queryName", "subscriptionID"):
                    answer[name] = self.text(child, (*path, name))
            return {**self.head(root, "EPCISQueryDocument"), "epcisBody": {"queryResults": answer}}
        if qualified.localname in vocabulary.EVENT_TYPES:
            return {"@context": self.prefixes.context(), **self.event(root, ())}
        known = "EPCISDocument, EPCISQueryDocument or one of the event types"
        message = f"the root is {str(root.tag)[:120]}; it is {known}"
        raise EpcisError("$", "unknown_document", message)

    def head(self, root: etree._Element, kind: str) -> JsonObject:
        """Return what stands before the body."""
        value: JsonObject = {"@context": self.prefixes.context(), "type": kind}
        for name, text in self.attributes(root).items():
            if name not in ("schemaVersion", "creationDate") and ":" not in name:
                _refuse((name,), "unknown_attribute", f"{name[:80]} is no attribute of {kind}; remove it")
            value[name] = text
        for child in self.flat(root):
            name = self.name(child)
            if name == "EPCISHeader":
                value["epcisHeader"] = self.header(child, ("epcisHeader",))
            elif ":" in name:
                self.put(value, name, self.free(child), ())
            elif name != "EPCISBody":
                _refuse((name,), "unknown_field", f"{name[:80]} is no element of {kind}; remove it")
        return value

    def header(self, element: etree._Element, path: _Path) -> JsonObject:
        """Return the header: master data as EPCIS spells it in JSON, all else as an extension."""
        value: JsonObject = {}
        for child in self.flat(element):
            name = self.name(child)
            if name != "EPCISMasterData":
                self.put(value, name, self.free(child), path)
                continue
            lists = [entry for entry in self.flat(child) if self.name(entry) == "VocabularyList"]
            vocabularies: list[JsonValue] = [self.vocabulary(entry) for entries in lists for entry in entries]
            value["epcisMasterData"] = {"vocabularyList": vocabularies}
        return value

    def vocabulary(self, element: etree._Element) -> JsonObject:
        """Return one vocabulary of the master data."""
        members: list[JsonValue] = []
        for entry in (entry for entries in element for entry in entries):
            member: JsonObject = {**self.attributes(entry)}
            attributes: list[JsonValue] = []
            for child in self.flat(entry):
                if self.name(child) == "attribute":
                    written = self.free(child)
                    content = {n: v for n, v in written.items() if n != "@id"} if isinstance(written, dict) else written
                    plain = isinstance(content, dict) and content.keys() <= {"#text"}
                    value = content.get("#text", "") if plain and isinstance(content, dict) else content
                    attributes.append({"id": child.get("id", ""), "attribute": value})
                elif self.name(child) == "children":
                    member["children"] = [(identifier.text or "").strip() for identifier in child]
                else:
                    self.put(member, self.name(child), self.free(child), ("epcisHeader",))
            if attributes:
                member["attributes"] = attributes
            members.append(member)
        return {**self.attributes(element), "vocabularyElementList": members}

    def events(self, element: etree._Element, path: _Path) -> list[JsonValue]:
        """Return the events of a list."""
        self.no_text(element, path)
        return [
            _event_as_json(child, (*path, index)) if child.tag == EVENT_AS_JSON else self.event(child, (*path, index))
            for index, child in enumerate(self.flat(element))
        ]

    def event(self, element: etree._Element, path: _Path) -> JsonObject:
        """Return one event; what its fields must be is not asked here."""
        value: JsonObject = {"type": self.name(element)}
        certificates: list[JsonValue] = []
        self.no_text(element, path)
        for name, text in self.attributes(element).items():
            if not path and name in ("schemaVersion", "creationDate"):
                continue  # a single event brings what belongs to a document, and JSON has no place for it there
            if ":" not in name:
                _refuse((*path, name), "unknown_attribute", f"{name[:80]} is no attribute of an event; remove it")
            value[name] = text
        for child in self.flat(element):
            name = self.name(child)
            if name == "certificationInfo":
                certificates.append(self.text(child, (*path, name)))
            else:
                read = self.structured.get(name)
                self.put(value, name, read(child, (*path, name)) if read else self.free(child), path, once=bool(read))
        if certificates:
            value["certificationInfo"] = certificates[0] if len(certificates) == 1 else certificates
        return value

    def fields(self, element: etree._Element, path: _Path) -> JsonObject:
        """Return the attributes and the children of an element as members of an object."""
        self.no_text(element, path)
        value: JsonObject = {**self.attributes(element)}
        for child in self.flat(element):
            self.put(value, self.name(child), self.free(child), path)
        return value

    def event_term(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return a business step or a disposition."""
        return vocabulary.bareword(_TERMS[self.name(element)], self.text(element, path))

    def quantities(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return a list of amounts of classes."""
        rows: list[JsonValue] = []
        for index, entry in enumerate(self.entries(element, "quantityElement", path)):
            row: JsonObject = {**self.attributes(entry)}
            for child in self.flat(entry):
                name = self.name(child)
                if name == "quantity" and child.get(_NIL, "") in ("true", "1"):
                    continue  # an unknown amount, which JSON says by leaving it out
                text = self.text(child, (*path, index, name))
                self.put(row, name, _number(text) if name == "quantity" else text, (*path, index), once=True)
            rows.append(row)
        return rows

    def typed(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return business transactions, sources or destinations."""
        member, terms = _TYPED_LISTS[self.name(element)]
        rows: list[JsonValue] = []
        for index, entry in enumerate(self.entries(element, member, path)):
            row: JsonObject = {**self.attributes(entry), member: self.text(entry, (*path, index))}
            if isinstance(kind := row.get("type"), str):
                row["type"] = vocabulary.bareword(terms, kind.strip())
            rows.append(row)
        return rows

    def persistent(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return the conditions that an event switches on or off."""
        value: JsonObject = {}
        for child in self.flat(element):
            name = self.name(child)
            known = value.setdefault(name, [])
            assert isinstance(known, list), "only this loop fills it"
            known.append(vocabulary.bareword(vocabulary.DISPOSITION, self.text(child, (*path, name))))
        return value

    def declaration(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return what says that an event was wrong."""
        value: JsonObject = {}
        for child in self.flat(element):
            name, place = self.name(child), (*path, self.name(child))
            if name == "correctiveEventIDs":
                self.put(value, name, self.texts(child, "correctiveEventID", place), path, once=True)
            elif name == "reason":
                term = vocabulary.bareword(vocabulary.ERROR_REASON, self.text(child, place))
                self.put(value, name, term, path, once=True)
            else:
                self.put(value, name, self.free(child), path, once=name == "declarationTime")
        return value

    def sensors(self, element: etree._Element, path: _Path) -> JsonValue:
        """Return the sensor elements."""
        rows: list[JsonValue] = []
        for index, entry in enumerate(self.entries(element, "sensorElement", path)):
            place = (*path, index)
            row: JsonObject = {**self.attributes(entry)}
            reports: list[JsonValue] = []
            for child in self.flat(entry):
                name = self.name(child)
                if name == "sensorReport":
                    reports.append(self.report(child, (*place, name, len(reports))))
                elif name == "sensorMetadata":
                    self.put(row, name, self.fields(child, (*place, name)), place, once=True)
                else:
                    self.put(row, name, self.free(child), place)
            rows.append({**row, "sensorReport": reports})
        return rows

    def report(self, element: etree._Element, path: _Path) -> JsonObject:
        """Return one observation."""
        value = self.fields(element, path)
        for name, written in value.items():
            if not isinstance(written, str):
                continue
            if name in _SENSOR_NUMBERS:
                value[name] = _number(written)
            elif name == "booleanValue":
                value[name] = _TRUTH.get(written.strip(), written)
            elif name in _SENSOR_TERMS:
                value[name] = vocabulary.bareword(_SENSOR_TERMS[name], written.strip())
        return value

    def free(self, element: etree._Element) -> JsonValue:
        """Return an extension: its text, or an object of its attributes and children."""
        attributes = {f"@{name}": value for name, value in self.attributes(element, every=True).items()}
        text = (element.text or "") + "".join(child.tail or "" for child in element)
        if len(element) == 0 and not attributes:
            return text.strip()
        value: JsonObject = {**attributes}
        if text.strip():
            value["#text"] = text.strip()
        for child in element:
            self.put(value, self.name(child), self.free(child), (), many=True)
        return value

    def only(self, parent: etree._Element, name: str, path: _Path) -> etree._Element:
        """Return the one child of a name."""
        found = [child for child in parent if self.name(child) == name]
        if not found:
            _refuse(path, "missing_field", f"{name} is missing; add it")
        if len(found) > 1:
            _refuse(path, "repeated_field", f"{name} stands {len(found)} times; keep one")
        return found[0]

    def entries(self, element: etree._Element, name: str, path: _Path) -> list[etree._Element]:
        """Return the entries of a list, which are all of one name."""
        self.no_text(element, path)
        for child in element:
            if self.name(child) != name:
                message = f"{self.name(child)[:80]} is no entry of this list, which holds {name}; remove it"
                _refuse(path, "unknown_field", message)
        return list(element)

    def texts(self, element: etree._Element, name: str, path: _Path) -> list[JsonValue]:
        """Return a list of texts."""
        return [self.text(entry, (*path, index)) for index, entry in enumerate(self.entries(element, name, path))]

    def text(self, element: etree._Element, path: _Path) -> str:
        """Return the text of an element that holds nothing else."""
        if len(element):
            _refuse(path, "wrong_type", f"{self.name(element)[:80]} holds elements; it is a text")
        return (element.text or "").strip()

    def no_text(self, element: etree._Element, path: _Path) -> None:
        """Refuse text between elements; JSON has no place for it."""
        if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
            _refuse(path, "unexpected_text", "there is text between the elements; remove it")

    def attributes(self, element: etree._Element, *, every: bool = False) -> dict[str, str]:
        """Return the attributes; without ``every``, those that say how to read XML are left out."""
        found = {}
        for key, text in element.attrib.items():
            namespace = etree.QName(str(key)).namespace
            if every or namespace not in XML_NAMESPACES:
                found[self.prefixes.name(str(key))] = str(text)
        return found

    def name(self, element: etree._Element) -> str:
        """Return the name of an element in JSON."""
        return self.prefixes.name(str(element.tag))

    def flat(self, element: etree._Element) -> Iterator[etree._Element]:
        """Return the children, those inside the wrappers of EPCIS 1.2 too."""
        for child in element:
            if self.name(child) in _WRAPPERS:
                yield from self.flat(child)
            else:
                yield child

    def put(
        self, value: JsonObject, name: str, item: JsonValue, path: _Path, *, once: bool = False, many: bool = False
    ) -> None:
        """Add a member; of an extension, or inside one (``many``), all that stand there are kept."""
        if name not in value:
            value[name] = item
        elif once or not (many or ":" in name):
            _refuse((*path, name), "repeated_field", f"{name[:80]} stands twice; keep one")
        else:
            held = value[name]
            value[name] = [*held, item] if isinstance(held, list) else [held, item]


def _number(text: str) -> JsonValue:
    """Return a number of XML as JSON has it, or the text where it is none (the rules of the field refuse it)."""
    matched = _NUMBER.fullmatch(text.strip())
    if matched is None or not (matched[2] or matched[3]):
        return text
    sign, whole, fraction, exponent = matched.groups()
    written = ("-" if sign == "-" else "") + (whole.lstrip("0") or "0")
    written += f".{fraction}" if fraction else ""
    written += f"e{exponent}" if exponent else ""
    number = loads(written.encode())
    assert isinstance(number, int | Decimal), "the text has the form of a number"
    return number


def _event_as_json(element: etree._Element, path: _Path) -> JsonObject:
    """Return the event whose JSON is the text of an element."""
    try:
        value = None if len(element) else loads((element.text or "").encode())
    except EpcisError as error:
        _refuse(path, error.rule, f"the text of {EVENT_AS_JSON} is no event in JSON: {error.message}")
    if not isinstance(value, dict):
        _refuse(path, "wrong_type", f"{EVENT_AS_JSON} holds one JSON object as its text, and no elements")
    return value


def _refuse(path: _Path, rule: str, message: str) -> NoReturn:
    raise EpcisError(path_text(path), rule, message)
