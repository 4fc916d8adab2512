"""How times, identifiers and committed transactions look to people."""

from datetime import UTC, datetime, timedelta
from typing import Final

from rich.markup import escape
from rich.table import Table

from cli.output import fields_table
from tradelane import BadRequestError, TransactionStatus

TIME_HELP: Final = "A day (UTC) or a time such as 2026-11-01T12:00:00Z."

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = {
    "00": "SSCC",
    "01": "GTIN",
    "10": "lot",
    "21": "serial",
    "414": "GLN",
    "254": "extension",
    "8004": "GIAI",
}


def time_text(time_ms: int) -> str:
    """Return a time in UTC to the second."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def read_time(text: str) -> int:
    """Return the milliseconds UTC of a day or a time that a person wrote; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadRequestError("time.malformed", f"{text[:50]!r} is no time", f"write {TIME_HELP.lower()}") from error


def thing_text(identifier: str) -> str:
    """Return a Digital Link as a person would say it, such as ``GTIN 0952… serial 3pGU…``, and others as they are."""
    prefix = "https://id.gs1.org/"
    if not identifier.startswith(prefix):
        return identifier
    parts = identifier.removeprefix(prefix).split("/")
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return " ".join(f"{_NAMES.get(name, name)} {value}" for name, value in pairs)


def done_text(text: str) -> str:
    """Return the line that says what was done."""
    return f"[green]✓[/] {escape(text)}"


def committed_value(status: TransactionStatus) -> dict[str, object]:
    """Return what a program wants to know of a committed transaction."""
    outputs = None if status.receipt is None else status.receipt.outputs
    return {"transaction": status.id, "height": status.height, "outputs": outputs}


def committed_table(status: TransactionStatus) -> Table:
    """Return where a transaction was committed, for people."""
    return fields_table([("transaction", status.id), ("block", str(status.height))])
