"""Images of reported cases are read as what they are, by command line and by API, and their cells are counted.

`CASES` says where siblings of each are drawn.
"""

import pytest

from tests.cases.told import count, tell
from tests.paths import ROOT, shared_case

pytestmark = pytest.mark.slow

RGB, GRAY = ["red", "green", "blue"], ["gray"]
ASKED = "What its 3 channels show is not known"
FORMATS = "tests/images/formats"

# case: channels, um per pixel, cells, words of a note ("" for none), siblings
CASES = {
    "01-lut-tiff/indexed_photo.tif": (RGB, None, 16, "indexed colours are read as", f"{FORMATS}/test_tiff_samples.py"),
    "01-lut-tiff/lut_blue.tif": (GRAY, None, 16, "", f"{FORMATS}/test_tiff_samples.py"),
    "02-min-is-white/miniswhite8.tif": (GRAY, None, 16, "as 255 - v", f"{FORMATS}/test_any_tiff.py"),
    "03-alpha-tiff/rgba.tif": (RGB, None, 16, "transparency (alpha) is no channel", f"{FORMATS}/test_any_tiff.py"),
    "03-alpha-tiff/rgb.png": (RGB, None, 16, "", f"{FORMATS}/test_raster.py"),
    "07-zarr-global-scale/global.ome.zarr": (GRAY, 0.1625, 16, "", f"{FORMATS}/test_pixel_size.py"),
    "07-zarr-global-scale/local.ome.zarr": (GRAY, 0.1625, 16, "", f"{FORMATS}/test_pixel_size.py"),
    "08-bioformats2raw/slide.zarr": (GRAY, 0.5, 16, "", f"{FORMATS}/test_zarr_layouts.py"),
    "09-ome-multifile/set": (["DAPI", "GFP"], 0.5, 16, "", f"{FORMATS}/test_ome_set.py"),
    "10-ome-units/comma.ome.tif": (GRAY, 0.325, 16, "", f"{FORMATS}/test_tiff_scale.py"),
    "10-ome-units/wrongc.ome.tif": (["c0"], 0.325, 16, "declares 3 channels and holds 1", f"{FORMATS}/test_ome_xml.py"),
    "11-svs/slide.svs": (RGB, 0.499, 64, "overview pictures", f"{FORMATS}/test_tiff_scale.py"),
    "12-exif/phone.jpg": (RGB, None, 12, "Turned upright", f"{FORMATS}/test_raster.py"),
    "12-exif/upright.jpg": (RGB, None, 12, "", f"{FORMATS}/test_raster.py"),
    "13-appledouble/slides": (GRAY, None, 16, "", "tests/test_litter.py"),
    "22-elongated/rods_soft.tif": (GRAY, None, 36, "", "tests/segmentation/test_long_cells.py"),
    "22-elongated/spindles_soft.tif": (GRAY, None, 24, "", "tests/segmentation/test_long_cells.py"),
    "24-ome-text/wavelengths.ome.tif": (["405,450", "488,525"], 0.5, 16, "", f"{FORMATS}/test_ome_xml.py"),
    "24-ome-text/aborted.ome.tif": (
        ["DAPI", "GFP"],
        0.5,
        16,
        "declares 3 channels and holds 2",
        f"{FORMATS}/test_tiff_complete.py",
    ),
    "25-composite-not-photo/composite_ij.tif": (None, None, 16, ASKED, "tests/cli/test_role_notes.py"),
    "25-composite-not-photo/composite.ome.tif": (None, None, 16, ASKED, "tests/cli/test_role_notes.py"),
}
ONCE_MORE = {"03-alpha-tiff/rgba.tif": "03-alpha-tiff/rgb.png", "12-exif/phone.jpg": "12-exif/upright.jpg"}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What both ways say, by case."""
    paths = [shared_case(case) for case in CASES]
    return dict(zip(CASES, tell(paths, tmp_path_factory.mktemp("told")), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_channels_scale_and_cells_are_right_by_command_line_and_api(told, case):
    channels, um_per_px, n_cells, words, _ = CASES[case]
    one = told[case]
    assert one.row["n_cells"] == len(one.cells) == n_cells
    assert one.answer["channels"] == (channels or one.answer["channels"])
    assert one.info["channels"] == one.answer["channels"]
    assert one.info["um_per_px"] == one.answer["um_per_px"] == (um_per_px and pytest.approx(um_per_px))
    assert words in one.stderr
    assert any(words in note for note in one.answer["notes"]) or not words


def test_runs_over_http_count_the_same(tmp_path):
    """Of cases that are about the number of cells; tests/api/test_app.py compares every file of both ways."""
    counted = [case for case in CASES if case.startswith(("09", "22", "25"))]
    assert count([shared_case(case) for case in counted], tmp_path) == [CASES[case][2] for case in counted]


@pytest.mark.parametrize("case", CASES)
def test_siblings_of_a_case_are_drawn(case):
    text = (ROOT / CASES[case][-1]).read_text(encoding="utf-8")
    assert "tmp_path" in text or "@given" in text
    assert "def test_" in text


@pytest.mark.parametrize("case", ["01-lut-tiff/lut_blue.tif", "02-min-is-white/miniswhite8.tif"])
def test_intensities_are_those_that_were_meant(told, case):
    assert told[case].cells["intensity_mean_gray"].median() == pytest.approx(180, abs=1)


@pytest.mark.parametrize("case", ["07-zarr-global-scale/global.ome.zarr", "07-zarr-global-scale/local.ome.zarr"])
def test_areas_are_in_the_scale_of_the_file(told, case):
    cells = told[case].cells
    assert cells["area_um2"].tolist() == pytest.approx((cells["area_px"] * 0.1625**2).tolist())
    assert cells["area_px"].median() == pytest.approx(705, rel=0.05)


@pytest.mark.parametrize("case", ONCE_MORE)
def test_the_same_picture_in_another_container_gives_the_same_cells(told, case):
    one, other = told[case], told[ONCE_MORE[case]]
    assert one.answer["shape"] == other.answer["shape"]
    assert one.answer["roles"] == other.answer["roles"]
    for column in ("centroid_y_px", "centroid_x_px"):
        assert one.cells[column].tolist() == pytest.approx(other.cells[column].tolist(), abs=1)


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("25-")])
def test_composites_are_stains_and_no_photograph(told, case):
    assert told[case].answer["roles"] == ["other"] * 3
