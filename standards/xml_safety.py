"""XML from outside, parsed so that nothing is loaded and nothing expands, or refused by a rule with a name.

A document with a DTD is refused before it is parsed, so it has no entities. Size and encoding are checked before the
parser runs, depth right after it; the parser itself stops at 256 levels. What the parser says of ``not_xml`` may repeat
a piece of the document; no other refusal does.
"""

from lxml import etree


class XmlRefusedError(ValueError):
    """A document is not parsed: ``code`` names the rule, ``line`` is where, 0 where that is not known."""

    def __init__(self, code: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


def parse_xml(data: bytes, size_bytes_max: int, depth_max: int) -> etree._Element:
    """Return the root of a document in UTF-8, without its comments and processing instructions.

    Raises
    ------
    XmlRefusedError
        ``too_large``, ``not_utf8``, ``xml_doctype``, ``not_xml`` or ``too_deep``.

    """
    if len(data) > size_bytes_max:
        raise XmlRefusedError("too_large", f"{len(data)} bytes, at most {size_bytes_max} are accepted; send several")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmlRefusedError("not_utf8", f"byte {error.start} is not UTF-8; save the document as UTF-8") from None
    if b"<!DOCTYPE" in data:
        raise XmlRefusedError("xml_doctype", "the document has a DOCTYPE; it needs none, remove it")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        raise XmlRefusedError("not_xml", f"not XML: {str(error)[:200]}", line) from None
    depth = 0
    for happened, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if happened == "start" else -1
        if depth > depth_max:
            raise XmlRefusedError("too_deep", f"nested more than {depth_max} deep; flatten it")
    return root
