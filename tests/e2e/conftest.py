"""A real server, a real worker and a real browser."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from cellapp.config import app_settings
from tests.paths import ROOT

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("chromium is missing, and CI must run the browser tests")
    if found is None:
        pytest.skip("chromium is not installed: browser tests need it (Debian: apt-get install chromium)")
    return found


ONE_FORMAT = {"CELLAPP_DTYPE": "float32"}
"""On a busy machine two homes may measure different number formats to be the faster, and round differently."""


@pytest.fixture(autouse=True)
def one_number_format(home, monkeypatch) -> None:
    """Let what a test runs by itself compute as the server does."""
    for name, value in ONE_FORMAT.items():
        monkeypatch.setenv(name, value)
    app_settings.cache_clear()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Address of an app with a store of its own, started as a person starts it on a machine that never saw it."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, folder / "home") as address:
        yield address


@contextlib.contextmanager
def serving(folder: Path, home: Path) -> Iterator[str]:
    """Run the app on a store, and give its address; `folder` is for its log and for what it thinks is the user's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "cellapp", "serve", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "HOME": str(folder), "BROWSER": "true", "CELLAPP_HOME": str(home), **ONE_FORMAT},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{address}/api/health", process, folder / "log.txt")
        yield address
    finally:
        subprocess.run(["pkill", "-TERM", "-s", str(os.getsid(process.pid))], check=False)
        process.wait(timeout=20)
        log.close()


@pytest.fixture
def page(chromium, tmp_path):
    """A page of 1440 x 900 that fails the test when the browser reports an error."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        page = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True).new_page()
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def _wait(address: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    pytest.fail(f"the server did not answer at {address}:\n{log.read_text()[-2000:]}")
