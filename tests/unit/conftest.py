"""Fixtures of the unit tests that several files share."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def tradelane(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line in an empty directory, 80 columns wide."""
    return CommandLine(monkeypatch, capsys, tmp_path)
