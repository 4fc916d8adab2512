"""How times, identifiers and committed transactions look to people."""

from datetime import UTC, datetime
from typing import Final

from rich.markup import escape
from rich.table import Table

from cli.output import fields_table
from tradelane import TransactionStatus

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
