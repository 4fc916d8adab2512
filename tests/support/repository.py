"""The files of the repository, as git knows them, for the tests that read the source itself."""

import subprocess
from functools import cache
from pathlib import Path

from tests.support.shared_data import REPOSITORY

ROOMS = ("ledger", "consensus", "contracts", "standards", "node", "tradelane", "cli")


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the tracked files that exist, relative to the repository.

    Only these: what somebody has lying about beside them is nobody's business.
    """
    # Only reading: a checkout that belongs to another user, as in a container, is as good as ours.
    command = ["git", "-c", "safe.directory=*", "-C", str(REPOSITORY), "ls-files", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    files = tuple(Path(name) for name in names if name and (REPOSITORY / name).is_file())
    assert files, "the repository has files"
    return files


def python_files(*rooms: str) -> list[Path]:
    """Return the tracked Python files, of some rooms or of all."""
    return [path for path in tracked_files() if path.suffix == ".py" and (not rooms or path.parts[0] in rooms)]


def read(path: Path) -> str:
    """Return the text of a tracked file."""
    return (REPOSITORY / path).read_text(encoding="utf-8")
