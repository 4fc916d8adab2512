"""The read side of netting: windows, what they came to, and the obligations in them (docs/api.md)."""

from typing import Final, cast

from contracts import heads
from ledger.state import Head
from node.queries import JsonObject, Page, get_currency, get_head, head_json, scan_page
from node.storage.store import Store

_VALUES: Final = ("gross_value", "net_value")


def windows_page(
    store: Store, currency: str | None, statuses: frozenset[str] | None, cursor: str | None, limit: int
) -> Page:
    """Return windows by currency and id, all or those of a currency or in some statuses."""

    def read(parts: tuple[str, ...], head: Head) -> JsonObject | None:
        is_wanted = currency in (None, parts[1]) and (statuses is None or _status(store, head) in statuses)
        return _window(store, parts[1], parts[2], head) if is_wanted else None

    return scan_page(store, "netting_window", cursor, limit, read)


def window(store: Store, currency: str, identifier: str) -> JsonObject | None:
    """Return a window with every obligation that it took, in the order of arrival, or None."""
    head = get_head(store, heads.netting_window(currency, identifier)) if "\0" not in currency + identifier else None
    if head is None:
        return None
    obligations = []
    for number in range(1, cast(int, head["obligations"]) + 1):
        entry = get_head(store, heads.netting_entry(currency, identifier, number))
        assert entry is not None, "a window counts its obligations"
        found = obligation(store, cast(bytes, entry["obligation"]))
        assert found is not None, "an obligation that is listed was made"
        # What came of it here; it may be in another window by now.
        obligations.append({**found, "outcome": cast("str | None", entry.get("outcome"))})
    listed: JsonObject = {"listed": [*obligations], "height": store.tip.height}
    return {**_window(store, currency, identifier, head), **listed}


def obligation(store: Store, identifier: bytes) -> JsonObject | None:
    """Return an obligation as it stands now, or None."""
    head = get_head(store, heads.obligation(identifier))
    if head is None:
        return None
    exponent = cast(int, get_currency(store, head["currency"])["exponent"])
    return {"id": identifier.hex(), **head_json(head), "amount": str(head["amount"]), "exponent": exponent}


def _status(store: Store, head: Head) -> str:
    """Return *open*, *closed* (its time is over and nobody had it settled yet) or *settled*."""
    is_over = cast(int, head["closes_ms"]) <= store.tip.time_ms
    return "closed" if head["status"] == "open" and is_over else cast(str, head["status"])


def _window(store: Store, currency: str, identifier: str, head: Head) -> JsonObject:
    return {
        "id": identifier,
        "currency": currency,
        **{name: value for name, value in head_json(head).items() if name not in _VALUES},
        "status": _status(store, head),
        **{name: str(head[name]) if name in head else None for name in _VALUES},
        "exponent": cast(int, get_currency(store, currency)["exponent"]),
    }
