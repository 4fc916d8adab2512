"""What a recall reaches: everything that was made of some things, was of their lots or had them built in, until now.

From what is called back on: products of transformations, level by level; assemblies, while a part was in them; the
items of a lot, as far as the ledger knows them; and what is packed in a container that is called back. What was merely
packed beside is not reached. A thing is reached for a time: only what it was used for in that time leads on.

It goes by index and not by history (node/storage/link_index.py), a level at a time and in the order of the database,
so that a million things take seconds. Everything is bounded; what a bound cuts off, what this node gave up and what the
ledger refused is counted in ``marks``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, cast

from contracts import heads
from contracts.provenance.events import Event
from contracts.provenance.recalls import ITEM, LOT, PRODUCT
from ledger.codec import decode_own
from ledger.state import Head, head_key, split_key
from node.links import BLOCKED, EVER_MS, INSTALLED, PACKED, Interval, Transformations, containers, contents
from node.records import Record, Records
from node.storage.database import PinnedValues, prefix_end
from node.storage.joining import rows_at
from node.storage.link_index import INSTALLED as INSTALLED_ROW
from node.storage.link_index import LINK, LOT_MEMBERS, site_prefix, thing_prefix, time_bytes, time_end
from node.storage.rows import HEAD, Position, row_position
from node.storage.store import Store

THINGS_MAX: Final = 1_000_000
ROUNDS_MAX: Final = 100
_EVENTS_MAX: Final = 100_000
_HISTORY_MAX: Final = 5_000
_SUFFIX_BYTES: Final = 17
_PRODUCT_STEM: Final = "https://id.gs1.org/01/{}"
_LOT_PREFIX: Final = b"lot\0"
_EVER: Final = Interval(EVER_MS)


@dataclass(frozen=True, slots=True)
class Selector:
    """What is called back: targets as (kind, identifier), at a place, in a time; empty parts select everything.

    With a place: what was there in that time, and what was in it then. Without one: what came into being in that time.
    """

    targets: tuple[tuple[str, str], ...] = ()
    site: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def window(self) -> Interval | None:
        """The time, or None for all of it."""
        if self.since_ms is None and self.until_ms is None:
            return None
        return Interval(EVER_MS if self.since_ms is None else self.since_ms, self.until_ms)


@dataclass(frozen=True, slots=True)
class Reach:
    """For which time a thing is reached, and by what: the thing before it (None: it is called back itself) and how."""

    interval: Interval
    via: bytes | None
    relation: str


@dataclass(slots=True)
class Closure:
    """All that is reached, by the key of its head, as of a height; ``marks`` are (reason, what, number)."""

    height: int
    time_ms: int
    reached: dict[bytes, Reach] = field(default_factory=dict)
    events: int = 0
    marks: dict[tuple[str, str], int] = field(default_factory=dict)

    def mark(self, reason: str, what: str, number: int = 1) -> None:
        """Count something that was not followed."""
        self.marks[reason, what] = self.marks.get((reason, what), 0) + number


def closure(store: Store, selector: Selector, things_max: int = THINGS_MAX) -> Closure:
    """Return what a recall of these things reaches, all of it read as of one block."""
    tip = store.tip
    with closing(store.pin()) as rows:
        run = _Run(store, rows, Closure(tip.height, tip.time_ms), things_max)
        run.spread(run.seeds(selector))
        return run.found


class _Run:
    def __init__(self, store: Store, rows: PinnedValues, found: Closure, things_max: int) -> None:
        self.found = found
        self._store = store
        self._rows = rows
        self._things_max = things_max
        self._records = Records(store, found.height)
        self._transformations = Transformations(store, self._records, lambda record: record.height <= found.height)
        self._done: set[Position | tuple[str, str | None]] = set()
        self._members_until_ms: int | None = None

    # What is called back

    def seeds(self, selector: Selector) -> list[bytes]:
        """Reach what is selected and what is packed in it; return all of that."""
        window = selector.window
        if selector.site is not None:
            chosen = self._at_site(selector.site, window or _EVER)
            if selector.targets:
                named = set(self._targets(selector.targets, with_members=True))
                chosen = {key: reach for key, reach in chosen.items() if key in named}
            return self._reach(chosen.items())
        if window is None:
            reach = Reach(_EVER, None, "target")
            new = self._reach((key, reach) for key in self._targets(selector.targets, with_members=False))
        else:
            self._members_until_ms = window.until_ms
            new = self._reach(self._made_in(selector.targets, window))
        return new + self._insides(new)

    def _made_in(self, targets: Iterable[tuple[str, str]], window: Interval) -> Iterator[tuple[bytes, Reach]]:
        for key in self._targets(targets, with_members=True):
            if key.startswith(_LOT_PREFIX):
                # A lot grows; what was added to it or taken from it before the window is none of this.
                yield key, Reach(Interval(window.since_ms), None, "target")
            elif self._came_into_being(key, window):
                yield key, Reach(_EVER, None, "target")

    def _targets(self, targets: Iterable[tuple[str, str]], *, with_members: bool) -> Iterator[bytes]:
        for kind, name in targets:
            count = 0
            for key in self._target(kind, name):
                count += 1
                yield key
            if kind == LOT and with_members:
                for key, _ in self._members(heads.lot(name), _EVER):
                    count += 1
                    yield key
            if not count:
                self.found.mark("unknown", f"{kind} {name}")

    def _target(self, kind: str, name: str) -> Iterator[bytes]:
        exact: list[bytes] = [heads.item(name) if kind == ITEM else heads.lot(name)]
        prefixes: list[bytes] = [heads.item(f"{name}/")] if kind == LOT else []
        if kind == PRODUCT:
            stem = _PRODUCT_STEM.format(name)
            exact = [heads.lot(stem), heads.item(stem)]
            prefixes = [heads.item(f"{stem}/"), heads.lot(f"{stem}/")]
        yield from (key for key in exact if self._rows.get(HEAD + key) is not None or self._leads_on(key))
        for prefix in prefixes:
            for key, _ in self._rows.scan(HEAD + prefix, prefix_end(HEAD + prefix)):
                yield key[1:]

    def _leads_on(self, key: bytes) -> bool:
        """Say whether there are links of a thing: a lot that master data alone name has them, and no head."""
        prefix = thing_prefix(key)
        return next(self._rows.scan(prefix, prefix_end(prefix)), None) is not None

    def _members(self, lot: bytes, interval: Interval) -> Iterator[tuple[bytes, Reach]]:
        """Yield the items that came into being as of a lot in a time, as the master data of their events say."""
        prefix = thing_prefix(lot)
        for key, kind in islice(self._rows.scan(prefix, prefix_end(prefix)), _EVENTS_MAX):
            if kind == LOT_MEMBERS:
                yield from self._members_of(lot, row_position(key), interval)

    def _members_of(self, lot: bytes, position: Position, interval: Interval) -> Iterator[tuple[bytes, Reach]]:
        record = self._record(position)
        if record is None or record.event is None or not interval.holds(record.at_ms):
            return
        stem = split_key(lot)[1].split("/10/")[0] + "/"
        refused = record.refused(BLOCKED)
        reach = Reach(Interval(record.at_ms), lot, "lot")
        for name in (*record.event.epcs, *record.event.outputs):
            if name.startswith(stem) and name not in refused:
                yield heads.item(name), reach

    def _came_into_being(self, key: bytes, window: Interval) -> bool:
        head = self._head(key)
        made_ms = None if head is None else head.get("commissioned_ms")
        return type(made_ms) is int and window.holds(made_ms)

    def _at_site(self, site: str, window: Interval) -> dict[bytes, Reach]:
        """Return what was at a place in a time, with what was in it at that moment."""
        found: dict[bytes, Reach] = {}
        prefix = site_prefix(site)
        stop = prefix_end(prefix) if window.until_ms is None else prefix + time_end(window.until_ms)
        rows = self._rows.scan(prefix + time_bytes(window.since_ms), stop)
        for key, _ in islice(rows, _EVENTS_MAX):
            record = self._record(row_position(key))
            if record is None or record.event is None:
                continue
            reach = Reach(Interval(record.at_ms), None, "site")
            new = [name for name in _named(record.event) if name not in found]
            found.update(dict.fromkeys(new, reach))
            below = new
            while below and len(found) <= self._things_max:
                boxes = list(self._containers(below))
                below = [name for one in boxes for name in self._inside(one, record.at_ms) if name not in found]
                found.update(dict.fromkeys(below, reach))
        cut = sum(1 for _ in islice(rows, _EVENTS_MAX))
        if cut:
            self.found.mark("limit", "events at the site", cut)
        return found

    def _insides(self, level: Sequence[bytes]) -> list[bytes]:
        """Reach what is packed in containers now, level by level, and return it."""
        every: list[bytes] = []
        while level:
            rows = [
                (name, Reach(_EVER, key, "contents"))
                for key in self._containers(level)
                for name in self._inside(key, None)
            ]
            level = self._reach(rows)
            every += level
        return every

    def _containers(self, keys: Sequence[bytes]) -> Iterator[bytes]:
        for key, _, value in rows_at(self._rows, HEAD, sorted(keys)):
            # Looked for in the bytes: most things are no containers, and to decode a million heads takes its time.
            if b"\xa8contents" in value:
                yield key

    def _inside(self, container: bytes, at_ms: int | None) -> list[bytes]:
        """Return what is packed in a container at a time, or now where that is None: items and classes."""
        kind, name = split_key(container)
        if kind != "item":
            return []
        if at_ms is None:
            # Now is what the heads say, which know of late events and of declarations what histories do not.
            return [*self._linked("content", heads.item, name), *self._linked("lot_content", heads.lot, name)]
        packed = [link for link in contents(self._history(container), name) if link.relation == PACKED]
        return [self._key(link.identifier) for link in packed if link.interval.holds(at_ms)]

    def _linked(self, kind: str, key: Callable[[str], bytes], container: str) -> Iterator[bytes]:
        prefix = HEAD + head_key(kind, container) + b"\0"
        for row, _ in self._rows.scan(prefix, prefix_end(prefix)):
            yield key(split_key(row[1:])[2])

    # What follows from it

    def spread(self, frontier: list[bytes]) -> None:
        """Follow what leads on, a level at a time, until nothing new is reached."""
        for _ in range(ROUNDS_MAX):
            if not frontier:
                return
            uses: dict[Position, list[bytes]] = {}
            rows: list[tuple[bytes, Reach]] = []
            frontier.sort()
            for key, row_key, kind in rows_at(self._rows, LINK, frontier, _SUFFIX_BYTES):
                if kind == INSTALLED_ROW:
                    rows += self._assemblies(key)
                elif kind == LOT_MEMBERS:
                    rows += self._members_of(key, row_position(row_key), self._members_interval(key))
                else:
                    uses.setdefault(row_position(row_key), []).append(key)
            frontier = self._reach(rows)
            for position in sorted(uses, key=lambda one: (one.height, one.transaction_index, one.operation_index)):
                frontier += self._products(position, uses[position])
            frontier = list(dict.fromkeys(frontier))
        self.found.mark("limit", "levels", len(frontier))

    def _members_interval(self, lot: bytes) -> Interval:
        reach = self.found.reached[lot]
        is_called_back = reach.via is None
        return Interval(reach.interval.since_ms, self._members_until_ms) if is_called_back else reach.interval

    def _products(self, position: Position, inputs: Sequence[bytes]) -> list[bytes]:
        """Reach what a transformation made of these inputs."""
        record = self._record(position)
        if record is None:
            return []
        used = {key for key in inputs if self.found.reached[key].interval.holds(record.at_ms)}
        if not used:
            return []
        refused = record.refused(BLOCKED)
        claimed = sum(split_key(key)[1] in refused for key in used) if refused else 0
        if claimed:
            self.found.mark("claimed", "uses", claimed)
        new: list[bytes] = []
        for part in self._parts(position, record):
            event = part.event
            assert event is not None, "a part of a transformation is an event"
            reach = Reach(Interval(part.at_ms), min(used), "transformed")
            barred = part.refused(BLOCKED)
            keys = [heads.item(name) for name in event.outputs if name not in barred]
            keys += [heads.lot(one.class_id) for one in event.output_quantities if one.class_id not in barred]
            left_out = len(event.outputs) + len(event.output_quantities) - len(keys)
            if left_out:
                self.found.mark("refused", "products", left_out)
            new += self._reach((key, reach) for key in keys if key not in used)
        return new

    def _parts(self, position: Position, record: Record) -> list[Record]:
        """Return the events of a transformation, once: what comes out does not depend on which input led here."""
        identifier = record.transformation_id
        name = position if identifier is None else (identifier, record.organisation)
        whole = self._transformations.of(record)
        parts: list[Record] = []
        if name not in self._done:
            self._done.add(name)
            parts += whole.parts
            for reason, number in (("strangers", whole.strangers), ("limit", whole.missing)):
                if number:
                    self.found.mark(reason, "transformation", number)
        # Beyond what is put together; what the event says itself is never left out.
        if whole.missing and all(part.position != record.position for part in whole.parts):
            parts.append(record)
        return parts

    def _assemblies(self, key: bytes) -> list[tuple[bytes, Reach]]:
        """Return what a thing was installed in while it was reached."""
        reach = self.found.reached[key]
        found: list[tuple[bytes, Reach]] = []
        for link in containers(self._history(key), split_key(key)[1]):
            shared = link.interval.within(reach.interval) if link.relation == INSTALLED else None
            if shared is not None:
                found.append((heads.item(link.identifier), Reach(shared, key, INSTALLED)))
        return found

    def _reach(self, rows: Iterable[tuple[bytes, Reach]]) -> list[bytes]:
        """Note what is reached, and return what is so for the first time or for a longer time than before."""
        reached, room = self.found.reached, self._things_max
        new: list[bytes] = []
        for key, reach in rows:
            known = reached.get(key)
            if known is None:
                if len(reached) >= room:
                    self.found.mark("limit", "things")
                    continue
            elif known.interval.contains(reach.interval):
                continue
            else:
                reach = Reach(_joined(known.interval, reach.interval), known.via, known.relation)  # noqa: PLW2901
            reached[key] = reach
            new.append(key)
        return new

    # Reading

    def _record(self, position: Position) -> Record | None:
        """Return an event that counts."""
        if position.height < self._store.earliest_height:
            self.found.mark("pruned", "events")
            return None
        self.found.events += 1
        if self.found.events > _EVENTS_MAX:
            self.found.mark("limit", "events")
            return None
        record = self._records.get(position)
        return None if record.is_declared_wrong else record

    def _history(self, key: bytes) -> list[Record]:
        """Return the records of a thing in the order in which they happened."""
        rows = self._store.history(key)
        positions = [one for one in islice(rows, _HISTORY_MAX) if one.height <= self.found.height]
        kept = [one for one in positions if one.height >= self._store.earliest_height]
        if len(kept) < len(positions):
            self.found.mark("pruned", "events", len(positions) - len(kept))
        cut = sum(1 for _ in rows)
        if cut:
            self.found.mark("limit", "records of a thing", cut)
        self.found.events += len(kept)
        return sorted(map(self._records.get, kept), key=lambda record: (record.at_ms, record.position))

    def _head(self, key: bytes) -> Head | None:
        encoded = self._rows.get(HEAD + key)
        return None if encoded is None else cast(Head, decode_own(encoded))

    def _key(self, name: str) -> bytes:
        """Return the key of the item or else of the lot of a name."""
        key = heads.item(name)
        return key if self._rows.get(HEAD + key) is not None else heads.lot(name)


def _named(event: Event) -> list[bytes]:
    """Return the keys of everything that an event names."""
    single = (*event.epcs, *event.children, *event.inputs, *event.outputs)
    parent = () if event.parent is None else (event.parent,)
    by_class = (*event.quantities, *event.child_quantities, *event.input_quantities, *event.output_quantities)
    keys = [heads.item(name) for name in (*single, *parent)] + [heads.lot(one.class_id) for one in by_class]
    return list(dict.fromkeys(keys))


def _joined(one: Interval, other: Interval) -> Interval:
    """Return the time from the beginning of the first to the end of the last of two; a gap between them counts too."""
    ends = (one.until_ms, other.until_ms)
    until_ms = None if None in ends else max(cast("tuple[int, int]", ends))
    return Interval(min(one.since_ms, other.since_ms), until_ms)
