"""The main job as a collaborator does it: upload, segment, classify, explain, download, in a browser."""

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import tifffile
from playwright.sync_api import expect

from cellapp.cli import main
from tests.e2e.steps import PATIENT_MS, at_rest, download, open_page, run_on, upload
from tests.paths import shared_data

pytestmark = pytest.mark.browser


def test_from_a_real_image_to_crops_on_disk(server, page, tmp_path):
    source = shared_data("fields/instanseg_examples/Fluorescence_example.tif")
    upload(page, server, source)
    expect(
        page.get_by_text("450 x 450 px").or_(page.get_by_alt_text(re.compile("Fluorescence_example")))
    ).not_to_have_count(0, timeout=PATIENT_MS)

    run_on(page, 1)
    answer = page.get_by_role("heading", name=re.compile(r"cells in 1 image"))
    n_cells = int(re.search(r"([\d,]+) cells", answer.inner_text()).group(1).replace(",", ""))
    assert n_cells > 20
    expect(page.get_by_text("Demo head, trained on synthetic cells only").first).to_be_visible()

    crops = zipfile.ZipFile(io.BytesIO(download(page, "Crops, raw and annotated")))
    check_crops(crops, tifffile.imread(source), n_cells)
    assert main(["analyse", str(source), "--out", str(tmp_path)]) == 0
    headless = zipfile.ZipFile(tmp_path / source.stem / "crops.zip")
    assert crops.read("manifest.csv") == headless.read("manifest.csv"), "the page and the command line differ"

    open_page(page, "Explain")
    expect(page.get_by_text(re.compile(r"p\(cancer\) is")).first).to_be_visible(timeout=PATIENT_MS)


def check_crops(archive: zipfile.ZipFile, image: np.ndarray, n_cells: int) -> None:
    """Every file opens, every row has its two files, and raw pixels are those of the image."""
    assert archive.testzip() is None
    manifest = pd.read_csv(archive.open("manifest.csv"))
    assert len(manifest) == n_cells
    assert set(manifest["file"]) | set(manifest["annotated"]) | {"manifest.csv"} == set(archive.namelist())
    row = manifest.iloc[n_cells // 2]
    raw = tifffile.imread(io.BytesIO(archive.read(row["file"])))
    assert raw.dtype == image.dtype
    assert len(raw) == len(image)
    middle = ((row["bbox_y0_px"] + row["bbox_y1_px"]) // 2, (row["bbox_x0_px"] + row["bbox_x1_px"]) // 2)
    around = image[:, max(middle[0] - 8, 0) : middle[0] + 8, max(middle[1] - 8, 0) : middle[1] + 8]
    assert np.isin(around, raw).mean() > 0.99


def test_a_broken_file_is_a_row_and_changes_nothing(server, page, tmp_path):
    broken = tmp_path / "note <b>bold.tif"
    broken.write_text("no image at all")
    upload(page, server, broken)
    expect(page.get_by_text("Not added").first).to_be_visible(timeout=PATIENT_MS)
    assert page.locator("b", has_text="bold").count() == 0


@pytest.mark.parametrize("path", ["segment", "classify", "explain", "runs", "models"])
def test_a_link_to_any_page_opens_it(server, page, path):
    page.goto(f"{server}/{path}")
    expect(page.get_by_test_id("stMain").locator("p").first).to_be_visible(timeout=PATIENT_MS)
    at_rest(page)
    assert page.get_by_text("Page not found").count() == 0
    assert page.get_by_test_id("stException").count() == 0
