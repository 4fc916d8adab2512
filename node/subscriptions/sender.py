"""Brings to subscribers what their queries find, one task for each, none lost and each in the order of capture.

A delivery is a query document that is posted to the subscriber's address. It is taken when a 2xx answers; until then it
is sent again, later and later, byte for byte and under the same name in ``Tradelane-Delivery``. Nothing waits in
memory: what is to be sent is read from the ledger, so a subscriber that is away for a week costs one row.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import aiohttp
import structlog

from node.document_parts import partial_text
from node.event_query import EventQuery, end_of, events_page, position_of, read_query, token_of
from node.network.asking import CALL_ERRORS
from node.records import Record
from node.storage.errors import PrunedError, StorageError
from node.storage.rows import Position
from node.storage.store import Store
from node.subscriptions.book import Book, StoredQuery, Subscription
from node.subscriptions.schedule import read_schedule
from standards.epcis.fields import time_text
from standards.epcis.json_text import JsonObject, dumps
from standards.epcis.operations import document_from_operations

EVENTS_MAX: Final = 100
"""Events in one delivery."""
BACK_OFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_LOOK_S: Final = 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=3)
_KEPT_AFTER_MS: Final = 60_000


class Ledger(Protocol):
    """The part of a node that the sender needs."""

    store: Store

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds UTC."""
        ...

    async def next_block(self, after_height: int, timeout_s: float) -> bool:
        """Return whether a block above this height is there now or within the time."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be sent, and the token of the end of what was looked at."""

    records: list[Record]
    end: str


class Sender:
    """Tells subscribers. Whoever changes the book calls ``changed``."""

    def __init__(self, ledger: Ledger, book: Book) -> None:
        self._ledger = ledger
        self._book = book
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._looked: dict[tuple[str, str], tuple[str, int]] = {}
        self._changed: asyncio.Event | None = None
        self._log = structlog.get_logger("subscriptions")

    def changed(self) -> None:
        """Take up what is new in the book, and let go of what is gone."""
        if self._changed is not None:
            self._changed.set()

    async def run(self) -> None:
        """Tell for ever."""
        self._changed = asyncio.Event()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT) as session:
            try:
                while True:
                    self._reconcile(session)
                    self._changed.clear()
                    waiting = asyncio.create_task(self._changed.wait())
                    ended, _ = await asyncio.wait({waiting, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    for task in ended - {waiting}:
                        # They never end by themselves: it is our mistake, and it stops the node.
                        task.result()
            finally:
                for one in self._tasks.values():
                    one.cancel()
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _reconcile(self, session: aiohttp.ClientSession) -> None:
        wanted = {(query.name, subscription.id) for query, subscription in self._book.subscriptions()}
        for key in self._tasks.keys() - wanted:
            self._tasks.pop(key).cancel()
            self._looked.pop(key, None)
        for key in wanted - self._tasks.keys():
            self._tasks[key] = asyncio.create_task(self._serve(key, session))

    async def _serve(self, key: tuple[str, str], session: aiohttp.ClientSession) -> None:
        while True:
            height = self._ledger.store.tip.height
            try:
                pause_s = await self.step(key, lambda *sent: self._post(session, *sent))
            except StorageError as error:
                self._log.error("subscription_not_kept", query=key[0], subscription=key[1], error=str(error))
                pause_s = _LOOK_S
            except PrunedError:
                # Blocks were given up while they were read; the next look begins after them.
                pause_s = 1.0
            if pause_s is None:
                await self._ledger.next_block(height, _LOOK_S)
            elif pause_s > 0:
                await asyncio.sleep(pause_s)

    async def step(
        self, key: tuple[str, str], post: Callable[[str, bytes, dict[str, str]], Awaitable[str | None]]
    ) -> float | None:
        """Send one delivery if there is one; return seconds until the next look, None to wait for a block."""
        query, one = self._book.query(key[0]), self._book.subscription(*key)
        if query is None or one is None:
            return _LOOK_S
        if one.sending is None:
            waiting_s = self._waiting_s(one)
            if waiting_s > 0:
                return waiting_s
        start = self._start(key, one)
        found = await asyncio.to_thread(self._find, query, one, start)
        is_due = bool(found.records) or (one.schedule is not None and one.report_if_empty)
        if one.sending is None and not is_due:
            return self._passed(key, one, found)
        if one.sending is None:
            # From where it was looked as well, for what is sent again has to be found again by as long a look.
            one = replace(one, done=start, sending=found.end)
            self._book.put_subscription(query.name, one)
        failure = await post(one.destination, *self._delivery(query, one, found.records))
        if self._book.subscription(*key) is None:
            return _LOOK_S
        return self._note(key, one, len(found.records), failure)

    def _waiting_s(self, one: Subscription) -> float:
        if one.schedule is None:
            return 0.0
        due_ms = read_schedule(one.schedule).next_ms(max(one.last_run_ms, one.created_ms))
        assert due_ms is not None, "a schedule that never comes is not taken"
        return min(_LOOK_S, (due_ms - self._ledger.now_ms()) / 1_000)

    def _start(self, key: tuple[str, str], one: Subscription) -> str:
        return one.done if one.sending is not None else self._looked.get(key, (one.done, 0))[0]

    def _find(self, query: StoredQuery, one: Subscription, start: str) -> Found:
        found = find_events(self._ledger.store, query, start)
        if one.sending is None:
            return found
        # What was cut off is sent again as it was, not with what has come since.
        until = _order(position_of(one.sending))
        return Found([record for record in found.records if record.position <= until], one.sending)

    def _passed(self, key: tuple[str, str], one: Subscription, found: Found) -> float | None:
        """Note that there is nothing up to here; on disk only now and then, for it can be looked for again."""
        is_more = _order(position_of(found.end)) < _order(end_of(self._ledger.store.tip.height))
        now_ms = self._ledger.now_ms()
        _, kept_ms = self._looked.get(key, ("", 0))
        if one.schedule is not None and not is_more:
            self._book.put_subscription(key[0], replace(one, done=found.end, last_run_ms=now_ms))
        elif now_ms - kept_ms >= _KEPT_AFTER_MS:
            self._book.put_subscription(key[0], replace(one, done=found.end))
            kept_ms = now_ms
        self._looked[key] = (found.end, kept_ms)
        return 0.0 if is_more or one.schedule is not None else None

    def _delivery(self, query: StoredQuery, one: Subscription, records: list[Record]) -> tuple[bytes, dict[str, str]]:
        """Return the body of a delivery, the same however often it is sent, and its headers."""
        assert one.sending is not None, "the end of what is sent is written down first"
        moment_ms = records[-1].block_time_ms if records else self._ledger.now_ms()
        document = report_of(query.name, records, time_text(moment_ms, 0), one.id)
        body = dumps(document)
        headers = {
            "Content-Type": "application/json",
            "GS1-EPCIS-Version": "2.0.0",
            "GS1-CBV-Version": "2.0.0",
            "Tradelane-Delivery": f"{one.id}:{one.sending}",
        }
        partial = partial_text(record.document for record in records)
        if partial:
            headers["Tradelane-Partial-Documents"] = partial
        if one.token is not None:
            headers["GS1-Signature"] = signature(one.token, body)
        return body, headers

    def _note(self, key: tuple[str, str], one: Subscription, count: int, failure: str | None) -> float:
        assert one.sending is not None, "something was sent"
        now_ms = self._ledger.now_ms()
        if failure is None:
            end = position_of(one.sending)
            is_all = end == end_of(end.height)
            self._looked[key] = (one.sending, now_ms)
            taken = replace(
                one,
                done=one.sending,
                sending=None,
                # What a schedule finds is sent in one go, however many deliveries that takes.
                last_run_ms=now_ms if is_all else one.last_run_ms,
                delivered=one.delivered + count,
                delivered_ms=now_ms,
                failures=0,
                last_failure=None,
            )
            self._book.put_subscription(key[0], taken)
            return 0.0
        self._log.warning("delivery_failed", query=key[0], subscription=one.id, failure=failure, again=one.failures)
        self._book.put_subscription(key[0], replace(one, failures=one.failures + 1, last_failure=failure))
        return BACK_OFF_S[min(one.failures, len(BACK_OFF_S) - 1)]

    async def _post(
        self, session: aiohttp.ClientSession, destination: str, body: bytes, headers: dict[str, str]
    ) -> str | None:
        """Return None where a delivery was taken, else why not."""
        try:
            async with session.post(destination, data=body, headers=headers, allow_redirects=False) as answer:
                return None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (*CALL_ERRORS, ValueError) as error:
            return f"{type(error).__name__}: {str(error)[:200]}"


def find_events(store: Store, query: StoredQuery, start: str) -> Found:
    """Return what a stored query finds after a token, at most ``EVENTS_MAX`` events, and how far it was looked."""
    tip = end_of(store.tip.height)
    # Of blocks that were given up nothing can be told any more.
    earliest = end_of(max(store.earliest_height - 1, 0))
    start = token_of(max(position_of(start), earliest, key=_order))
    page = events_page(store, read_stored(query), start, EVENTS_MAX)
    if page.next_token is not None:
        return Found(page.records, page.next_token)
    last = [Position(*record.position) for record in page.records[-1:]]
    return Found(page.records, token_of(max([tip, position_of(start), *last], key=_order)))


def report_of(name: str, records: list[Record], created: str, subscription_id: str | None = None) -> JsonObject:
    """Return the query document that tells of events."""
    return document_from_operations(
        [record.arguments for record in records],
        creation_date=created,
        query_name=name,
        subscription_id=subscription_id,
        record_times=[time_text(record.block_time_ms, 0) for record in records],
    )


def signature(token: str, body: bytes) -> str:
    """Return what ``GS1-Signature`` says of a body: HMAC-SHA256 under the subscriber's token."""
    return "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


def read_stored(query: StoredQuery) -> EventQuery:
    """Return a stored query, which was read before it was stored."""
    return read_query(query.parameters.items(), query.namespaces)


def _order(position: Position) -> tuple[int, int, int]:
    return position.height, position.transaction_index, position.operation_index
