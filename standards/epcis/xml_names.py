"""Names of EPCIS in XML: the namespaces of the standard, and prefixes for the namespaces of a user's extensions.

JSON names an extension by a prefix that ``@context`` declares. XML may bind one prefix to two namespaces, or a
namespace to no prefix at all; ``Prefixes`` gives every namespace one prefix that is valid in JSON and stays the same in
a document.
"""

import re
from typing import Final

from lxml import etree

from standards.epcis.json_text import JsonValue

STANDARD_CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
DOCUMENT_NAMESPACES: Final = ("urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis:xsd:2")
QUERY_NAMESPACES: Final = ("urn:epcglobal:epcis-query:xsd:1", "urn:epcglobal:epcis-query:xsd:2")
EPCIS_NAMESPACES: Final = frozenset({*DOCUMENT_NAMESPACES, *QUERY_NAMESPACES})
# Attributes of these say how to read the XML, not what it says.
XML_NAMESPACES: Final = frozenset({"http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/XML/1998/namespace"})
# An event that XML cannot say stands in the list of events as this element, whose text is the event in JSON.
EVENT_AS_JSON: Final = "{urn:tradelane:epcis:json}event"
# What the standard context of JSON declares itself; a second declaration would redefine a protected term.
STANDARD_PREFIXES: Final = {
    "urn:epcglobal:cbv:mda": "cbvmda",
    "https://ref.gs1.org/cbv/": "cbv",
    "https://gs1.org/voc/": "gs1",
    "https://ref.gs1.org/voc/": "gs1",
}
_RESERVED: Final = frozenset({"cbv", "cbvmda", "gs1", "epcis", "http", "https", "urn"})
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


class Prefixes:
    """The prefixes of one document. Every namespace that is declared gets one, since values may use it too."""

    def __init__(self, root: etree._Element) -> None:
        self._by_namespace = dict(STANDARD_PREFIXES)
        self._taken: dict[str, str] = {}
        # An empty one takes a default namespace back.
        known = {"", *EPCIS_NAMESPACES, *XML_NAMESPACES, etree.QName(EVENT_AS_JSON).namespace}
        for _, (prefix, namespace) in etree.iterwalk(root, events=("start-ns",)):
            if namespace not in known and namespace not in self._by_namespace:
                self._declare(prefix or "", namespace)

    def _declare(self, prefix: str, namespace: str) -> None:
        name, number = prefix, 1
        if not _PREFIX.fullmatch(prefix):
            prefix = "ns"
            name = f"{prefix}{number}"
        while name in self._taken or name in _RESERVED:
            number += 1
            name = f"{prefix}{number}"
        self._taken[name] = namespace
        self._by_namespace[namespace] = name

    def name(self, tag: str) -> str:
        """Return the name in JSON of a tag or attribute in Clark's notation (``{namespace}local``)."""
        if not tag.startswith("{"):
            return tag
        namespace, _, local = tag[1:].partition("}")
        return local if namespace in EPCIS_NAMESPACES else f"{self._by_namespace.get(namespace, 'xml')}:{local}"

    def context(self) -> JsonValue:
        """Return the @context that declares the prefixes."""
        declared: dict[str, JsonValue] = {name: self._taken[name] for name in sorted(self._taken)}
        return [STANDARD_CONTEXT, declared] if declared else [STANDARD_CONTEXT]
