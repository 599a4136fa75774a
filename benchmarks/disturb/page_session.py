"""One visit of a page: over the WebSocket that a browser would use, or with a browser."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.disturb.visitors import Crowd

PAGES = ("", "segment", "classify", "explain", "label", "train", "runs", "models", "discover")
_PATIENT_S = 120.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def look(address: str, run_id: str, page: str, n_reruns: int = 2) -> list[float]:
    """Open a page in a session of its own, rerun it, and leave; returns the seconds that each run of its script took.

    Raises
    ------
    RuntimeError
        The script ended otherwise than by its end, or drew an exception or an error.
    """
    from websockets.sync.client import connect

    seconds: list[float] = []
    stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    with connect(stream, subprotocols=["streamlit"], max_size=None, open_timeout=_PATIENT_S) as session:
        for _ in range(1 + n_reruns):
            start_s = time.monotonic()
            session.send(_rerun(run_id, page))
            _wait(session, page)
            seconds.append(time.monotonic() - start_s)
    return seconds


def _rerun(run_id: str, page: str) -> bytes:
    from streamlit.proto.BackMsg_pb2 import BackMsg

    message = BackMsg()
    message.rerun_script.query_string = f"run={run_id}"
    message.rerun_script.page_name = page
    return message.SerializeToString()


def _wait(session: object, page: str) -> None:
    from streamlit.proto.Alert_pb2 import Alert
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    while True:
        message = ForwardMsg.FromString(session.recv(timeout=_PATIENT_S))
        kind = message.WhichOneof("type")
        element = message.delta.new_element if kind == "delta" else None
        if element is not None and element.WhichOneof("type") == "exception":
            raise RuntimeError(f"page {page!r} drew an exception: {element.exception.message}")
        if element is not None and element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
            raise RuntimeError(f"page {page!r} drew an error: {element.alert.body}")
        if kind == "page_not_found":
            raise RuntimeError(f"page {page!r} was not found")
        if kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return
            if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                raise RuntimeError(f"page {page!r} ended with status {message.script_finished}")


def look_with_browser(seen: Crowd, chromium: str, seed: int) -> None:
    """Go through the pages with a browser until told to stop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tab = browser.new_page()
        tab.on("pageerror", lambda error: seen.errors.append(f"browser: {error}"))

        def open_page(draw: random.Random) -> None:
            tab.goto(f"{seen.address}/{draw.choice(PAGES)}?run={seen.run_id}", timeout=1e3 * _PATIENT_S)
            tab.get_by_test_id("stMain").locator("p").first.wait_for(timeout=1e3 * _PATIENT_S)
            if tab.get_by_test_id("stException").count():
                raise RuntimeError(f"{tab.url} shows an exception")

        seen.visit("browser", open_page, seed)
        browser.close()
