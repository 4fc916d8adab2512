"""A real Chromium without a screen, told what to do through its DevTools: enough to look at a page as a phone does.

It runs with a profile of its own, which is thrown away, and with every service that calls home switched off.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from cli.benches.browser import FLAGS

_FLAGS: Final = (*FLAGS, "--no-sandbox", "--hide-scrollbars", "--remote-debugging-port=0")
_PATIENCE_S: Final = 60.0
_WAIT_S: Final = 15.0
_LOOK_S: Final = 0.02
_KEY_CODES: Final = {"Tab": {"windowsVirtualKeyCode": 9}, "Enter": {"windowsVirtualKeyCode": 13}}


@dataclass
class Browser:
    """One open tab. ``requests`` are the URLs that it asked for, ``problems`` what its console complained about."""

    _socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _waiting: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        number = len(self._waiting) + 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(future, _PATIENCE_S)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def view(
        self, width: int, *, scale: float = 1, scheme: str = "light", media: str = "", is_still: bool = False
    ) -> None:
        """Be a phone or a desktop of this width."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=scale, mobile=width < 600
        )
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce" if is_still else "no-preference"},
        ]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def open(self, url: str) -> None:
        """Open an address and wait until it has loaded; what is noted of requests and problems begins anew."""
        # A page may ask on after it has loaded, which is not to be taken for the next one's.
        await self._go("about:blank")
        self.requests.clear()
        self.problems.clear()
        await self._go(url)

    async def _go(self, url: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE_S)

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression on the page, or what its promise comes to."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        for _ in range(int(_WAIT_S / _LOOK_S)):
            if await self.evaluate(f"Boolean({expression})"):
                return
            await asyncio.sleep(_LOOK_S)
        raise AssertionError(f"{expression} did not come true")

    async def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in an ``<input type=file>``, as its user would."""
        handle = await self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        await self.call("DOM.setFileInputFiles", files=[str(path)], objectId=handle["result"]["objectId"])

    async def press(self, key: str) -> None:
        """Press and release a key such as Tab or Enter."""
        text = "\r" if key == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text, **_KEY_CODES.get(key, {})
            )

    async def before_load(self, script: str) -> None:
        """Run a script in every page that is opened from now on, before its own."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def go_offline(self) -> None:
        """Cut the browser off from every network."""
        await self.call(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
        )

    async def screenshot(self, selector: str = "html") -> bytes:
        """Return the whole page, or one element of it, as PNG."""
        box = await self.evaluate(
            f"(({{ x, y, width, height }}) => ({{ x: x + scrollX, y: y + scrollY, width, height, scale: 1 }}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=box)
        return base64.b64decode(answer["data"])

    async def listen(self) -> None:
        """Read what the browser says until it ends."""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._waiting[said["id"]].set_result(said)
            elif said["method"] == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            elif said["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif said["method"] == "Log.entryAdded":
                self.problems.append(said["params"]["entry"]["text"])


@contextlib.asynccontextmanager
async def open_browser(executable: str) -> AsyncIterator[Browser]:
    """Start a browser with one empty tab, and end it afterwards."""
    profile = Path(tempfile.mkdtemp(prefix="browser-"))
    process = await asyncio.create_subprocess_exec(
        executable,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
        start_new_session=True,
    )
    try:
        port = await _debugging_port(profile, process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                tabs = await response.json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await browser.call(f"{domain}.enable")
                yield browser
                with contextlib.suppress(aiohttp.ClientError, AssertionError, TimeoutError):
                    await asyncio.wait_for(browser.call("Browser.close"), 5)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _debugging_port(profile: Path, process: asyncio.subprocess.Process) -> int:
    """Return the port that the browser has chosen, which it writes into its profile."""
    path = profile / "DevToolsActivePort"
    for _ in range(600):
        assert process.returncode is None, "the browser ended at once"
        if path.exists() and (lines := path.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise AssertionError("the browser did not open its DevTools")
