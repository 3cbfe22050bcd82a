"""One page of a browser, steered over the DevTools protocol, for screenshots and tests of the page.

The dozen commands that we need are not worth a driver package and its download.
https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

COMMAND_S = 20.0
POLL_S = 0.02


class PageError(RuntimeError):
    """The page threw, or something that was waited for did not come."""


class Tab:
    """One page. Mouse and keyboard go through the browser's input, so that what is covered cannot be clicked."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loads: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # one a document
        self.problems: list[str] = []  # uncaught errors, console errors, refused resources
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result. Raises PageError."""
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await asyncio.wait_for(future, COMMAND_S)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _read(self) -> None:
        async for raw in self._socket:
            message = json.loads(raw)
            if "id" in message:
                future = self._waiting.pop(message["id"], None)
                if future and not future.done():
                    future.set_result(message)
            else:
                self._heard(message["method"], message["params"])

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.lifecycleEvent" and params["name"] == "load":
            self._loads[params["loaderId"]].set()
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(str(details.get("exception", {}).get("description") or details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}".strip())

    async def prepare(self, *, width: int, height: int, dark: bool, scale: float = 1.0) -> None:
        """Set the window's size and colour scheme."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.setLifecycleEventsEnabled", enabled=True)
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=width < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        """Go to `url` and wait until it is loaded. Raises PageError."""
        result = await self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise PageError(f"{url}: {result['errorText']}")
        await asyncio.wait_for(self._loads[result["loaderId"]].wait(), COMMAND_S)  # the empty page's own may come late

    async def js(self, expression: str) -> Any:
        """Evaluate in the page and return the JSON value. Raises PageError for an exception."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(str(details.get("exception", {}).get("description") or details["text"]))
        return result["result"].get("value")

    async def until(self, expression: str, seconds: float = 15.0) -> None:
        """Wait until the JavaScript expression is true. Raises PageError."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not await self.js(f"Boolean({expression})"):
            if loop.time() > end:
                raise PageError(f"did not become true within {seconds:g} s: {expression}")
            await asyncio.sleep(POLL_S)

    async def wait(self, selector: str, seconds: float = 15.0) -> None:
        """Wait until something visible matches."""
        quoted = json.dumps(selector)
        visible = f"[...document.querySelectorAll({quoted})].some(e => e.checkVisibility())"
        await self.until(visible, seconds)

    async def click(self, selector: str) -> None:
        """Click the middle of the first visible match with the mouse."""
        await self.wait(selector)
        x, y = await self._middle(selector)
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1, buttons=1)

    async def hover(self, selector: str) -> None:
        """Put the pointer on the first visible match."""
        x, y = await self._middle(selector)
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def _middle(self, selector: str) -> tuple[float, float]:
        quoted = json.dumps(selector)
        x, y = await self.js(
            f"(() => {{ const e = [...document.querySelectorAll({quoted})].find(e => e.checkVisibility());"
            " e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return x, y

    async def type(self, selector: str, text: str) -> None:
        """Focus the field and type; a line break presses Enter."""
        await self.wait(selector)
        await self.js(f"document.querySelector({json.dumps(selector)}).focus()")
        for at, line in enumerate(text.split("\n")):
            if at:
                await self.press("Enter")
            if line:
                await self.call("Input.insertText", text=line)

    async def press(self, key: str) -> None:
        """Press one key (Enter, Escape, Tab, ArrowDown, a letter)."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "Home": 36, "End": 35}
        extra: dict[str, Any] = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=codes.get(key, 0), **(extra if kind == "keyDown" else {}),
            )  # fmt: skip

    async def screenshot(self) -> bytes:
        """Return the window as PNG."""
        result = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(result["data"])


@asynccontextmanager
async def tab(
    browser: str, *, width: int = 1280, height: int = 900, dark: bool = False, scale: float = 1.0
) -> AsyncIterator[Tab]:
    """Open a page of its own: nothing is shared with other tabs, not even what the browser remembers."""
    root = browser.split("/devtools/")[0]
    async with connect(browser, max_size=None, proxy=None) as control:
        context = await _ask(control, 1, "Target.createBrowserContext")
        made = await _ask(
            control, 2, "Target.createTarget", url="about:blank", browserContextId=context["browserContextId"]
        )
        async with connect(f"{root}/devtools/page/{made['targetId']}", max_size=None, proxy=None) as socket:
            page = Tab(socket)
            try:
                await page.prepare(width=width, height=height, dark=dark, scale=scale)
                yield page
            finally:
                await page.close()
        await _ask(control, 3, "Target.disposeBrowserContext", browserContextId=context["browserContextId"])


async def _ask(socket: ClientConnection, number: int, method: str, **params: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"id": number, "method": method, "params": params}))
    while True:
        answer = json.loads(await socket.recv())
        if answer.get("id") == number:
            if "error" in answer:
                raise PageError(f"{method}: {answer['error'].get('message')}")
            result: dict[str, Any] = answer["result"]
            return result
