"""The page of an operator: what the accounts hold, what is set aside, and which payments are under way.

It shows what anybody who reaches the API may read there, put together, as of one block. Lists are as long as one
answer of the API; each goes on by a link. Nothing on it is changed by looking, and it needs no script.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contracts.decimals import format_amount
from contracts.trade.release import DISPUTED, HELD
from ledger.block import Header
from ledger.genesis import Genesis
from node.money import accounts_page, pending_holds
from node.netting import windows_page
from node.payments import payment, payments_page
from node.queries import CursorError, JsonObject, Page
from node.storage.store import Store
from node.web.rendering import page_headers, read_style, template_environment

PATH: Final = "/operator"
ROWS_MAX: Final = 100
IN_FLIGHT: Final = frozenset({HELD, DISPUTED})
UNSETTLED: Final = frozenset({"open", "closed"})
_TRIES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a list, as texts, and the address of those after them."""

    rows: tuple[Mapping[str, str], ...]
    more: str | None


class OperatorPages:
    """Renders the pages of an operator for one network."""

    def __init__(self, genesis: Genesis, store: Callable[[], Store]) -> None:
        self._store = store
        self._network = genesis.network
        self._environment = template_environment()
        self._style = read_style("operator.css")
        self._headers = page_headers(self._style)

    def overview(self, request: Request) -> Response:
        """Answer with the lists of what is under way and of accounts."""
        asked = dict(request.query_params)
        unknown = sorted(asked.keys() - set(_LISTS))
        if unknown:
            return self._message("That address cannot be right", f"{unknown[0][:100]!r} is no list of this page.", 400)
        try:
            tip, lists = self._read(asked)
        except CursorError as error:
            return self._message("That address cannot be right", f"{error}. Begin again at {PATH}.", 400)
        return self._page(
            "operator.html",
            200,
            lists=lists,
            height=tip.height,
            as_of=_moment(tip.time_ms),
            is_beginning=not asked,
        )

    def payment(self, request: Request) -> Response:
        """Answer with one payment and the time of each of its steps."""
        uetr = cast(str, request.path_params["uetr"])
        found = payment(self._store(), uetr.lower())
        if found is None:
            return self._message("Not found", f"No payment has the reference {uetr[:100]}.", 404)
        return self._page("operator_payment.html", 200, payment=_payment_row(found), steps=_steps(found))

    def _read(self, asked: Mapping[str, str]) -> tuple[Header, dict[str, Rows]]:
        """Read every list as of one block; the last try stands where blocks come faster than that."""
        store = self._store()
        for _ in range(_TRIES_MAX):
            tip = store.tip
            lists = {name: _read(store, name, asked) for name in _LISTS}
            if store.tip is tip:
                break
        return tip, lists

    def _message(self, title: str, text: str, status: int) -> Response:
        return self._page("operator_message.html", status, title=title, text=text)

    def _page(self, template: str, status: int, **values: object) -> Response:
        # The style is ours, and its hash is in the policy, so it must not be escaped.
        style = Markup(self._style)  # noqa: S704 (a file of this package)
        html = self._environment.get_template(template).render(style=style, network=self._network, path=PATH, **values)
        return HTMLResponse(html, status, self._headers)


def _read(store: Store, name: str, asked: Mapping[str, str]) -> Rows:
    """Return a list from the cursor on that was asked for."""
    cursor = asked.get(name)
    page, row = _LISTS[name](store, cursor), _ROWS[name]
    entries = cast("list[JsonObject]", page.entries)
    more = None
    if page.next_cursor is not None:
        more = f"{PATH}?{urlencode({**asked, name: page.next_cursor})}#{name}"
    return Rows(tuple(row(entry) for entry in entries), more)


def _account_row(account: JsonObject) -> Mapping[str, str]:
    amounts = ("available", "held", "incoming", "posted")
    return {
        **{name: cast(str, account[name]) for name in ("id", "owner", "currency", "status")},
        **{name: _amount(account[name], account["exponent"]) for name in amounts},
    }


def _hold_row(hold: JsonObject) -> Mapping[str, str]:
    return {
        **{name: cast(str, hold[name]) for name in ("id", "debit", "credit", "currency")},
        "amount": _amount(hold["amount"], hold["exponent"]),
        "until": _moment(cast(int, hold["expires_ms"])),
    }


def _window_row(window: JsonObject) -> Mapping[str, str]:
    return {
        **{name: cast(str, window[name]) for name in ("id", "currency", "model", "status")},
        "obligations": str(window["obligations"]),
        "closes": _moment(cast(int, window["closes_ms"])),
    }


def _payment_row(found: JsonObject) -> Mapping[str, str]:
    escrow = cast("JsonObject | None", found.get("escrow"))
    reviewers = [] if escrow is None else cast("list[str]", escrow.get("reviewers") or [])
    return {
        **{name: cast(str, found[name]) for name in ("uetr", "payer", "payee", "status")},
        "paid": f"{_amount(found['source_amount'], found['source_exponent'])} {found['source_currency']}",
        "arrives": f"{_amount(found['target_amount'], found['target_exponent'])} {found['target_currency']}",
        "since": _moment(cast(int, found["created_ms"])),
        "deadline": "" if escrow is None else _moment(cast(int, escrow["deadline_ms"])),
        "waits_for": f"review by {', '.join(reviewers)}" if reviewers else "",
        "rate": cast(str, found.get("rate") or ""),
        "reference": cast(str, found.get("reference") or ""),
    }


def _steps(found: JsonObject) -> list[Mapping[str, str]]:
    """Return the steps of a payment with the time of each and how long after the first it was."""
    steps = cast("list[JsonObject]", found["steps"])
    times = [cast(int, step["time_ms"]) for step in steps]
    return [
        {
            "time": _moment(time_ms, precisely=True),
            "after": after_text(time_ms - times[0]),
            "height": str(step["height"]),
            "method": cast(str, step["method"]),
            "organisation": cast(str, step["organisation"] or "governance"),
        }
        for step, time_ms in zip(steps, times, strict=True)
    ]


def after_text(duration_ms: int) -> str:
    """Return how long after the first step another one was, in the largest two units."""
    seconds, milliseconds = divmod(duration_ms, 1_000)
    if seconds < 60:
        return f"{seconds}.{milliseconds:03d} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _amount(minor_units: object, exponent: object) -> str:
    return format_amount(int(cast(str, minor_units)), cast(int, exponent))


def _moment(time_ms: int, *, precisely: bool = False) -> str:
    moment = datetime.fromtimestamp(time_ms / 1_000, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{time_ms % 1_000:03d} UTC" if precisely else f"{text} UTC"


_LISTS: Final[dict[str, Callable[[Store, str | None], Page]]] = {
    "payments": lambda store, cursor: payments_page(store, IN_FLIGHT, cursor, ROWS_MAX),
    "holds": lambda store, cursor: pending_holds(store, cursor, ROWS_MAX),
    "windows": lambda store, cursor: windows_page(store, None, UNSETTLED, cursor, ROWS_MAX),
    "accounts": lambda store, cursor: accounts_page(store, None, cursor, ROWS_MAX),
}
_ROWS: Final[dict[str, Callable[[JsonObject], Mapping[str, str]]]] = {
    "payments": _payment_row,
    "holds": _hold_row,
    "windows": _window_row,
    "accounts": _account_row,
}
