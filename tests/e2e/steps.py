"""What a person does on a page, each waiting for the state that follows and never for a time.

A machine at work may take minutes for what takes a second at rest, and may swallow a click in between: a step looks for
its effect and is taken again where there is none.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as NotSeen

PATIENT_MS = 240_000
AGAIN_MS = 15_000
"""After so long without an effect a step is taken again."""

_LOOK_MS = 200
_AT_REST = "[data-testid=stApp][data-test-script-state=notRunning]"


def until(page: Page, true: Callable[[], object], what: str) -> None:
    """Wait until something is true of the store or the browser; `what` says what is missing otherwise."""
    end = time.monotonic() + PATIENT_MS / 1000
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"not seen in {PATIENT_MS // 1000} s: {what}")
        page.wait_for_timeout(_LOOK_MS)


def at_rest(page: Page) -> None:
    """Wait until no script runs for the page and nothing of an earlier run is left on it."""
    page.locator(_AT_REST).wait_for(state="attached", timeout=PATIENT_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENT_MS)


def act(page: Page, step: Callable[[], object], effect: Callable[[], object]) -> None:
    """Take a step again and again until its effect is seen.

    Parameters
    ----------
    page : Page
    step : callable
        Must do no harm when it is taken twice.
    effect : callable
        Waits at most `AGAIN_MS` and raises when it sees nothing.
    """
    end = time.monotonic() + PATIENT_MS / 1000
    while True:
        try:
            step()
            effect()
            return
        except (NotSeen, AssertionError):
            if time.monotonic() > end:
                raise


def open_page(page: Page, name: str) -> None:
    """Go to a page by the navigation, and stay there."""
    link = page.get_by_test_id("stSidebarNavLink").filter(has_text=name)
    address = re.compile(f"/{name.lower()}\\b")

    def there() -> None:
        page.wait_for_url(address, timeout=AGAIN_MS)
        at_rest(page)
        expect(link).to_have_attribute("aria-current", "page", timeout=AGAIN_MS)
        expect(page).to_have_url(address, timeout=AGAIN_MS)

    act(page, lambda: link.click(timeout=AGAIN_MS), there)


def open_upload(page: Page, server: str) -> None:
    """Open the app where it starts, with nothing in it yet or with images."""
    page.goto(server)
    page.get_by_role("button", name="Try the demo slide").wait_for(timeout=PATIENT_MS)
    at_rest(page)


def upload(page: Page, server: str, *paths: Path) -> None:
    """Drop files on the app where it starts."""
    open_upload(page, server)
    page.set_input_files("input[type=file]", [str(path) for path in paths])


def run_on(page: Page, n: int) -> None:
    """Start the analysis of the project's images on Segment, wait for its end and look at the classes."""
    images = f"{n} {'image' if n == 1 else 'images'}"
    open_page(page, "Segment")
    expect(page.get_by_text("Cells in this region")).to_be_visible(timeout=PATIENT_MS)
    at_rest(page)
    page.get_by_role("button", name=re.compile(f"Run on {images}")).click()
    answer = page.get_by_role("heading", name=re.compile(f"cells in {images}"))
    link = page.get_by_text("See the classes")
    link.or_(answer).first.wait_for(timeout=PATIENT_MS)
    act(page, lambda: answer.is_visible() or link.click(timeout=AGAIN_MS), lambda: answer.wait_for(timeout=AGAIN_MS))


def press(page: Page, button: Locator, shown: Locator) -> None:
    """Press a button until what it opens is shown; one that is shown already is left alone."""
    act(
        page,
        lambda: shown.is_visible() or button.click(timeout=AGAIN_MS),
        lambda: shown.wait_for(timeout=AGAIN_MS),
    )


def unfold(page: Page, title: str) -> None:
    """Open what is folded under a title; the page must be at rest, as it may fold and unfold by itself."""
    at_rest(page)
    folded = page.locator("details", has=page.locator("summary", has_text=title)).first
    act(
        page,
        lambda: folded.evaluate("it => it.open") or folded.locator("summary").first.click(timeout=AGAIN_MS),
        lambda: expect(folded).to_have_attribute("open", "", timeout=AGAIN_MS),
    )


def choose(page: Page, field: str, option: str) -> None:
    """Take the option of a field that begins with some words; one that is taken already is left alone."""
    box, value = page.get_by_role("combobox", name=field, exact=True), re.compile(f"^{re.escape(option)}")
    offered = page.get_by_role("option").filter(has_text=value).first

    def pick() -> None:
        if value.match(box.input_value(timeout=AGAIN_MS)):
            return
        if not offered.is_visible():
            box.click(timeout=AGAIN_MS)
        offered.click(timeout=AGAIN_MS)

    at_rest(page)
    act(page, pick, lambda: expect(box).to_have_value(value, timeout=AGAIN_MS))


def download(page: Page, label: str) -> bytes:
    """Take a file home from the menu of downloads."""
    offered = page.get_by_role("button", name=re.compile(label))
    press(page, page.get_by_role("button", name="Download", exact=False).first, offered)
    content = download_file(page, offered)
    page.keyboard.press("Escape")
    return content


def download_file(page: Page, button: Locator) -> bytes:
    """Take home what a button offers."""
    with page.expect_download(timeout=PATIENT_MS) as started:
        button.click()
    return Path(started.value.path()).read_bytes()
