import numpy as np
import pytest
from hypothesis import given, settings
from pandas.testing import assert_frame_equal
from skimage.measure import regionprops

from cellapp.cells import intensity, shape
from cellapp.cells.measure import measure
from cellapp.cells.shape import SHAPES
from cellapp.errors import InputError
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from tests.cells.toy import CHANNELS, blobs, label_arrays, measured, noise, slide_of

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # hulls of flat objects


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_table_equals_regionprops(dtype):
    labels, pixels = blobs(12), noise((120, 160), dtype)
    table = measure(pixels, LabelMask(labels, "made@1"), channels=CHANNELS)
    for props in regionprops(labels, np.moveaxis(pixels, 0, -1).astype(np.float64)):
        row = table.loc[props.label]
        assert tuple(row[["bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"]]) == props.bbox
        assert row["orientation_rad"] == pytest.approx(props.orientation)
        assert row["solidity"] == pytest.approx(props.solidity)
        for statistic in ("mean", "std", "min", "max"):
            ours = [row[f"intensity_{statistic}_{name}"] for name in CHANNELS]
            np.testing.assert_allclose(ours, getattr(props, f"intensity_{statistic}"), rtol=1e-9)
        np.testing.assert_allclose(row["intensity_sum_orange"], props.image_intensity[props.image][:, 1].sum())


@given(labels=label_arrays())
@settings(max_examples=25, deadline=None)
def test_renaming_cells_only_renames_rows(labels):
    _, pixels, table = measured(labels)
    new_ids = {int(i): 100_003 - 7 * int(i) for i in table.index}
    renamed = np.zeros_like(labels)
    for old, new in new_ids.items():
        renamed[labels == old] = new
    again = measure(pixels, LabelMask(renamed, "made@1"), channels=CHANNELS)
    assert_frame_equal(table.rename(index=new_ids).sort_index(), again, check_index_type=False)


@given(labels=label_arrays())
@settings(max_examples=25, deadline=None)
def test_areas_add_up_to_the_foreground(labels):
    table = measured(labels)[2]
    assert table["area_px"].sum() == (labels > 0).sum()
    assert (table["solidity"] <= 1).all()


@pytest.mark.parametrize("batch_px", [1, 100, 1000])
def test_batches_and_strips_do_not_show(monkeypatch, batch_px):
    labels, pixels = blobs(12), noise((120, 160), "float32")
    mask = LabelMask(labels, "made@1")
    whole = measure(pixels, mask, channels=CHANNELS)
    monkeypatch.setattr(intensity, "BATCH_PX", batch_px)
    monkeypatch.setattr(shape, "BATCH_PX", batch_px)
    assert_frame_equal(whole, measure(pixels, mask, channels=CHANNELS))


def test_slide_array_and_function_agree_and_only_inside_regions_are_asked_for():
    labels, pixels = blobs(3), noise((120, 160))
    mask = LabelMask(labels, "made@1")

    def read(region: Region) -> np.ndarray:
        assert region.y >= 0
        assert region.x >= 0
        assert region.y + region.height <= 120
        assert region.x + region.width <= 160
        return pixels[(slice(None), *region.slices)]

    tables = [measure(source, mask, channels=CHANNELS) for source in (pixels, slide_of(pixels), read)]
    assert_frame_equal(tables[0], tables[1])
    assert_frame_equal(tables[0], tables[2])


@pytest.mark.parametrize("n", [0, 1])
def test_zero_and_one_cell_have_the_same_columns(n):
    table = measured(blobs(n))[2]
    assert len(table) == n
    assert table.columns.equals(measured(blobs(4))[2].columns)
    assert (table.index.name, table.index.dtype) == ("cell_id", np.int32)
    assert set(SHAPES) <= set(table.columns)


def test_one_pixel_image():
    table = measured(np.ones((1, 1), np.int32), np.full((2, 1, 1), 7, np.uint8))[2]
    assert table["area_px"].tolist() == [1]
    assert table["intensity_mean_nucleus"].tolist() == [7.0]
    assert table["sharpness"].tolist() == [0.0]


def test_micrometres_are_pixels_times_their_size():
    labels, pixels = blobs(5), noise((120, 160))
    table = measure(pixels, LabelMask(labels, "made@1"), channels=CHANNELS, um_per_px=0.25)
    np.testing.assert_allclose(table["area_um2"], table["area_px"] / 16)
    np.testing.assert_allclose(table["major_axis_um"], table["major_axis_px"] / 4)
    assert not [name for name in measured(labels)[2] if name.endswith(("_um", "_um2"))]


def test_sharpness_falls_with_blur_and_not_with_exposure():
    from scipy.ndimage import gaussian_filter

    labels, pixels = blobs(4), noise((120, 160), "float32") + 1
    mask = LabelMask(labels, "made@1")
    sharp, blurred, bright = (
        measure(p, mask, channels=CHANNELS)["sharpness"]
        for p in (pixels, np.stack([gaussian_filter(p, 2) for p in pixels]), 3 * pixels)
    )
    assert (blurred < 0.2 * sharp).all()
    np.testing.assert_allclose(bright, sharp, rtol=1e-5)


def test_large_sparse_ids_cost_no_memory():
    labels = np.zeros((20, 20), np.int32)
    labels[2:6, 2:6], labels[10:15, 10:12] = 5, 2_000_000_000
    assert measured(labels)[2].index.tolist() == [5, 2_000_000_000]


@pytest.mark.parametrize(
    ("labels", "channels", "words"),
    [
        (np.zeros((5, 6), np.int32), CHANNELS, "same height and width"),
        (np.zeros((5, 5), np.int32), ("a", "a"), "own name"),
        (np.full((5, 5), -1, np.int32), CHANNELS, "1 or more"),
    ],
)
def test_what_does_not_fit_is_refused(labels, channels, words):
    with pytest.raises(InputError, match=words):
        measure(noise((5, 5)), LabelMask(labels, "made@1"), channels=channels)


def test_a_thousand_cells_read_each_pixel_once():
    """Per-cell slide-sized reads would take minutes."""
    labels = np.kron(np.arange(1, 1025).reshape(32, 32), np.ones((20, 20), int)).astype(np.int32)
    labels[::20], labels[:, ::20] = 0, 0
    pixels, n_read = noise(labels.shape), 0

    def read(region):
        nonlocal n_read
        n_read += region.height * region.width
        return pixels[(slice(None), *region.slices)]

    assert len(measure(read, LabelMask(labels, "made@1"), channels=CHANNELS)) == 1024
    assert n_read <= labels.size
