"""Bring an EPCIS document of any size to the ledger, in one transaction or in several, and go on where it stopped.

The document is cut into parts by rules that depend on its bytes alone, so that whoever starts again, on whatever
machine, cuts it the same. The ledger counts the parts (contracts/provenance/parts.py): none is captured twice or left
out, so after Ctrl-C, a kill, a lost answer or a race the ledger is asked how far it is, and what is left goes on from
there. Nothing is kept on this side.
"""

import codecs
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.provenance.parts import EVENTS_MAX, PARTS_MAX
from ledger.codec import Value, encode
from ledger.errors import LedgerError
from ledger.keys import SecretKey
from ledger.transaction import Operation
from standards.epcis.document import EpcisDocument, parse_document
from standards.epcis.operations import events_to_operations
from standards.epcis.xml_read import parse_xml_document
from standards.errors import StandardsError
from tradelane.client import Client
from tradelane.errors import BadRequestError, ConflictError, TradelaneError, UnavailableError
from tradelane.results import TransactionStatus

DOCUMENT_BYTES_MAX: Final = 32 * 1024 * 1024
DOCUMENT_EVENTS_MAX: Final = 50_000
# A part stays well below what chains allow by default: 1,000 operations, 1 MiB, 50,000 heads read and written.
PART_EVENTS_MAX: Final = 500
PART_BYTES_MAX: Final = 512 * 1024
PART_NAMES_MAX: Final = 2_500

assert min(EVENTS_MAX, PARTS_MAX) >= DOCUMENT_EVENTS_MAX, "the ledger counts as many events, each a part if need be"

_NAMING: Final = (
    *("epcs", "children", "inputs", "outputs"),
    *("quantities", "child_quantities", "input_quantities", "output_quantities"),
)
_PART_EXISTS: Final = "ledger.part_exists"


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document that is ready to be imported: its SHA-256, and its events by part, each with its JSON path."""

    document: bytes
    parts: tuple[tuple[tuple[str, Operation], ...], ...]

    @property
    def events(self) -> int:
        """How many events it has."""
        return sum(map(len, self.parts))

    def events_before(self, part: int) -> int:
        """How many events are in the parts before one, which are counted from 1."""
        return sum(map(len, self.parts[: part - 1]))


@dataclass(slots=True)
class Imported:
    """What became of a document: how many of its parts were captured now, and how many were there already.

    ``violations`` are the rules that events broke, as (number of the event in the document, thing, rule).
    """

    document: str
    events: int
    parts: int
    captured: int = 0
    already: int = 0
    height: int | None = None
    transactions: list[str] = field(default_factory=list)
    violations: list[tuple[int, str, str]] = field(default_factory=list)


def cut_document(data: bytes) -> CutDocument:
    """Return an EPCIS document, JSON or XML by its first character, cut into the parts that the ledger takes.

    Raises
    ------
    BadRequestError
        The document is refused; the text holds the path and the rule. Nothing of it was captured.

    """
    try:
        document = _read(data)
        operations = [Operation(str(method), arguments) for method, arguments in events_to_operations(document)]
    except StandardsError as error:
        raise BadRequestError(f"epcis.{error.code}", str(error), "correct the document at that path") from error
    if not operations:
        raise BadRequestError("epcis.no_events", "the document has no events", "check that it is the right file")
    rows = list(zip((captured.path for captured in document.events), operations, strict=True))
    return CutDocument(hashlib.sha256(data).digest(), tuple(_cut(rows)))


def import_document(
    client: Client,
    key: SecretKey,
    cut: CutDocument,
    report: Callable[[int, int], None] | None = None,
    *,
    wait_s: float = 10.0,
) -> Imported:
    """Capture what the ledger does not have of a document yet; ``report`` hears (events done, events) as it goes on.

    Raises
    ------
    TradelaneError
        As `Client.submit`, with the path of the event that was stopped. The parts before it stay, and calling again
        goes on from there.

    """
    result = Imported(cut.document.hex(), cut.events, len(cut.parts))
    done = result.already = _captured(client, key, cut)
    while done < len(cut.parts):
        part = done + 1
        if report is not None:
            report(cut.events_before(part), cut.events)
        try:
            status = client.submit(_operations(cut, part), key, wait_s=wait_s)
        except TradelaneError as error:
            if error.code != _PART_EXISTS:
                _place(error, cut, part)
                raise
            # Another run brought it, or our own before its answer was lost.
            before, done = done, _captured(client, key, cut)
            if done <= before:
                detail = "the node that answers is behind in what was imported"
                raise UnavailableError("import.state_behind", detail, "try again in a moment") from error
            result.already += done - before
            continue
        _note(result, status, cut, part)
        done = part
    if report is not None:
        report(cut.events, cut.events)
    return result


def _read(data: bytes) -> EpcisDocument:
    text = data.removeprefix(codecs.BOM_UTF8)
    parse = parse_xml_document if text.lstrip()[:1] == b"<" else parse_document
    return parse(text, events_max=DOCUMENT_EVENTS_MAX, size_bytes_max=DOCUMENT_BYTES_MAX)


def _cut(rows: Sequence[tuple[str, Operation]]) -> Iterator[tuple[tuple[str, Operation], ...]]:
    """Yield the parts: as many events each as fit, an event that is larger than a part alone."""
    part: list[tuple[str, Operation]] = []
    size_bytes = names = 0
    for path, operation in rows:
        event_bytes, event_names = _size_bytes(path, operation), _names(operation)
        is_full = (
            len(part) == PART_EVENTS_MAX
            or size_bytes + event_bytes > PART_BYTES_MAX
            or names + event_names > PART_NAMES_MAX
        )
        if part and is_full:
            yield tuple(part)
            part, size_bytes, names = [], 0, 0
        part.append((path, operation))
        size_bytes += event_bytes
        names += event_names
    yield tuple(part)


def _size_bytes(path: str, operation: Operation) -> int:
    try:
        return len(encode(operation.arguments))
    except LedgerError as error:
        detail = f"{path}: the event cannot be recorded: {error}"
        raise BadRequestError(f"epcis.{error.code}", detail, "correct the document at that path") from error


def _names(operation: Operation) -> int:
    lists = [operation.arguments.get(name) for name in _NAMING]
    return 1 + sum(len(entries) for entries in lists if isinstance(entries, list))


def _operations(cut: CutDocument, part: int) -> list[Operation]:
    counted: dict[str, Value] = {
        "document": cut.document,
        "events": cut.events,
        "parts": len(cut.parts),
        "part": part,
    }
    return [Operation("provenance.capture_part", counted), *(operation for _, operation in cut.parts[part - 1])]


def _captured(client: Client, key: SecretKey, cut: CutDocument) -> int:
    """Return how many parts of a document the ledger has from the organisation of a key."""
    found = client.captures(document=cut.document.hex(), key=key.public_key.hex())
    if not found:
        return 0
    (one,) = found
    if (one.parts, one.events) != (len(cut.parts), cut.events):
        raise ConflictError(
            "import.parts_differ",
            f"the document was begun as {one.events} events in {one.parts} parts, here it is cut into {len(cut.parts)}",
            "finish it with the version of the program that began it",
        )
    return one.captured


def _place(error: TradelaneError, cut: CutDocument, part: int) -> None:
    """Add to an error the path of the event that was stopped, and what is there of the document."""
    rows = cut.parts[part - 1]
    if error.failed_operation:
        error.detail = f"{rows[error.failed_operation - 1][0]}: {error.detail}"
    if part > 1:
        error.detail += f"; of the document's {len(cut.parts)} parts {part - 1} are on the ledger and stay"


def _note(result: Imported, status: TransactionStatus, cut: CutDocument, part: int) -> None:
    result.captured += 1
    result.height = status.height
    result.transactions.append(status.id)
    outputs = None if status.receipt is None else status.receipt.outputs
    # The first output is that of the part itself.
    events = outputs[1:] if isinstance(outputs, list) else []
    for number, output in enumerate(events, cut.events_before(part) + 1):
        found = output.get("violations") if isinstance(output, dict) else None
        rows = [row for row in found if isinstance(row, list)] if isinstance(found, list) else []
        result.violations += [(number, str(thing), str(rule)) for thing, rule in rows]
