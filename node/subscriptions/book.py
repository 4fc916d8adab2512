"""The stored queries of a node and their subscriptions: one small file for each, replaced whole and synced.

A subscription's place is the position of the last event that its subscriber has taken. Before events are sent the end
of what is sent is written down too, so that after a crash the very same events go out again, under the same name.
This is the node's own: other nodes know nothing of it, and nothing of it is on the ledger.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from node.storage.database import sync_directory
from node.storage.errors import DamagedError, StorageError

QUERIES_MAX: Final = 200
SUBSCRIPTIONS_MAX: Final = 50
"""Subscriptions of a node: each is told by a task of its own."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told, and how far.

    Up to ``done`` the subscriber knows, and up to ``sending`` it is being told: tokens of node.event_query.
    ``schedule`` is None for one that is told at each block. ``token`` signs what is sent.
    """

    id: str
    destination: str
    token: str | None
    report_if_empty: bool
    schedule: Mapping[str, str] | None
    created_ms: int
    done: str
    sending: str | None = None
    last_run_ms: int = 0
    delivered: int = 0
    delivered_ms: int | None = None
    failures: int = 0
    last_failure: str | None = None


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """A query under its name: parameters as in an address, prefixes of extensions, and its subscriptions by id."""

    name: str
    parameters: Mapping[str, str]
    namespaces: Mapping[str, str]
    created_ms: int
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)


class Book:
    """The stored queries, in memory and on disk; used from the event loop alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._queries: dict[str, StoredQuery] = {}
        if directory.is_dir():
            for path in sorted(directory.glob("*.json")):
                query = _read(path)
                self._queries[query.name] = query

    def queries(self) -> list[StoredQuery]:
        """Return all stored queries by name."""
        return [self._queries[name] for name in sorted(self._queries)]

    def query(self, name: str) -> StoredQuery | None:
        """Return a stored query, or None."""
        return self._queries.get(name)

    def subscription(self, name: str, identifier: str) -> Subscription | None:
        """Return a subscription, or None."""
        query = self._queries.get(name)
        return None if query is None else query.subscriptions.get(identifier)

    def subscriptions(self) -> Iterator[tuple[StoredQuery, Subscription]]:
        """Yield every subscription with its query."""
        for query in self.queries():
            for subscription in query.subscriptions.values():
                yield query, subscription

    def put(self, query: StoredQuery) -> None:
        """Store a query, durable on return; raises StorageError."""
        text = json.dumps(asdict(query), ensure_ascii=False, sort_keys=True)
        path = self._path(query.name)
        beside = path.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_directory(self._directory)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error
        self._queries[query.name] = query

    def put_subscription(self, name: str, subscription: Subscription) -> None:
        """Store a subscription of a query; raises StorageError."""
        query = self._queries[name]
        self.put(replace(query, subscriptions={**query.subscriptions, subscription.id: subscription}))

    def remove_subscription(self, name: str, identifier: str) -> None:
        """Forget a subscription; raises StorageError."""
        query = self._queries[name]
        left = {key: value for key, value in query.subscriptions.items() if key != identifier}
        self.put(replace(query, subscriptions=left))

    def remove(self, name: str) -> None:
        """Forget a query with its subscriptions; raises StorageError."""
        try:
            self._path(name).unlink()
            sync_directory(self._directory)
        except OSError as error:
            raise StorageError(f"{self._path(name)} cannot be removed: {error.strerror}") from error
        del self._queries[name]

    def _path(self, name: str) -> Path:
        # A name may hold anything, also what no file may be called.
        return self._directory / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> StoredQuery:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        subscriptions = {name: Subscription(**fields) for name, fields in value.pop("subscriptions").items()}
        return StoredQuery(**value, subscriptions=subscriptions)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(
            f"{path} is no stored query: {error}; move it away, and store the query and its subscriptions again"
        ) from error
