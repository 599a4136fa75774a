"""The files of a synthetic slide are what a microscope's would be, with a truth that fits."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.errors import Cancelled, InputError
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import is_truth, write_demo

pytestmark = pytest.mark.slow

SETTINGS = SyntheticSettings(height=540, width=700, seed=7, um_per_px=0.65, n_channels=4)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), SETTINGS)


def test_written_tiles_equal_the_field_in_memory(demo):
    pixels, labels, _ = render_field(SETTINGS)
    np.testing.assert_array_equal(tifffile.imread(demo.slide), pixels)
    np.testing.assert_array_equal(tifffile.imread(demo.labels), labels)


def test_image_is_a_tiled_compressed_ome_tiff_with_names_and_pixel_size(demo):
    with tifffile.TiffFile(demo.slide) as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "CYX"
        page = tiff.pages.first
        assert page.is_tiled
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
    assert [channel["Name"] for channel in pixels["Channel"]] == ["actin", "cytoplasm", "nucleus", "orange"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (0.65, "µm")


def test_truth_table_describes_the_truth_labels(demo):
    labels, table = tifffile.imread(demo.labels), pd.read_csv(demo.cells)
    assert list(table.columns) == ["cell_id", "centroid_y_px", "centroid_x_px", "class", "area_px"]
    assert labels.dtype == np.uint32
    ids, areas = np.unique(labels[labels > 0], return_counts=True)
    np.testing.assert_array_equal(table["cell_id"], ids)
    np.testing.assert_array_equal(table["area_px"], areas)
    first = table.iloc[0]
    centre = np.argwhere(labels == first["cell_id"]).mean(axis=0)
    np.testing.assert_allclose(first[["centroid_y_px", "centroid_x_px"]].to_numpy(float), centre, atol=1e-3)


def test_equal_settings_give_equal_bytes(tmp_path):
    small = SyntheticSettings(height=64, width=64)
    one, two = (write_demo(tmp_path / name, small) for name in "ab")
    for first, second in zip(*(filter(None, vars(each).values()) for each in (one, two)), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_the_part_that_tells_the_classes_apart_is_written_as_labels_and_goes_with_the_next_slide(tmp_path):
    small = SyntheticSettings(height=96, width=96, differ_by="nucleus")
    files = write_demo(tmp_path, small)
    labels, cause = tifffile.imread(files.labels), tifffile.imread(files.cause)
    assert is_truth(files.cause)
    assert 0 < (cause > 0).sum() < 0.5 * (labels > 0).sum()
    np.testing.assert_array_equal(cause[cause > 0], labels[cause > 0])
    assert write_demo(tmp_path, small.model_copy(update={"differ_by": "all"})).cause is None
    assert not files.cause.exists()


def test_progress_goes_by_tiles_and_cancelling_leaves_nothing(tmp_path):
    said = []
    write_demo(tmp_path / "whole", SyntheticSettings(height=64, width=1100), lambda step, part: said.append(part))
    assert said == pytest.approx([0, 1 / 2])

    def cancel(step, fraction):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        write_demo(tmp_path / "none", SyntheticSettings(height=64, width=64), cancel)
    assert not list((tmp_path / "none").iterdir())


def test_truth_is_told_from_image_and_table(demo, tmp_path):
    text = tmp_path / "text.tif"
    text.write_text("no picture")
    empty = tmp_path / "empty.tif"
    empty.touch()
    assert is_truth(demo.labels)
    cut = tmp_path / "cut.tif"
    cut.write_bytes(b"II*\0")
    assert [is_truth(p) for p in (demo.slide, demo.cells, text, empty, cut, tmp_path / "absent.tif")] == [False] * 6


def test_an_empty_slide_has_an_empty_truth(tmp_path):
    files = write_demo(tmp_path, SyntheticSettings(height=40, width=40, density=0))
    assert len(pd.read_csv(files.cells)) == 0
    assert not tifffile.imread(files.labels).any()


def test_only_the_three_files_are_left(demo):
    assert sorted(path.name for path in demo.slide.parent.iterdir()) == [
        "demo.tif",
        "truth_cells.csv",
        "truth_labels.tif",
    ]


def test_a_file_in_the_way_is_refused(tmp_path):
    blocked = tmp_path / "out"
    blocked.write_text("here first")
    with pytest.raises(InputError, match="folder"):
        write_demo(blocked, SyntheticSettings(height=8, width=8))
    assert blocked.read_text() == "here first"
