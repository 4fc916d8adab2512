"""The scripts that a browser runs: the proof verifier, which other sites may load too, and the check on a page.

They are files of this package, served as they are. ``/verify.js`` and ``/trace.js`` are stable addresses
(docs/proofs.md).
"""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC: Final = Path(__file__).parent / "static"
NAMES: Final = ("verify.js", "trace.js", "check.js")
_HEADERS: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "public, max-age=300",
}
_IMPORT: Final = re.compile(r"^import \{[^}]*\} from '\./(?:verify|trace)\.js';\n", re.MULTILINE)


def script(name: str) -> str:
    """Return the text of a script."""
    return (STATIC / name).read_text(encoding="utf-8")


def one_script() -> str:
    """Return the check with the verifier that it imports, as one module for a page without a server."""
    verify, trace, check = (_IMPORT.sub("", script(name)) for name in NAMES)
    # In a block of its own, where it may use names of the verifier for other things.
    return f"{verify}\n{trace}\n{{\n{check}}}\n"


def build_script_routes() -> list[Route]:
    """Return the routes of the scripts."""
    return [Route(f"/{name}", _Script(name).answer, methods=["GET"]) for name in NAMES]


class _Script:
    """A script with the tag that says whether a browser has it already."""

    def __init__(self, name: str) -> None:
        self._content = script(name).encode()
        tag = hashlib.sha256(self._content).hexdigest()[:32]
        self._headers = {**_HEADERS, "etag": f'W/"{tag}"', "vary": "Accept-Encoding"}
        # Without a time in it, so that every start makes the same bytes.
        self._compressed = gzip.compress(self._content, mtime=0)

    async def answer(self, request: Request) -> Response:
        """Answer with the script, or with 304."""
        if self._headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self._content, media_type="text/javascript", headers=self._headers)
        headers = {**self._headers, "content-encoding": "gzip"}
        return Response(self._compressed, media_type="text/javascript", headers=headers)
