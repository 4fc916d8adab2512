"""The part of a document that a transaction brought, for whoever reads one of its events."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from contracts import heads
from ledger.codec import decode_own
from ledger.readable import Json
from ledger.state import Head
from ledger.transaction import Transaction
from node.storage.store import Store

CAPTURE_PART: Final = "provenance.capture_part"


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """Which part of which document a transaction brought, and how many of the parts are there."""

    document: str
    part: int
    parts: int
    captured: int

    @property
    def is_whole(self) -> bool:
        """Whether all of the document is there."""
        return self.captured == self.parts

    def to_json(self) -> dict[str, Json]:
        """Return it as the API shows it."""
        return {"document": self.document, "part": self.part, "parts": self.parts, "captured": self.captured}


def part_of(
    store: Store, transaction: Transaction, organisation: str | None, height: int | None
) -> DocumentPart | None:
    """Return the part that a transaction brought or None; as known at a height, where one is given."""
    first = transaction.operations[0]
    if first.method != CAPTURE_PART or organisation is None:
        return None
    document, part = cast(bytes, first.arguments["document"]), cast(int, first.arguments["part"])
    parts = cast(int, first.arguments["parts"])
    encoded = store.head(heads.capture(document, organisation))
    head = None if encoded is None else cast(Head, decode_own(encoded))
    captured = part if head is None else cast(int, head["captured"])
    if head is not None and height is not None:
        last = store.transaction_position(cast(bytes, head["transaction"]))
        # Of the parts after that height no more is known than that they came; what has no position is older than all.
        captured = captured if last is None or last[0] <= height else part
    return DocumentPart(document.hex(), part, parts, captured)


def partial_text(parts: Iterable[DocumentPart | None]) -> str:
    """Return the documents of which something is shown and something else still to come, empty where there is none.

    >>> partial_text([None, DocumentPart("ab", 1, 5, 2), DocumentPart("ab", 2, 5, 2), DocumentPart("cd", 1, 1, 1)])
    'ab;captured=2;parts=5'
    """
    found = {part.document: part for part in parts if part is not None and not part.is_whole}
    return ", ".join(f"{one.document};captured={one.captured};parts={one.parts}" for one in found.values())
