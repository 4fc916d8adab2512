"""Run a command in this process against an answering node, and keep what it printed."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.support.answering import CHAIN_ID, AnsweringNode, Handler
from tradelane import Client

NODE = "http://127.0.0.1:7400"


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The JSON error on stderr."""
        fields: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return fields


class CommandLine:
    """Runs commands in an empty directory, 80 columns wide."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], directory: Path) -> None:
        self._capsys = capsys
        self.directory = directory
        self.node = AnsweringNode({})
        monkeypatch.chdir(directory)
        for name in [name for name in os.environ if name.startswith("TRADELANE_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr("tradelane.route._PAUSES_S", (0.0,))
        monkeypatch.setattr(
            "cli.session.open_client",
            lambda nodes: Client(*nodes, chain_id=CHAIN_ID, transport=self.node.transport),
        )

    def answers(self, table: dict[str, Handler]) -> None:
        """Let the node answer so."""
        self.node.table.update(table)

    def __call__(self, *arguments: str) -> Outcome:
        """Run one command."""
        self._capsys.readouterr()
        code = run(arguments)
        printed = self._capsys.readouterr()
        return Outcome(code, printed.out, printed.err)
