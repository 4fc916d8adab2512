"""The JSON of EPCIS 2.0 written as EPCIS 2.0 XML: documents, answers to queries and single events.

What is written is read again and compared before it is given away. An event that XML cannot say stands among the others
in JSON, as the text of an element of our own, with the reason beside it: the schema has room for one, and our reader
takes it back without loss. Where there is no such room, alone or around the events, it is refused with its path. XML
cannot say null, an empty object or list in an extension, a list in a list, a name that is none of XML, a prefix without
a namespace, an @context that is more than prefixes, master data and the fields of a document that only JSON has.

Three things change, because XML has no types: numbers and truth values of extensions become text, a list of one
becomes its entry, and the long spellings of a standard term become one. Nothing else does: the schema wants an epcList
or childEPCs even where it is empty, JSON does not, and none is added, since the event would not be the same.

Rules: EPCIS 2.0 (ISO/IEC 19987) section 9.5; the order of elements is that of its schema.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NoReturn

from lxml import etree

from standards.epcis import vocabulary
from standards.epcis.json_text import JsonObject, JsonValue, dumps, path_text
from standards.epcis.operations import STANDARD_CONTEXTS
from standards.epcis.xml_names import DOCUMENT_NAMESPACES, EVENT_AS_JSON, QUERY_NAMESPACES, STANDARD_PREFIXES
from standards.epcis.xml_read import xml_to_json
from standards.errors import EpcisError

_Path = tuple[str | int, ...]
_Namespaces = Mapping[str, str]

_FIRST: Final = "eventTime recordTime eventTimeZoneOffset eventID errorDeclaration certificationInfo"
_WHERE: Final = "bizStep disposition readPoint bizLocation"
_LAST: Final = "sourceList destinationList sensorElementList persistentDisposition ilmd"
# Event type -> its fields in the order of the schema; every other field stands behind them.
_ORDER: Final = {
    "ObjectEvent": f"{_FIRST} epcList action {_WHERE} bizTransactionList quantityList {_LAST}",
    "AggregationEvent": f"{_FIRST} parentID childEPCs action {_WHERE} bizTransactionList childQuantityList {_LAST}",
    "AssociationEvent": f"{_FIRST} parentID childEPCs childQuantityList action {_WHERE} bizTransactionList {_LAST}",
    "TransactionEvent": f"{_FIRST} bizTransactionList parentID epcList action {_WHERE} quantityList {_LAST}",
    "TransformationEvent": (
        f"{_FIRST} inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID {_WHERE} "
        f"bizTransactionList {_LAST}"
    ),
}
# List -> its entry.
_TEXT_LISTS: Final = {
    **dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), "epc"),
    "correctiveEventIDs": "correctiveEventID",
}
# Object -> its fields in the order of the schema; its extensions stand behind them.
_OBJECTS: Final = {
    "errorDeclaration": ("declarationTime", "reason", "correctiveEventIDs"),
    "persistentDisposition": ("unset", "set"),
    "readPoint": ("id",),
    "bizLocation": ("id",),
    "ilmd": (),
}
_QUANTITY_LISTS: Final = frozenset({"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"})
_TYPED_LISTS: Final = {
    "bizTransactionList": ("bizTransaction", vocabulary.BIZ_TRANSACTION_TYPE),
    "sourceList": ("source", vocabulary.SOURCE_DESTINATION_TYPE),
    "destinationList": ("destination", vocabulary.SOURCE_DESTINATION_TYPE),
}
_TERMS: Final = {
    "bizStep": vocabulary.BIZ_STEP,
    "disposition": vocabulary.DISPOSITION,
    "reason": vocabulary.ERROR_REASON,
    "set": vocabulary.DISPOSITION,
    "unset": vocabulary.DISPOSITION,
}
_SENSOR_TERMS: Final = {
    "type": vocabulary.MEASUREMENT,
    "component": vocabulary.COMPONENT,
    "exception": vocabulary.SENSOR_ALERT,
}
_VOCABULARIES: Final = (*_TERMS.values(), *_SENSOR_TERMS.values(), *(kind for _, kind in _TYPED_LISTS.values()))
_DEFAULT_NAMESPACES: Final = {
    **{prefix: namespace for namespace, prefix in STANDARD_PREFIXES.items()},
    "xml": "http://www.w3.org/XML/1998/namespace",
}
# Characters that XML 1.0 section 2.2 leaves out.
_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"


def write_document(value: JsonObject) -> bytes:
    """Return a valid document or event of EPCIS 2.0 in UTF-8 XML.

    Raises
    ------
    EpcisError
        ``xml_field``, ``xml_value``, ``xml_name``, ``xml_namespace`` or ``xml_context`` where XML cannot say an event
        that stands alone, or what stands around the events of a document.

    """
    kind = value.get("type")
    if kind == "EPCISDocument":
        return _write_events(value, ("epcisBody", "eventList"))
    if kind == "EPCISQueryDocument":
        return _write_events(value, ("epcisBody", "queryResults", "resultsBody", "eventList"))
    if vocabulary.event_type(str(kind)) not in vocabulary.EVENT_TYPES:
        _refuse(("type",), "xml_field", "an event of a type of your own stands in a document, not alone")
    written = _text(_Writer(_declared(value.get("@context"), ("@context",))).event(None, value, ()))
    fault = _fault(value, xml_to_json(written), ())
    if fault is not None:
        raise fault
    return written


def _write_events(value: JsonObject, steps: _Path) -> bytes:
    """Return a document whose list of events is at ``steps``."""
    events = [_object(event) for event in _list(_at(value, steps))]
    faults: dict[int, EpcisError] = {}  # number of an event -> why XML cannot say it
    try:
        namespaces = _declared(value.get("@context"), ("@context",))
        _Writer(namespaces).root("EPCISDocument", DOCUMENT_NAMESPACES[-1])
    except EpcisError as error:
        # It is the context of every event, and each of them brings it in JSON.
        namespaces, faults = {}, dict.fromkeys(range(len(events)), error)
    while True:
        writer = _Writer(namespaces)
        root, parent = writer.document(value)
        for index, event in enumerate(events):
            if index not in faults:
                try:
                    writer.event(parent, event, (*steps, index))
                    continue
                except EpcisError as error:
                    faults[index] = error
                    # The event may be half written; the next takes the place.
                    for half in list(parent)[index:]:
                        parent.remove(half)
            _add_as_json(parent, {**event, "@context": _whole_context(value, event)}, faults[index])
        written = _text(root)
        try:
            again = [_object(event) for event in _list(_at(xml_to_json(written, len(written)), steps))]
        except EpcisError as error:
            # Too deep for our own reader, who does not say which event it was; in JSON an event is less deep.
            if len(faults) == len(events):
                raise
            faults = dict.fromkeys(range(len(events)), error) | faults
            continue
        found = {
            index: fault
            for index, (one, other) in enumerate(zip(events, again, strict=True))
            if (fault := _fault(one, other, (*steps, index))) is not None
        }
        if not found:
            return written
        assert not found.keys() & faults.keys(), "JSON comes back as it was"
        faults.update(found)


def _add_as_json(parent: etree._Element, event: JsonObject, fault: EpcisError) -> None:
    """Add an event in JSON, and why it is not in XML."""
    namespace = etree.QName(EVENT_AS_JSON).namespace
    assert namespace is not None, "the name has one"
    element = _element(parent, EVENT_AS_JSON, {"json": namespace}, ())
    element.set("reason", _escaped(str(fault)))
    element.text = _escaped(dumps(event).decode())


def _escaped(text: str) -> str:
    """Return JSON, or a text for people, with what XML cannot hold in the escapes of JSON."""
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _whole_context(document: JsonObject, event: JsonObject) -> JsonValue:
    """Return the context of a document and then that of its event, as the one of an event that may stand anywhere."""
    entries: list[JsonValue] = []
    for context in (document.get("@context"), event.get("@context")):
        listed = context if isinstance(context, list) else [context]
        entries += [entry for entry in listed if entry is not None and entry not in STANDARD_CONTEXTS]
    # No entry may stand twice, and of two the later one counts.
    return [entry for index, entry in enumerate(entries) if entry not in entries[index + 1 :]]


def _text(root: etree._Element) -> bytes:
    written = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    assert isinstance(written, bytes), "an encoding was given"
    return written


class _Writer:
    """Writes one document; ``namespaces`` are the prefixes that its @context declares."""

    def __init__(self, namespaces: _Namespaces) -> None:
        self.namespaces: _Namespaces = namespaces

    def root(self, name: str, namespace: str) -> etree._Element:
        """Return the root of a document, which declares the prefixes."""
        prefix = "epcis"
        while prefix in self.namespaces:
            prefix += "x"
        return _element(None, f"{{{namespace}}}{name}", {**self.namespaces, prefix: namespace}, ("@context",))

    def document(self, value: JsonObject) -> tuple[etree._Element, etree._Element]:
        """Return the root of a document with all but its events, and the list for them."""
        if value["type"] == "EPCISQueryDocument":
            root = self.root("EPCISQueryDocument", QUERY_NAMESPACES[-1])
            self.head(root, value)
            return root, self.results(root, value)
        root = self.root("EPCISDocument", DOCUMENT_NAMESPACES[-1])
        self.head(root, value)
        return root, self.child(self.child(root, "EPCISBody", ()), "EventList", ())

    def head(self, root: etree._Element, value: JsonObject) -> None:
        """Write what stands before the body."""
        for name, item in value.items():
            if name in ("schemaVersion", "creationDate"):
                _set(root, name, item, (name,))
            elif ":" in name:
                self.free(root, name, item, (name,))
            elif name not in ("@context", "type", "epcisBody"):
                _refuse((name,), "xml_field", f"XML has no place for {name[:80]}, or it is not written; leave it out")

    def results(self, root: etree._Element, value: JsonObject) -> etree._Element:
        """Write what stands around the events of an answer, and return the list for them."""
        place: _Path = ("epcisBody", "queryResults")
        answer = _object(_at(value, place))
        results = self.child(self.child(root, "EPCISBody", ()), f"{{{QUERY_NAMESPACES[-1]}}}QueryResults", ())
        for name in ("queryName", "subscriptionID"):
            if name in answer:
                self.text(results, name, answer[name], (*place, name))
        body = _object(answer["resultsBody"])
        known = {"queryName", "subscriptionID", "resultsBody"}
        for name in sorted({*(answer.keys() - known), *(body.keys() - {"eventList"})}):
            _refuse((*place, name), "xml_field", f"{name[:80]} of an answer is not written in XML; leave it out")
        return self.child(self.child(results, "resultsBody", ()), "EventList", ())

    def event(self, parent: etree._Element | None, event: JsonObject, path: _Path) -> etree._Element:
        """Write one event, with the prefixes that only it declares."""
        outer = self.namespaces
        own = _declared(event.get("@context"), (*path, "@context"))
        self.namespaces = {**outer, **own}
        kind = vocabulary.event_type(str(event["type"]))
        order = _ORDER.get(kind, "").split()
        known = {*order, "type", "@context"}
        try:
            element = _element(parent, self.tag(kind, (*path, "type")), own, path)
            for name in (*(name for name in order if name in event), *(name for name in event if name not in known)):
                self.field(element, name, event[name], (*path, name))
        finally:
            self.namespaces = outer
        return element

    def field(self, parent: etree._Element, name: str, item: JsonValue, path: _Path) -> None:
        """Write one field of an event or of a declaration."""
        if name in _TEXT_LISTS and isinstance(item, list):
            element = self.child(parent, name, path)
            for index, entry in enumerate(item):
                self.text(element, _TEXT_LISTS[name], entry, (*path, index))
        elif name in _QUANTITY_LISTS or name in _TYPED_LISTS:
            self.rows(self.child(parent, name, path), name, item, path)
        elif name in _OBJECTS and isinstance(item, dict):
            element, first = self.child(parent, name, path), _OBJECTS[name]
            for part in (*(part for part in first if part in item), *(part for part in item if part not in first)):
                self.field(element, part, item[part], (*path, part))
        elif name == "sensorElementList":
            element = self.child(parent, name, path)
            for index, entry in enumerate(_list(item)):
                self.sensor(self.child(element, "sensorElement", path), _object(entry), (*path, index))
        else:
            self.free(parent, name, item, path)

    def rows(self, element: etree._Element, name: str, item: JsonValue, path: _Path) -> None:
        """Write amounts, or identifiers with a type."""
        for index, entry in enumerate(_list(item)):
            row, place = _object(entry), (*path, index)
            if name in _TYPED_LISTS:
                member, terms = _TYPED_LISTS[name]
                child = self.text(element, member, row[member], place)
                if "type" in row:
                    child.set("type", _long(terms, str(row["type"])))
                continue
            child = self.child(element, "quantityElement", place)
            for part in ("epcClass", "quantity", "uom"):
                if part in row:
                    self.text(child, part, row[part], (*place, part))

    def sensor(self, element: etree._Element, value: JsonObject, path: _Path) -> None:
        """Write one sensor element: metadata, reports, extensions."""
        if "sensorMetadata" in value:
            self.attributes(element, "sensorMetadata", value["sensorMetadata"], (*path, "sensorMetadata"))
        for index, report in enumerate(_list(value["sensorReport"])):
            self.attributes(element, "sensorReport", report, (*path, "sensorReport", index))
        for name, item in value.items():
            if name not in ("sensorMetadata", "sensorReport"):
                self.free(element, name, item, (*path, name))

    def attributes(self, parent: etree._Element, name: str, item: JsonValue, path: _Path) -> None:
        """Write an object whose members are attributes."""
        element = self.child(parent, name, path)
        for part, value in _object(item).items():
            known = name == "sensorReport" and part in _SENSOR_TERMS and isinstance(value, str)
            text = _long(_SENSOR_TERMS[part], str(value)) if known else value
            _set(element, self.tag(part, (*path, part)), text, (*path, part))

    def free(self, parent: etree._Element, name: str, item: JsonValue, path: _Path) -> None:
        """Write an extension, or a field that is a text or several."""
        if name.startswith("@"):
            _set(parent, self.tag(name[1:], path), item, path)
            return
        if isinstance(item, list):
            if not item:
                _refuse(path, "xml_value", "an empty list is nothing in XML; leave it out")
            for index, entry in enumerate(item):
                if isinstance(entry, list):
                    _refuse((*path, index), "xml_value", "XML has no list in a list; put it in an object")
                self.free(parent, name, entry, (*path, index))
            return
        if not isinstance(item, dict):
            self.text(parent, name, item, path)
            return
        if not item:
            _refuse(path, "xml_value", "an empty object is an empty text in XML; leave it out")
        element = self.child(parent, name, path)
        if "#text" in item:
            element.text = _checked(item["#text"], (*path, "#text"))
        for part, value in item.items():
            if part != "#text":
                self.free(element, part, value, (*path, part))

    def text(self, parent: etree._Element, name: str, item: JsonValue, path: _Path) -> etree._Element:
        """Write an element that holds a text."""
        child = self.child(parent, name, path)
        known = _TERMS.get(name)
        child.text = _checked(_long(known, item) if known and isinstance(item, str) else item, path)
        return child

    def child(self, parent: etree._Element, name: str, path: _Path) -> etree._Element:
        """Add an element."""
        return _element(parent, name if name.startswith("{") else self.tag(name, path), {}, path)

    def tag(self, name: str, path: _Path) -> str:
        """Return a name of JSON in Clark's notation."""
        prefix, colon, local = name.partition(":")
        if not colon:
            return name
        default = _SCHEMA_INSTANCE if name in ("xml:type", "xml:nil") else _DEFAULT_NAMESPACES.get(prefix)
        namespace = self.namespaces.get(prefix, default)
        if namespace is None:
            message = f"{prefix[:80]!r} is no prefix that @context declares, and XML needs its namespace; declare it"
            _refuse(path, "xml_namespace", message)
        return f"{{{namespace}}}{local}"


def _declared(context: JsonValue, path: _Path) -> dict[str, str]:
    """Return the prefixes that an @context declares."""
    found: dict[str, str] = {}
    for entry in context if isinstance(context, list) else [context]:
        if entry is None or entry in STANDARD_CONTEXTS:
            continue
        if not isinstance(entry, dict):
            _refuse(path, "xml_context", f"XML has no place for the context {str(entry)[:120]}; name the prefixes here")
        for prefix, namespace in entry.items():
            if prefix.startswith("@") or not isinstance(namespace, str):
                message = f"{prefix[:80]!r} of @context is no prefix of a namespace, and XML knows nothing else"
                _refuse(path, "xml_context", message)
            found[prefix] = namespace
    return found


def _element(parent: etree._Element | None, tag: str, namespaces: _Namespaces, path: _Path) -> etree._Element:
    nsmap = dict(namespaces)
    try:
        return etree.Element(tag, nsmap=nsmap) if parent is None else etree.SubElement(parent, tag, nsmap=nsmap)
    except ValueError as error:
        raise EpcisError(path_text(path), "xml_name", f"{tag[:120]} is no name in XML; choose another") from error


def _set(element: etree._Element, name: str, item: JsonValue, path: _Path) -> None:
    text = _checked(item, path)
    if name in element.attrib:
        _refuse(path, "xml_name", f"{name[:120]} stands twice as an attribute; keep one")
    try:
        element.set(name, text)
    except ValueError as error:
        raise EpcisError(path_text(path), "xml_name", f"{name[:120]} is no name in XML; choose another") from error


def _checked(item: JsonValue, path: _Path) -> str:
    """Return a value as the text of an element or attribute."""
    if item is None or isinstance(item, list | dict):
        shown = "null" if item is None else "a list or an object"
        _refuse(path, "xml_value", f"the value is {shown}; XML has only a text here")
    text = item if isinstance(item, str) else dumps(item).decode()
    if _UNFIT.search(text):
        _refuse(path, "xml_value", "the text has a control character, which XML cannot hold; remove it")
    return text


def _long(terms: vocabulary.Vocabulary, text: str) -> str:
    """Return a standard term as XML spells it."""
    short = vocabulary.bareword(terms, text)
    return terms.prefixes[0] + short if short in terms.terms else text


def _fault(event: JsonObject, again: JsonObject, path: _Path) -> EpcisError | None:
    """Return what is wrong where XML changed an event, found by reading what was written."""
    names, kept = ({name: item for name, item in one.items() if name != "@context"} for one in (event, again))
    place = next(_differences(_plain(names), _plain(kept)), None)
    if place is None:
        return None
    message = "XML brings this back as another value; change its name, prefix or spaces"
    return EpcisError(path_text((*path, *place)), "xml_value", message)


def _differences(one: JsonValue, other: JsonValue) -> Iterator[_Path]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if name not in one or name not in other:
                yield (name,)
            else:
                yield from ((name, *rest) for rest in _differences(one[name], other[name]))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from ((index, *rest) for rest in _differences(left, right))
    elif one != other:
        yield ()


def _plain(value: JsonValue) -> JsonValue:
    """Return a value without what XML does not tell apart: types, a list of one, spellings of a standard term."""
    if isinstance(value, dict):
        members = {name: _plain(item) for name, item in value.items()}
        return members["#text"] if members.keys() == {"#text"} else members
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else [_plain(item) for item in value]
    if isinstance(value, bool | int | Decimal):
        return dumps(value).decode()
    if isinstance(value, str):
        for terms in _VOCABULARIES:
            value = vocabulary.bareword(terms, value)
        return vocabulary.event_type(value)
    return value


def _at(value: JsonValue, steps: _Path) -> JsonValue:
    for step in steps:
        value = _object(value)[str(step)]
    return value


def _object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict), "the document is valid"
    return value


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list), "the document is valid"
    return value


def _refuse(path: _Path, rule: str, message: str) -> NoReturn:
    raise EpcisError(path_text(path), rule, message)
