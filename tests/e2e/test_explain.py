"""Why were these cells called wrongly: they are picked, their maps looked at in two ways, and the report taken home."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from cellapp.config import app_settings
from cellapp.jobs.handlers import HANDLERS
from cellapp.settings import AnalyseSettings
from cellapp.store import database, labels, projects, runs, uploads
from cellapp.store.cells import load_cells
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.e2e.conftest import serving
from tests.e2e.steps import AGAIN_MS, PATIENT_MS, act, at_rest, choose, download_file

pytestmark = pytest.mark.browser

N_WRONG = 3
OTHER = {"cancer": "normal", "normal": "cancer"}


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Address of the Explain page of a run of a slide of a few cells, and the cells somebody labelled otherwise."""
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "served"))
    app_settings.cache_clear()
    slide = write_demo(tmp_path / "demo", SyntheticSettings(height=256, width=256, seed=0, density=0.4)).slide
    project = projects.default_project()
    image = uploads.add_image(project.id, slide, "well.ome.tif")
    settings = AnalyseSettings.model_validate({"segment": {"segmenter": "classical"}})
    run = runs.create_run(project.id, [image.id], settings)
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    cells = load_cells(run.id, image.id)
    wrong = cells[cells["label"].isin(OTHER)]["label"].head(N_WRONG).map(OTHER)
    assert len(wrong) == N_WRONG
    labels.relabel(run.id, image.id, {int(i): name for i, name in wrong.items()})
    database.dispose()
    with serving(tmp_path, tmp_path / "served") as address:
        yield f"{address}/explain?run={run.id}", wrong.to_dict()
    database.dispose()
    app_settings.cache_clear()


def tiles(page: Page) -> Locator:
    return page.locator(".gallery .tile")


def pictures(page: Page) -> list[str]:
    return tiles(page).locator("img").evaluate_all("all => all.map(one => one.src)")


def maps_by(page: Page, method: str) -> list[str]:
    """Wait until the cells are shown with maps of a method, and return the pictures in the list."""
    expect(page.get_by_text(re.compile(f"^{re.escape(method)}.*: for .* and against"))).to_be_visible(
        timeout=PATIENT_MS
    )
    at_rest(page)
    return pictures(page)


def test_wrong_cells_two_methods_and_the_report(called, page):
    address, wrong = called
    page.goto(address)
    expect(tiles(page).first).to_be_visible(timeout=PATIENT_MS)
    choose(page, "Cells", "Wrong")
    expect(tiles(page)).to_have_count(N_WRONG, timeout=PATIENT_MS)
    ids = [int(text.split()[0]) for text in tiles(page).locator(".caption").all_inner_texts()]
    assert sorted(ids) == sorted(wrong)

    said = page.get_by_text(re.compile(f"^Cell {ids[1]} counts as .* Somebody labelled it {wrong[ids[1]]}"))
    act(page, lambda: tiles(page).nth(1).click(timeout=AGAIN_MS), lambda: said.wait_for(timeout=AGAIN_MS))
    exact = maps_by(page, "HiResCAM, exact")
    expect(page.get_by_text(re.compile(r"a logit of .*: the map gives"))).to_be_visible(timeout=PATIENT_MS)

    choose(page, "Method", "Layer-CAM")
    other = maps_by(page, "Layer-CAM at the final norm")
    assert len(set(exact)) == len(set(other)) == N_WRONG
    assert not set(exact) & set(other), "other maps of the same cells"
    expect(said).to_be_visible(timeout=PATIENT_MS)

    taken = page.get_by_role("button", name=re.compile("Download the report"))
    made = page.get_by_role("button", name="Make the report")
    expect(page.get_by_role("heading", name="Findings")).to_be_visible(timeout=PATIENT_MS)
    made.click()
    expect(taken).to_be_visible(timeout=PATIENT_MS)
    check_report(download_file(page, taken).decode(), ids)


def check_report(html: str, ids: list[int]) -> None:
    """The page stands alone, has all sections, and shows the wrong cells with their maps."""
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    titles = re.findall(r"<h2[^>]*>([^<]+)", html)
    assert {"Counts", "Validation", "Cells", "Findings", "Methods", "Limits"} <= set(titles)
    of_wrong = html[html.index("<h3>Wrong cells</h3>") :].split("</figure>")[0]
    assert "<svg" in of_wrong
    for cell_id in ids:
        assert f"cell {cell_id}: is " in of_wrong
