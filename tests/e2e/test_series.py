"""A file of several scenes and time points in a browser: choose some, run them, find them in the table and at home."""

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile
from playwright.sync_api import Page, expect

from tests.e2e.conftest import serving
from tests.e2e.steps import PATIENT_MS, at_rest, download, run_on, upload
from tests.pages.seeding import rendered

pytestmark = pytest.mark.browser

HEADER_PX, ROW_PX = 36, 35


@pytest.fixture
def fresh_server(tmp_path):
    """An app with an empty store of its own."""
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", tmp_path / "server" / "home") as address:
        yield address


def write_cells(path):
    """Write 2 scenes of 3 time points, a field of cells that moves; return the pixels by scene and time, from 1."""
    field = tifffile.imread(io.BytesIO(rendered(256, 1)[0]))
    pixels = {(s, t): np.roll(field, 40 * s + 11 * t, axis=2) for s in (1, 2) for t in (1, 2, 3)}
    with tifffile.TiffWriter(path, ome=True) as tif:
        for s in (1, 2):
            metadata = {"axes": "TCYX", "Name": f"well {'AB'[s - 1]}1", "TimeIncrement": 12.0, "TimeIncrementUnit": "h"}
            metadata |= {"Channel": {"Name": ["actin", "cytoplasm", "nucleus"]}, "PhysicalSizeX": 0.5}
            tif.write(np.stack([pixels[s, t] for t in (1, 2, 3)]), photometric="minisblack", metadata=metadata)
    return pixels


def tick(page: Page, row: int) -> None:
    """Click the box of a row, counted from 0; the table is one picture for the browser."""
    at_rest(page)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + HEADER_PX + ROW_PX * row + ROW_PX / 2)


def test_some_images_of_a_file_are_chosen_run_and_taken_home(fresh_server, page, tmp_path):
    pixels = write_cells(tmp_path / "plate.ome.tif")
    upload(page, fresh_server, tmp_path / "plate.ome.tif")
    expect(page.get_by_text("holds 6 images: 2 scenes at 3 time points")).to_be_visible(timeout=PATIENT_MS)
    at_rest(page)
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_role("button", name="Add images")).to_be_disabled(timeout=PATIENT_MS)
    tick(page, 1)
    expect(page.get_by_role("button", name="Add 1 image")).to_be_visible(timeout=PATIENT_MS)
    tick(page, 5)
    expect(page.get_by_role("button", name="Add 2 images")).to_be_visible(timeout=PATIENT_MS)
    page.reload()
    at_rest(page)
    page.get_by_role("button", name="Add 2 images").click()
    expect(page.get_by_role("button", name="Segment 2 images")).to_be_visible(timeout=PATIENT_MS)
    cells = page.get_by_test_id("stDataFrame").first.locator("td")
    for text in ("well A1", "00d12h00m", "well B1", "01d00h00m"):
        expect(cells.filter(has_text=re.compile(f"^{text}$"))).to_have_count(1, timeout=PATIENT_MS)

    run_on(page, 2)
    expect(page.get_by_text("images analysed")).to_have_count(0, timeout=PATIENT_MS)  # until then files are added
    at_rest(page)
    everything = zipfile.ZipFile(io.BytesIO(download(page, "Everything")))
    stems = ["plate__s01_t002", "plate__s02_t003"]
    assert {name.split("/")[0] for name in everything.namelist() if "/" in name} == set(stems)
    summary = pd.read_csv(everything.open("summary.csv"))
    assert summary["image"].tolist() == stems
    assert summary["scene"].tolist() == ["well A1", "well B1"]
    assert summary["time"].tolist() == ["00d12h00m", "01d00h00m"]
    for stem, (s, t) in zip(stems, ((1, 2), (2, 3)), strict=True):
        crops = zipfile.ZipFile(io.BytesIO(everything.read(f"{stem}/crops.zip")))
        row = pd.read_csv(crops.open("manifest.csv")).iloc[0]
        raw = tifffile.imread(io.BytesIO(crops.read(row["file"])))
        y, x = (int(row[f"bbox_{axis}0_px"] + row[f"bbox_{axis}1_px"]) // 2 for axis in "yx")
        around = pixels[s, t][:, max(y - 4, 0) : y + 4, max(x - 4, 0) : x + 4]
        blocks = np.lib.stride_tricks.sliding_window_view(raw, around.shape)
        assert (blocks == around).all(axis=(-3, -2, -1)).any(), "the crops are of the image that was chosen"
