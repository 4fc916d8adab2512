"""The only place that prints.

Rules: data goes to stdout, everything else to stderr, so that a pipe holds nothing but data. Colour only on a
terminal and without NO_COLOR. With ``--json`` stdout holds one JSON value with full hashes and times in milliseconds;
for people hashes are shortened and times are written out. An error says what, why and what to do next.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from typing import Final

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from tradelane import TradelaneError

_WIDTH_PIPED: Final = 100
_SHORT_HASH: Final = 12


class Output:
    """Prints results, notes and errors in the way that was asked for."""

    def __init__(self, *, is_json: bool = False, no_colour: bool = False) -> None:
        self.is_json = is_json
        # A piped table is read by a program or a log, where a narrow terminal's width has no meaning.
        width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_PIPED
        options = {"no_color": True} if no_colour else {}
        self._data = Console(file=sys.stdout, highlight=False, soft_wrap=False, width=width, **options)  # type: ignore[arg-type]
        self._notes = Console(file=sys.stderr, highlight=False, soft_wrap=True, **options)  # type: ignore[arg-type]

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout."""
        return self._data.is_terminal

    def result(self, value: object, *rendered: RenderableType) -> None:
        """Print the result: its JSON, or for people the renderables in order."""
        if self.is_json:
            print(json.dumps(plain(value), indent=2, ensure_ascii=False))
            return
        self._print(*rendered)

    def show(self, *rendered: RenderableType) -> None:
        """Print a part of a result for people as it comes; with ``--json`` the whole comes at the end instead."""
        if not self.is_json:
            self._print(*rendered)

    def raw(self, text: str) -> None:
        """Print text to stdout as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def raw_bytes(self, data: bytes) -> None:
        """Write bytes to stdout as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """Tell people something that is not data; rich markup is understood."""
        self._notes.print(text)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """Show bars on stderr while long work goes on; the work reports (what, done, total or 0 where not known).

        They are for a person who waits: without a terminal, or with ``--json``, nothing is shown.
        """
        is_shown = self._notes.is_terminal and not self.is_json
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._notes, transient=True, disable=not is_shown) as bars:
            tasks: dict[str, TaskID] = {}

            def report(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(escape(what), total=total or None)
                bars.update(tasks[what], completed=done, total=total or None)

            yield report

    def error(self, error: TradelaneError) -> None:
        """Print an error: what and why, then what to do next."""
        if self.is_json:
            fields = {"code": error.code, "detail": error.detail, "hint": error.hint, "exit_code": error.exit_code}
            print(json.dumps({"error": fields}, ensure_ascii=False), file=sys.stderr)
            return
        self._notes.print(f"[bold red]error:[/] {escape(error.detail)} [dim]({escape(error.code)})[/]")
        if error.hint:
            self._notes.print(f"[bold]try:[/]   {escape(error.hint)}")

    def _print(self, *rendered: RenderableType) -> None:
        """Print without the spaces that fill the last column."""
        with self._data.capture() as captured:
            for renderable in rendered:
                self._data.print(renderable)
        self.raw("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def plain(value: object) -> object:
    """Return a value as JSON knows it: bytes as lower-case hex, dataclasses and mappings as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def table(*columns: str, title: str = "") -> Table:
    """Return an empty table in our style; a column named with a leading ``>`` is aligned to the right."""
    made = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0)
    )
    for column in columns:
        if column.startswith(">"):
            made.add_column(column[1:], justify="right", no_wrap=True)
        else:
            made.add_column(column, overflow="fold")
    return made


def fields_table(rows: Sequence[tuple[str, str]]) -> Table:
    """Return a table of names and values, values already escaped where they came from outside."""
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made


def short(hexadecimal: str) -> str:
    """Return the beginning of a hash for people."""
    return hexadecimal[:_SHORT_HASH] + "…" if len(hexadecimal) > _SHORT_HASH + 1 else hexadecimal
