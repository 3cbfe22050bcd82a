"""Chromium from the distribution, without a head: found, started with an empty profile, ended.

`apt-get install chromium fonts-noto-color-emoji fonts-lato` is all that pictures and tests of the page need.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--no-default-browser-check", "--force-color-profile=srgb",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
START_S = 20.0
POLL_S = 0.02


class NoChromium(RuntimeError):
    """There is no browser; the message says how to get one."""


def find_chromium() -> str:
    """Return the path of the browser. Raises NoChromium."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise NoChromium("Chromium is not installed. Run: apt-get install chromium fonts-noto-color-emoji fonts-lato")


@contextmanager
def chromium() -> Iterator[str]:
    """Run a browser with an empty profile; yield the address of its DevTools. Raises NoChromium.

    Not async, so that one browser can serve tests that each have an event loop of their own.
    """
    binary = find_chromium()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(  # noqa: S603 - our flags, no shell
            [binary, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _address(Path(profile) / "DevToolsActivePort", process)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(file: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait for the file in which Chromium says where it listens: port and path."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        lines = file.read_text().split() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(POLL_S)
    raise NoChromium(f"Chromium did not start (exit code {process.returncode})")
