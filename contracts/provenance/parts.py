"""A document of many events, captured part by part: which parts of it stand on the ledger, and whether it is whole.

A document that is more than a transaction can carry is captured by several, in the order of the document. Each begins
with this operation, so that none of its parts is captured twice or left out, and so that whoever reads one of its
events can see that others are still to come.

Head: ``capture`` {events, parts, captured, transaction}, under the document's hash and the organisation.
"""

from typing import Final, cast

from contracts import heads
from contracts.arguments import Arguments, refuse
from contracts.context import Context
from contracts.results import Rejected, ResultCode
from ledger.codec import Value
from ledger.state import Head

PARTS_MAX: Final = 100_000
EVENTS_MAX: Final = 1_000_000

_HASH_BYTES: Final = 32


def capture_part(context: Context, arguments: dict[str, Value]) -> Value:
    """Begin the next part of a document; the events that follow in the transaction are those of the part."""
    read = Arguments(arguments)
    document = read.fixed("document", _HASH_BYTES)
    events = read.integer("events", 1, EVENTS_MAX)
    parts = read.integer("parts", 1, PARTS_MAX)
    part = read.integer("part", 1, parts)
    read.end()
    if context.operation_index != 0:
        refuse("a part of a document is the first operation of its transaction")
    key = heads.capture(document, context.member)
    known = context.get(key)
    captured = 0 if known is None else cast(int, known["captured"])
    if known is not None and (known["events"], known["parts"]) != (events, parts):
        raise Rejected(
            ResultCode.DOCUMENT_DIFFERS, f"it was begun as {known['events']!r} events in {known['parts']!r} parts"
        )
    if part <= captured:
        raise Rejected(ResultCode.PART_EXISTS, f"{captured} of {parts} parts are captured")
    if part > captured + 1:
        raise Rejected(ResultCode.PART_TOO_EARLY, f"part {part} comes, {captured} of {parts} parts are captured")
    head: Head = {"events": events, "parts": parts, "captured": part, "transaction": context.transaction_id}
    context.put(key, head)
    return None
