"""How long the page's own verifier takes over a bundle, in a real Chromium without a screen.

A server on loopback hands out a page, the verifier, the trust file and the bundles; the page checks each bundle some
times and sends back the times. WebCrypto is there because a page from 127.0.0.1 counts as secure.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Final

from node.setup import HOST

PATIENCE_S: Final = 60.0
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
)
"""How Chromium runs without a screen and without calling home."""

_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>Bench</title><script type="module">
const said = {};
try {
  const { verifyBundle } = await import('/verify.js');
  const text = async (path) => (await fetch(path)).text();
  const trust = await text('/trust.json');
  for (const name of await (await fetch('/names')).json()) {
    const bundle = await text('/bundles/' + name);
    const times = [];
    for (let round = 0; round < 20; round++) {
      const start = performance.now();
      await verifyBundle(bundle, trust);
      times.push(performance.now() - start);
    }
    said[name] = Math.min(...times);
  }
  said.browser = navigator.userAgent.match(/Chrom\\w+\\/\\d+/)[0];
} catch (error) {
  said.error = String(error.code ?? error);
}
await fetch('/said', { method: 'POST', body: JSON.stringify(said) });
</script>
"""
_TYPES: Final = {"html": "text/html; charset=utf-8", "js": "text/javascript", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class BrowserCost:
    """Milliseconds of the fastest of twenty checks, by the name of the bundle; or why there are none."""

    browser: str | None
    verify_ms: Mapping[str, float]
    absent: str | None = None


@dataclass(slots=True)
class _Answers:
    """What the server hands out by path, and what the page said in the end."""

    content: dict[str, bytes]
    said: dict[str, object] = field(default_factory=dict)
    is_done: threading.Event = field(default_factory=threading.Event)


def chromium_path() -> str | None:
    """Return where Chromium is, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)


def measure_browser(bundles: Mapping[str, str], trust: str, patience_s: float = PATIENCE_S) -> BrowserCost:
    """Return how long Chromium takes over each of these bundles (JSON texts by name), or why it was not asked."""
    module = files("node.web") / "static" / "verify.js"
    executable = chromium_path()
    if executable is None or not module.is_file():
        return _absent("no Chromium here" if executable is None else "this installation has no page verifier")
    content = {
        "/": _PAGE.encode(),
        "/verify.js": module.read_bytes(),
        "/trust.json": trust.encode(),
        "/names": json.dumps(list(bundles)).encode(),
        **{f"/bundles/{name}": text.encode() for name, text in bundles.items()},
    }
    answers = _Answers(content)
    with _server(answers) as port, _chromium(executable, f"http://{HOST}:{port}/"):
        answers.is_done.wait(patience_s)
    if not answers.is_done.is_set():
        return _absent(f"Chromium said nothing in {patience_s:.0f} s")
    error = answers.said.get("error")
    if error is not None:
        return _absent(f"Chromium refused: {error}")
    times = {name: value for name in bundles if isinstance(value := answers.said.get(name), float | int)}
    return BrowserCost(str(answers.said.get("browser")), times)


def _absent(reason: str) -> BrowserCost:
    return BrowserCost(None, {}, reason)


@contextlib.contextmanager
def _server(answers: _Answers) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(answers.content.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer(b"{}")
            answers.said = json.loads(body)
            answers.is_done.set()

        def _answer(self, content: bytes | None) -> None:
            ending = self.path.rsplit(".", 1)[-1] if "." in self.path else "html"
            self.send_response(404 if content is None else 200)
            self.send_header("content-type", _TYPES.get(ending, _TYPES["json"]))
            self.send_header("content-length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
            del format, args

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="bench page", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def _chromium(executable: str, url: str) -> Iterator[None]:
    """Run Chromium on a page with a profile of its own, and end it with all its processes."""
    with tempfile.TemporaryDirectory(prefix="tradelane-browser-", ignore_cleanup_errors=True) as profile:
        # Chromium refuses to run as root with its sandbox, as in most containers.
        sandbox = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        process = subprocess.Popen(  # noqa: S603 - the browser that was found, no shell
            [executable, *FLAGS, *sandbox, f"--user-data-dir={profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
            start_new_session=True,
        )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
