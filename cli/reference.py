"""Write docs/cli.md from what ``--help`` prints: ``python -m cli.reference > docs/cli.md``; a test compares the two."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final

from cli.main import app

_WIDTH: Final = "80"
_INTRODUCTION: Final = """\
# Commands

This page is what `--help` prints, written by `python -m cli.reference`; a test compares it with the program.

Data goes to standard output, everything else to standard error. `--json` may stand before or after the command; its
output is one JSON value with full hashes, times in milliseconds UTC, and decimal amounts as text. Colour appears on a
terminal alone and never where `NO_COLOR` is set. Whom to ask: `--node`, else `$TRADELANE_NODE`, else the network in
`--network`, else in `$TRADELANE_NETWORK`, else in `./.tradelane`, else `http://127.0.0.1:7400`. As whom to sign:
`--key` or `--as`, else `$TRADELANE_KEY`; an encrypted key asks for its passphrase or takes `$TRADELANE_PASSPHRASE`.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | error: the request is wrong, or something here is |
| 2 | usage: the command line is wrong |
| 3 | not found |
| 4 | not authorised: the key, its role or the passphrase |
| 5 | conflict: the state of the ledger does not allow it, or a recall stands |
| 6 | verification failed: the proof does not hold |
| 7 | timed out or not final yet; ask again with the same id |
| 8 | no node answered, or there is no quorum |
| 130 | interrupted |
"""


def reference() -> str:
    """Return the text of docs/cli.md."""
    sections = (f"## {' '.join(('tradelane', *path))}\n\n```\n{_help(path)}```\n" for path in _paths())
    return "\n".join((_INTRODUCTION, *sections))


def _paths() -> Iterator[tuple[str, ...]]:
    yield ()
    for command in app.registered_commands:
        assert command.name is not None, "commands are named where they are registered"
        yield (command.name,)
    for group in app.registered_groups:
        assert isinstance(group.name, str), "groups are named where they are registered"
        assert group.typer_instance is not None
        yield (group.name,)
        for command in group.typer_instance.registered_commands:
            assert command.name is not None
            yield (group.name, command.name)


def _help(path: tuple[str, ...]) -> str:
    printed = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            app([*path, "--help"], prog_name="tradelane")
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
