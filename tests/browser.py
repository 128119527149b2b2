"""A real headless browser for tests, driven over the Chrome DevTools Protocol; skips where no Chromium is found."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0")
LIMIT_S = 30.0
KEY_CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27}


def find_browser() -> str:
    """The Chromium of $ATELIER3D_BROWSER or of the path; skips the test where there is none."""
    found = os.environ.get("ATELIER3D_BROWSER") or next((path for name in NAMES if (path := shutil.which(name))), "")
    if not found:
        pytest.skip("no Chromium: install one (Debian: apt-get install chromium) or name one in ATELIER3D_BROWSER")
    return found


class Page:
    """One tab. What a person does (clicks, keys) goes in as input events, so that hit testing and focus are the browser's own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, count(1)
        self.troubles: list[str] = []
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol and its answer; console errors that arrive meanwhile are kept in `troubles`."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=LIMIT_S))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._note(message)

    def open(self, path: Path) -> None:
        """Load a local file and wait until it is ready."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(path.resolve().as_uri())}")

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        wait_for(lambda: self.js(expression), expression)

    def click(self, selector: str) -> None:
        """Press the left button in the middle of an element, scrolled into sight."""
        place = f"document.querySelector({json.dumps(selector)})"
        middle = "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]"
        box = self.js(f"(e => {{ e.scrollIntoView({{block: 'center'}}); {middle} }})({place})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other."""
        for key in keys:
            facts = {"key": key, "windowsVirtualKeyCode": KEY_CODES.get(key, ord(key[0].upper()))}
            self.call("Input.dispatchKeyEvent", type="keyDown", **facts, **({"text": key} if len(key) == 1 else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **facts)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a list, as its own menu would."""
        chosen = f"e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{bubbles: true}}))"
        self.js(f"(e => {{ {chosen} }})(document.querySelector({json.dumps(selector)}))")

    def give_file(self, selector: str, path: Path) -> None:
        """Choose a file in a file field."""
        answer = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=[str(path)], objectId=answer["result"]["objectId"])

    def resize(self, width: int, height: int, dark: bool = False) -> None:
        """The size of the window, and which colours its user prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path: Path) -> None:
        """What is in the window, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(message["params"]["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.troubles.append(message["params"]["entry"]["text"])


@contextmanager
def open_browser(folder: Path) -> Iterator[Page]:
    """A browser with a profile of its own and downloads in `folder`; it ends with the block."""
    profile = folder / "profile"
    command = [find_browser(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listening = profile / "DevToolsActivePort"
        wait_for(lambda: listening.is_file() and listening.read_text().count("\n"), "the browser's debugging port")
        address = f"http://127.0.0.1:{listening.read_text().splitlines()[0]}/json/list"
        tab = next(one for one in requests.get(address, timeout=LIMIT_S).json() if one["type"] == "page")
        with connect(tab["webSocketDebuggerUrl"], max_size=None, open_timeout=LIMIT_S) as socket:
            page = Page(socket)
            page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
            yield page
            with suppress(Exception):
                page.call("Browser.close")
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def wait_for(ready: Callable[[], Any], what: str) -> None:
    """Ask until it is so; fails saying what never was."""
    end = time.monotonic() + LIMIT_S
    while not ready():
        assert time.monotonic() < end, f"waited {LIMIT_S:g} s in vain for: {what}"
        time.sleep(0.05)
