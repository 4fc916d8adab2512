"""Bytes to one ISO 20022 message, or one refusal that names the place.

Nothing is loaded and nothing is expanded (standards/xml_safety.py), and the number of elements has a limit, too. What
stands around the message (an envelope of SWIFT, of a bank, of a file transfer) means nothing here: the one ``Document``
in a namespace of ISO 20022 is the message, an ``AppHdr`` beside it its header. No error repeats a text of the message,
which may be of a person.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from lxml import etree

from standards.errors import IsoError
from standards.xml_safety import XmlRefusedError, parse_xml

SIZE_BYTES_MAX: Final = 8 * 1024 * 1024
ELEMENTS_MAX: Final = 400_000
DEPTH_MAX: Final = 64
NAMESPACE_PREFIX: Final = "urn:iso:std:iso:20022:tech:xsd:"

_IDENTIFIER: Final = re.compile(r"[a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")
_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``identifier`` such as pacs.008.001.08, its Document, and its header where it has one."""

    identifier: str
    document: etree._Element
    header: etree._Element | None

    @property
    def kind(self) -> str:
        """The message without its version: pacs.008."""
        return self.identifier[:8]


def parse_message(data: bytes) -> Message:
    """Return the message in ``data`` (UTF-8 XML); raises IsoError."""
    root = _parse(data)
    documents: list[etree._Element] = []
    headers: list[etree._Element] = []
    for element in _outermost(root):
        (documents if etree.QName(element).localname == "Document" else headers).append(element)
    if not documents:
        raise _no_message(root)
    if len(documents) > 1 or len(headers) > 1:
        extra = (documents[1:] or headers[1:])[0]
        raise IsoError("several", "the file holds several messages; give one", *_place(extra))
    document = documents[0]
    identifier = message_identifier(document)
    if _IDENTIFIER.fullmatch(identifier) is None:
        message = f"{identifier[:_SHOWN_MAX]!r} is no message of ISO 20022, such as pacs.008.001.08"
        raise IsoError("wrong_namespace", message, *_place(document))
    if len(document) != 1:
        raise IsoError("no_message", "a Document holds exactly one message", *_place(document))
    return Message(identifier, document, headers[0] if headers else None)


def message_identifier(element: etree._Element) -> str:
    """Return what stands behind the prefix of ISO 20022 in the namespace of an element."""
    return (etree.QName(element).namespace or "").removeprefix(NAMESPACE_PREFIX)


def element_path(element: etree._Element, top: etree._Element | None = None) -> str:
    """Return the names from the top of the message down to an element, with numbers where siblings share a name."""
    steps: list[str] = []
    at: etree._Element | None = element
    while at is not None:
        parent = at.getparent()
        same = [] if parent is None else [child for child in parent if child.tag == at.tag]
        number = f"[{same.index(at) + 1}]" if len(same) > 1 else ""
        steps.append(f"{etree.QName(at).localname[:_SHOWN_MAX]}{number}")
        if at is top or not message_identifier(at) or etree.QName(at).localname in ("Document", "AppHdr"):
            break
        at = parent
    return "/".join(reversed(steps))


def source_line(element: etree._Element) -> int:
    """Return the line on which an element begins, 0 where it is not known."""
    return cast("int | None", element.sourceline) or 0


def _place(element: etree._Element) -> tuple[str, int]:
    return element_path(element), source_line(element)


def _parse(data: bytes) -> etree._Element:
    if data.count(b"<") > 2 * ELEMENTS_MAX:
        raise IsoError("too_many", f"more than {ELEMENTS_MAX} elements; send several files")
    try:
        return parse_xml(data, SIZE_BYTES_MAX, DEPTH_MAX)
    except XmlRefusedError as error:
        message = "this is no well-formed XML" if error.code == "not_xml" else str(error)
        raise IsoError(error.code, message, "", error.line) from None


def _outermost(root: etree._Element) -> Iterator[etree._Element]:
    """Yield documents and headers of ISO 20022, not what stands within one."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        qualified = etree.QName(element)
        is_ours = (qualified.namespace or "").startswith(NAMESPACE_PREFIX)
        if is_ours and qualified.localname in ("Document", "AppHdr"):
            yield element
        else:
            waiting += reversed(element)


def _no_message(root: etree._Element) -> IsoError:
    stray = next((element for element in root.iter() if etree.QName(element).localname == "Document"), None)
    if stray is None:
        return IsoError("no_message", "no Document of ISO 20022 is in the file", *_place(root))
    namespace = etree.QName(stray).namespace or ""
    message = f"the Document is in {namespace[:_SHOWN_MAX]!r}; those of ISO 20022 begin with {NAMESPACE_PREFIX}"
    return IsoError("wrong_namespace", message, *_place(stray))
