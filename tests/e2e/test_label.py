"""Cells get their classes by keys in a browser, and none is lost by a reload."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from cellapp.config import app_settings
from cellapp.store import database
from cellapp.store.labels import list_labels
from cellapp.store.project_classes import set_classes
from tests.e2e.conftest import serving
from tests.e2e.steps import AGAIN_MS, PATIENT_MS, act, at_rest, until
from tests.jobs.trainable import trainable_run

pytestmark = pytest.mark.browser


@pytest.fixture
def labelling(tmp_path, monkeypatch):
    """Address of the Label page of a run with vectors and two classes, and the run."""
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "served"))
    app_settings.cache_clear()
    run = trainable_run(tmp_path)
    set_classes(run.project_id, ['tumour, "T"', "normal"])
    database.dispose()
    with serving(tmp_path, tmp_path / "served") as address:
        yield f"{address}/label?run={run.id}", run
    database.dispose()
    app_settings.cache_clear()


def _opened(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".desk .cell").first).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator(".desk .class")).to_have_count(2, timeout=PATIENT_MS)
    at_rest(page)


def _saved(page: Page) -> None:
    expect(page.locator(".desk[data-waiting='0']")).to_be_attached(timeout=PATIENT_MS)


def _counts(page: Page) -> list[int]:
    return [int(text) for text in page.locator(".desk .class .count").all_inner_texts()]


def _mark_four(page: Page) -> None:
    """Mark a range, and again when the order has changed in between."""
    free = page.locator(".desk .cell:not(.labelled)")

    def mark() -> None:
        page.keyboard.press("Escape")
        free.nth(0).click(timeout=AGAIN_MS)
        free.nth(3).click(modifiers=["Shift"], timeout=AGAIN_MS)

    act(page, mark, lambda: expect(page.locator(".desk .cell.marked")).to_have_count(4, timeout=AGAIN_MS))


_LABELS = re.compile(r"/api/runs/[^/]+/labels$")


def _lose_answer(page: Page) -> list[int]:
    """Let the next labels arrive and their answer not; returns a list that holds its status when that has happened."""
    lost: list[int] = []

    def lose(route: Route) -> None:
        status = route.fetch().status
        route.abort()
        lost.append(status)

    page.route(_LABELS, lose, times=1)
    return lost


def test_keys_undo_a_range_and_a_reload(labelling, page):
    address, run = labelling
    _opened(page, address)
    name = page.get_by_role("textbox", name="Your name")
    name.fill("Ada")
    name.press("Enter")
    for key in "121212121212":
        page.keyboard.press(key)
    assert _counts(page) == [6, 6], "shown at once"
    _saved(page)
    page.keyboard.press("z")
    page.keyboard.press("z")
    page.keyboard.press("Shift+Z")
    assert _counts(page) == [6, 5]
    _saved(page)
    expect(page.locator(".desk:not([data-asking])")).to_be_attached(timeout=PATIENT_MS)  # the order follows
    at_rest(page)
    _mark_four(page)
    page.keyboard.press("2")
    assert _counts(page) == [6, 9]
    _saved(page)
    lost = _lose_answer(page)
    page.keyboard.press("1")
    assert _counts(page) == [7, 9]
    until(page, lambda: lost == [201], "the label sent")
    page.reload()  # the server has the label, the browser does not know
    expect(page.locator(".desk .cell").first).to_be_visible(timeout=PATIENT_MS)
    _saved(page)
    expect(page.locator(".desk .class .count").first).to_have_text("7", timeout=PATIENT_MS)
    expect(page.locator(".desk .class .count").last).to_have_text("9", timeout=PATIENT_MS)
    until(page, lambda: len(list_labels(run.project_id)) == 16, "all labels in the store")
    stored = list_labels(run.project_id)
    assert {label.who for label in stored} == {"Ada"}
    page.keyboard.press("z")  # what was done before the reload can be undone
    expect(page.locator(".desk .class .count").first).to_have_text("6", timeout=PATIENT_MS)
    until(page, lambda: len(list_labels(run.project_id)) == 15, "the label taken back in the store")
    expect(page.get_by_text(re.compile("Agrees with|more of|label some"))).to_be_visible(timeout=PATIENT_MS)
