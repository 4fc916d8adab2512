"""Goods to trace: a fish that became packs in cases on pallets, and a recalled lot from which a million items came.

The first lives by the real contracts. The million comes in blocks of its own that no contract has seen: real
transactions, receipts, histories and index rows, and heads as the contracts left those of one such item. The state tree
is not kept up with them, for nobody takes a proof.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from cli.benches.ledger import BenchLedger
from contracts import heads
from ledger.codec import Value, encode
from ledger.state import Head, HistoryEntry
from ledger.transaction import Operation

FISH: Final = "https://id.gs1.org/01/09521101001006/21/FISH"
LOT: Final = "https://id.gs1.org/01/09521101001006/10/RECALLED"
_LOIN_STEM: Final = "https://id.gs1.org/01/09521101001006/21/L"
_PACK_STEM: Final = "https://id.gs1.org/01/09521102002002/21/P"
_ITEM_STEM: Final = "https://id.gs1.org/01/09521102002002/21/I"
_BATCH_STEM: Final = "https://id.gs1.org/01/09521101001006/10/B"
_LOINS: Final = 100
_PACKS_A_LOIN: Final = 33
_CASES_A_PALLET: Final = 10
_MADE_AT_ONCE: Final = 4_900
_CASE: Final = 100
_BATCHES: Final = 10
_HOLDERS: Final = ("maker", "carrier", "warehouse", "retailer")
_SITES: Final = tuple(f"https://id.gs1.org/414/95211010000{number:02}" for number in range(16, 56))


@dataclass(slots=True)
class Clock:
    """Event times, a minute apart, of a story with a name."""

    story: str
    now_ms: int

    def tick(self) -> int:
        """Return the next time."""
        self.now_ms += 60_000
        return self.now_ms


def fish_to_pallets(ledger: BenchLedger) -> None:
    """Make a fish, cut it into loins and those into packs, and put the packs in cases on pallets."""
    clock = Clock("fish", ledger.now_ms - 400 * 60_000)
    loins = [f"{_LOIN_STEM}{number}" for number in range(_LOINS)]
    ledger.commit([[_event(clock, "ObjectEvent", "ADD", epcs=[FISH])]])
    ledger.commit([[_transformation(clock, inputs=[FISH], outputs=loins)]])
    cases = []
    for number, loin in enumerate(loins):
        packs = [f"{_PACK_STEM}{number}-{part}" for part in range(_PACKS_A_LOIN)]
        cases.append(_sscc(number))
        made = _transformation(clock, inputs=[loin], outputs=packs)
        ledger.commit([[made, _event(clock, "AggregationEvent", "ADD", parent=cases[-1], children=packs)]])
    for first in range(0, _LOINS, _CASES_A_PALLET):
        pallet, on_it = _sscc(10_000 + first), cases[first : first + _CASES_A_PALLET]
        shipped = _event(clock, "ObjectEvent", "OBSERVE", epcs=[pallet], biz_step="shipping", read_point=_SITES[0])
        ledger.commit([[_event(clock, "AggregationEvent", "ADD", parent=pallet, children=on_it), shipped]])


def lot_to_items(ledger: BenchLedger, items: int) -> int:
    """Make batches of the recalled lot and items of those, in cases with four holders; return the number of heads."""
    clock = Clock("lot", ledger.now_ms - 400 * 60_000)
    batches = [f"{_BATCH_STEM}{number}" for number in range(_BATCHES)]
    kilograms = [[name, "1000", "KGM"] for name in batches]
    ledger.commit([[_event(clock, "ObjectEvent", "ADD", quantities=[[LOT, "9999", "KGM"]])]])
    ledger.commit([[_transformation(clock, input_quantities=[[LOT, "9000", "KGM"]], output_quantities=kilograms)]])
    sample, case = f"{_ITEM_STEM}sample", _sscc(99_999)
    ledger.commit([[_transformation(clock, outputs=[sample])]])
    ledger.commit([[_event(clock, "AggregationEvent", "ADD", parent=case, children=[sample])]])
    item_head, case_head = (ledger.head(heads.item(name)) for name in (sample, case))
    count = 0
    for number, first in enumerate(range(0, items, _MADE_AT_ONCE)):
        names = [f"{_ITEM_STEM}{serial:08}" for serial in range(first, min(first + _MADE_AT_ONCE, items))]
        used = [[batches[number % _BATCHES], "1", "KGM"]]
        made = _transformation(clock, input_quantities=used, outputs=names)
        groups = [(_sscc(100_000 + first // _CASE + case), part) for case, part in enumerate(_chunks(names, _CASE))]
        packed = [
            _event(clock, "AggregationEvent", "ADD", parent=name, children=part, read_point=_site(name))
            for name, part in groups
        ]
        written: dict[bytes, bytes | None] = {}
        history: list[HistoryEntry] = []
        for operation, (name, part) in enumerate(groups, 1):
            holder = _HOLDERS[(number + operation) % len(_HOLDERS)]
            written[heads.item(name)] = encode({**case_head, "custodian": holder, "location": _site(name)})
            history.append(HistoryEntry(heads.item(name), 1, 0, operation))
            for key, encoded in _alike({**item_head, "custodian": holder, "parent": name}, part):
                written[key] = encoded
                history += [HistoryEntry(key, 1, 0, 0), HistoryEntry(key, 2, 0, operation)]
        ledger.put([[made, *packed]], written, history)
        count += len(written)
    return count


def _alike(head: Head, names: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield encoded heads that differ in their chains alone."""
    encoded, chain = encode(head), cast(bytes, head["chain"])
    before, _, after = encoded.partition(chain)
    for name in names:
        yield heads.item(name), before + sha256(name.encode()).digest() + after


def _transformation(clock: Clock, **fields: object) -> Operation:
    return _event(clock, "TransformationEvent", None, **fields)


def _event(clock: Clock, kind: str, action: str | None, **fields: object) -> Operation:
    time_ms = clock.tick()
    arguments: dict[str, Value] = {
        "type": kind,
        "event_time_ms": time_ms,
        "offset_minutes": 0,
        "event_id": f"urn:uuid:{sha256(f'{clock.story} {time_ms}'.encode()).hexdigest()[:32]}",
        **cast("dict[str, Value]", fields),
    }
    return Operation("provenance.capture", arguments if action is None else {**arguments, "action": action})


def _chunks(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for first in range(0, len(names), size):
        yield list(names[first : first + size])


def _sscc(number: int) -> str:
    return f"https://id.gs1.org/00/{number:018d}"


def _site(name: str) -> str:
    return _SITES[int(name[-6:]) % len(_SITES)]
