"""One visit of a page: over the WebSocket that a browser would use, or with a browser."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def browser_tab(
    chromium: str, address: str, run_id: str, errors: list[str]
) -> Iterator[Callable[[random.Random], None]]:
    """Open a browser, and give what goes to any page in it; what its scripts throw is added to `errors`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tab = browser.new_page()
        tab.on("pageerror", lambda error: errors.append(f"browser: {error}"))

        def open_page(draw: random.Random) -> None:
            tab.goto(f"{address}/{draw.choice(PAGES)}?run={run_id}", timeout=1e3 * _PATIENT_S)
            tab.get_by_test_id("stMain").locator("p").first.wait_for(timeout=1e3 * _PATIENT_S)
            if tab.get_by_test_id("stException").count():
                raise RuntimeError(f"{tab.url} shows an exception")

        yield open_page
        browser.close()
