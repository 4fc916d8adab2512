"""Messages that nobody could use, each with its reasons, in a file of one JSON object a line, on disk when kept."""

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tradelane.errors import BadRequestError
from tradelane.relaying import Refusal

FILE_BYTES_MAX: Final = 1_073_741_824
PAYLOAD_BYTES_MAX: Final = 4_194_304


class DeadLetters:
    """The file; lines are added, and nothing is ever changed in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, time_ms: int, topic: str, payload: bytes, refusals: Sequence[Refusal]) -> None:
        """Add a message, synced before this returns; of one that is too long the beginning.

        Raises
        ------
        BadRequestError
            The file cannot be written or is full.

        """
        line = {
            "time_ms": time_ms,
            "topic": topic,
            "reasons": [{"code": one.code, "text": one.text} for one in refusals],
            "size_bytes": len(payload),
            "payload": base64.b64encode(payload[:PAYLOAD_BYTES_MAX]).decode(),
        }
        try:
            with self._path.open("ab") as file:
                if file.tell() > FILE_BYTES_MAX:
                    raise BadRequestError(
                        "dead_letters.full", f"{self._path} has more than {FILE_BYTES_MAX} bytes", "move it away"
                    )
                file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", errors="replace") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BadRequestError(
                "dead_letters.unwritable", f"{self._path}: {error.strerror}", "name another file"
            ) from error
