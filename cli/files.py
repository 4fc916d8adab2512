"""Files that a person names: read up to a limit, written whole, and what goes wrong said with the name."""

import sys
from pathlib import Path
from typing import Final

from tradelane import BadRequestError

STANDARD_INPUT: Final = "-"


def read_file(file: Path | str, size_bytes_max: int) -> bytes:
    """Return what is in a file, ``-`` for standard input where the name is a text; raises BadRequestError."""
    try:
        if file == STANDARD_INPUT:
            data = sys.stdin.buffer.read(size_bytes_max + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(size_bytes_max + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadRequestError("file.unreadable", f"{file}: {reason}", "check the path") from error
    if len(data) > size_bytes_max:
        raise BadRequestError("file.too_large", f"{file} is larger than {size_bytes_max} bytes", "give a smaller one")
    return data


def write_file(file: Path, text: str) -> None:
    """Write a text to a file; raises BadRequestError."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadRequestError("file.unwritable", f"{file}: {error.strerror}", "name another file") from error
