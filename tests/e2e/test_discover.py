"""Clusters are found without labels in a browser, one is named, and its cells have that label on Label."""

import pytest
from playwright.sync_api import expect

from cellapp.config import app_settings
from cellapp.jobs.discover import list_discoveries
from cellapp.store import database
from cellapp.store.labels import list_labels
from tests.e2e.conftest import serving
from tests.jobs.trainable import trainable_run

pytestmark = pytest.mark.browser

PATIENT_MS = 120_000


@pytest.fixture
def discovering(tmp_path, monkeypatch):
    """Address of the Discover page of a run with vectors, the run, and the server's address."""
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "served"))
    app_settings.cache_clear()
    run = trainable_run(tmp_path)
    database.dispose()
    with serving(tmp_path, tmp_path / "served") as address:
        yield f"{address}/discover?run={run.id}", run
    database.dispose()
    app_settings.cache_clear()


def test_clusters_are_found_and_one_becomes_labels(discovering, page):
    address, run = discovering
    page.goto(address)
    expect(page.get_by_text("Are there kinds of cells here?")).to_be_visible(timeout=PATIENT_MS)
    page.get_by_role("button", name="Find clusters").click()
    expect(page.get_by_role("heading", name="among")).to_be_visible(timeout=PATIENT_MS)
    expect(page.get_by_role("button", name="Find clusters")).to_be_enabled(timeout=PATIENT_MS)
    assert len(list_discoveries(run.id)) == 1
    name = page.get_by_placeholder("Name it").first
    name.fill("round")
    name.press("Enter")
    label = page.get_by_role("button", name="Label", exact=True).first
    expect(label).to_be_enabled(timeout=PATIENT_MS)
    label.click()
    expect(page.get_by_text("cells are labelled round")).to_be_visible(timeout=PATIENT_MS)
    labels = list_labels(run.project_id)
    assert {one.class_name for one in labels} == {"round"}
    page.get_by_role("link", name="See them on Label").click()
    count = page.locator(".desk .class .count").first
    expect(count).to_have_text(str(len(labels)), timeout=PATIENT_MS)
