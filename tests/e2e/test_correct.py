"""Cells of a slide are drawn, deleted, merged and split in a browser; tables and classes follow, for others too."""

import re

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Page, expect

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.cell_columns import add_predictions
from cellapp.config import app_settings
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import RunModels
from cellapp.pipeline.context import make_context
from cellapp.pipeline.provenance import provenance
from cellapp.pipeline.rescore import load_head
from cellapp.segmentation.confluency import confluency
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import database, projects, runs, uploads
from cellapp.store.mask_edits import list_edits
from cellapp.store.open_image import make_pyramid, open_slide
from cellapp.types.cells import Analysis, LabelMask, Predictions
from tests.e2e.conftest import serving
from tests.e2e.steps import PATIENT_MS, at_rest, until
from tests.pages.seeding import FixedSegmenter, rendered

pytestmark = pytest.mark.browser

SIDE = 4000
SETTINGS = AnalyseSettings.model_validate(
    {"classify": {"head": "demo-head-fast"}, "segment": {"segmenter": "classical"}}
)
GONE, LEFT, RIGHT, CUT = (1990, 1890), (1990, 1960), (1990, 1999), (1990, 2090)
"""Middles (y, x) of cells near the middle of the slide: one to delete, two that touch, one to split."""


def slide(folder):
    """A slide of 4,000 px by 256 copies of a small one, and four square cells in its middle."""
    content, _ = rendered(250, 3)
    (folder / "part.tif").write_bytes(content)
    path = folder / "slide.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["actin", "cytoplasm", "nucleus"]}, "PhysicalSizeX": 0.5}
    pixels = np.tile(tifffile.imread(folder / "part.tif"), (1, 16, 16))
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", tile=(512, 512), metadata=metadata)
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, (y, x) in enumerate((GONE, LEFT, RIGHT, CUT), start=1):
        labels[y - 20 : y + 20, x - 20 : x + 19] = number
    return path, labels


def run_of(folder):
    """A finished run of the slide with these cells, whose calls by the demonstration head are made up."""
    path, labels = slide(folder)
    image = uploads.add_image(projects.default_project().id, path, "slide.ome.tif")
    make_pyramid(image.id)
    run = runs.create_run(image.project_id, [image.id], SETTINGS)
    runs.start_run(run.id)
    opened, head = open_slide(image.id), load_head("demo-head-fast")
    context = make_context(opened, None, RunModels(FixedSegmenter(labels)), SETTINGS)
    mask = LabelMask(labels, "fixed@1")
    cells = measure(opened, mask, channels=context.source.info.channels, um_per_px=context.um_per_px)
    cells = assess(cells, mask, opened, SETTINGS.quality)
    ids, no = cells.index.to_numpy(np.int32), np.zeros(len(cells), bool)
    said = Predictions(np.full((len(cells), 2), 0.5), head.classes, ids, no, no, head.identity, True)
    found = Analysis(
        name=run.images[0].stem,
        info=context.source.info,
        digest=opened.digest,
        roles=context.roles,
        mask=mask,
        cells=add_predictions(cells, said),
        confluency=confluency(mask),
        provenance={**provenance(context, {}), "head": head.identity, "vectors": head.vectors.model_dump(mode="json")},
    )
    summary = write_analysis(found, opened, runs.run_folder(run.id), settings=SETTINGS)
    cell_store.save_cells(run.id, image.id, found.cells)
    runs.set_image_status(run.id, image.id, "done", n_cells=len(found.cells), summary=summary)
    return runs.finish_run(run.id)


@pytest.fixture
def editing(tmp_path, monkeypatch):
    """Address of the Segment page of the run, and the run."""
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "served"))
    app_settings.cache_clear()
    run = run_of(tmp_path)
    database.dispose()
    with serving(tmp_path, tmp_path / "served") as address:
        yield f"{address}/segment?run={run.id}&mode=correct", run
    database.dispose()
    app_settings.cache_clear()


def open_editor(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("toolbar", name="Edit cells")).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator(".deep-zoom .scale")).to_be_visible(timeout=PATIENT_MS)
    at_rest(page)
    page.locator(".deep-zoom").evaluate(
        """(host) => {
            const { zoom } = host, { Rect } = zoom.OpenSeadragon;
            zoom.viewport.fitBounds(new Rect(0.46, 0.46, 0.08, 0.08), true);
        }"""
    )


def to_screen(page: Page, y: float, x: float) -> tuple[float, float]:
    """Where a pixel of the slide is in the browser's window."""
    found = page.locator(".deep-zoom").evaluate(
        """(host, [y, x]) => {
            const { zoom } = host, full = host.wanted.shape[1];
            const at = zoom.viewport.pixelFromPoint(new zoom.OpenSeadragon.Point(x / full, y / full), true);
            const frame = host.getBoundingClientRect();
            return [frame.left + at.x, frame.top + at.y];
        }""",
        [y, x],
    )
    return tuple(found)


def drag(page: Page, *points: tuple[float, float]) -> None:
    on_screen = [to_screen(page, *point) for point in points]
    page.mouse.move(*on_screen[0])
    page.mouse.down()
    for point in on_screen[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def pick(page: Page, *cells: tuple[int, int]) -> None:
    """Pick cells by clicks; each click toggles, so it is made once."""
    page.keyboard.press("Escape")
    for n, at in enumerate(cells, start=1):
        page.mouse.click(*to_screen(page, *at)) if n == 1 else shift_click(page, at)
        until(page, lambda n=n: len(picked(page)) == n, "the picked cell")


def shift_click(page: Page, at: tuple[int, int]) -> None:
    page.keyboard.down("Shift")
    page.mouse.click(*to_screen(page, *at))
    page.keyboard.up("Shift")


def picked(page: Page) -> list[int]:
    return [int(cell) for cell in (page.locator(".deep-zoom").get_attribute("data-picked") or "").split()]


def done(page: Page, words: str) -> None:
    expect(page.locator(".deep-zoom .said")).to_have_text(re.compile(words), timeout=PATIENT_MS)


def test_cells_are_mended_and_classes_follow(editing, page):
    address, run = editing
    open_editor(page, address)
    page.get_by_role("button", name="Draw a cell").click()
    drag(page, (2040, 1900), (2040, 1960), (2080, 1960), (2080, 1900), (2041, 1900))
    done(page, "Cell 5 drawn")
    page.keyboard.press("v")
    pick(page, GONE)
    page.keyboard.press("x")
    done(page, "Cell 1 deleted")
    pick(page, LEFT, RIGHT)
    page.keyboard.press("m")
    done(page, "Cells 2 and 3 merged into 2")
    page.keyboard.press("s")
    drag(page, (CUT[0], CUT[1] - 30), (CUT[0], CUT[1] + 30))
    done(page, "Cell 4 split into 4 and 6")
    page.get_by_role("button", name="Undo").click()
    done(page, "Undone: cell 4 split into 4 and 6")
    page.keyboard.press("Shift+Z")
    done(page, "Redone: cell 4 split into 4 and 6")

    folder, image_id = runs.run_folder(run.id) / run.images[0].stem, run.images[0].image_id
    assert [record.edit.kind.value for record in list_edits(run.id, image_id)] == [
        *("draw", "delete", "merge", "split", "undo", "redo")
    ]
    until(page, lambda: (read_cells(folder / "cells.parquet").query("qc_pass")["label"] != "").all(), "the classes")
    assert read_cells(folder / "cells.parquet").index.tolist() == [2, 4, 5, 6]
    expect(page.get_by_text("follow in seconds")).to_have_count(0, timeout=PATIENT_MS)
    other = page.context.browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    other.set_default_timeout(60_000)
    open_editor(other, address)
    expect(other.get_by_text(re.compile(r"4 cells, 4 edits"))).to_be_visible(timeout=PATIENT_MS)
    pick(other, LEFT)
    assert picked(other) == [2]
    expect(other.locator(".stDataFrame").first).to_be_visible(timeout=PATIENT_MS)
