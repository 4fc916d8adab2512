"""Pages of EPCIS events as a node gives them: the document as it came, and what its headers say besides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

_LINK: Final = re.compile(r'<([^>]*)>; rel="next"')
_PARTIAL: Final = re.compile(r"([0-9a-f]{64});captured=([0-9]+);parts=([0-9]+)")


@dataclass(frozen=True, slots=True)
class EventsPage:
    """A query document in JSON or XML, the token of the next page, and documents of which parts are still to come.

    ``partial`` has, by the SHA-256 of such a document, how many of how many parts are there.
    """

    document: bytes
    next_token: str | None
    partial: Mapping[str, tuple[int, int]]

    @property
    def has_events(self) -> bool:
        """Whether an event is in it."""
        return b"eventTime" in self.document


def next_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of the next page that an answer names, None on the last one."""
    match = _LINK.search(headers.get("link", ""))
    return None if match is None else parse_qs(urlsplit(match[1]).query).get("nextPageToken", [None])[0]


def partial_documents(headers: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Return the documents that an answer says are not whole yet."""
    found = _PARTIAL.finditer(headers.get("tradelane-partial-documents", ""))
    return {match[1]: (int(match[2]), int(match[3])) for match in found}
