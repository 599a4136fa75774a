"""Label images keep their ids."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cellapp.errors import InputError
from cellapp.segmentation.label_image import as_labels, drop_small, read_labels, relabel, resize_labels
from tests.segmentation.phantoms import discs

LABELS = arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 9))


@settings(max_examples=50, deadline=None)
@given(labels=LABELS, height=st.integers(1, 30), width=st.integers(1, 30))
def test_resizing_invents_no_cells(labels, height, width):
    resized = resize_labels(labels, (height, width))
    assert resized.shape == (height, width)
    assert resized.dtype == labels.dtype
    assert set(np.unique(resized)) <= set(np.unique(labels))


@settings(max_examples=30, deadline=None)
@given(labels=LABELS, factor=st.integers(1, 4))
def test_up_and_down_again_is_the_same(labels, factor):
    larger = resize_labels(labels, (labels.shape[0] * factor, labels.shape[1] * factor))
    np.testing.assert_array_equal(resize_labels(larger, labels.shape), labels)


def test_an_ordinary_resize_would_invent_cells():
    labels = 100 * discs((40, 40), [(12, 12), (28, 28)], 10)
    ordinary = np.asarray(Image.fromarray(labels).resize((23, 23)))
    assert not set(np.unique(ordinary)) <= {0, 100, 200}
    assert set(np.unique(resize_labels(labels, (23, 23)))) == {0, 100, 200}


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.zeros((2, 3, 3), int)])
def test_only_label_images_are_resized(labels):
    with pytest.raises(InputError, match="label image"):
        resize_labels(labels, (2, 2))


def test_no_side_is_empty():
    with pytest.raises(InputError, match="at least one"):
        resize_labels(np.zeros((3, 3), int), (0, 2))


@settings(max_examples=50, deadline=None)
@given(labels=LABELS)
def test_relabelling_only_renames(labels):
    renamed = relabel(labels)
    assert renamed.dtype == np.int32
    pairs = {(int(a), int(b)) for a, b in zip(labels.ravel(), renamed.ravel(), strict=True)}
    ids = sorted(set(labels.ravel().tolist()) - {0})
    assert pairs - {(0, 0)} == {(old, new) for new, old in enumerate(ids, start=1)}


def test_small_cells_go_and_the_others_keep_their_ids():
    labels = np.array([[5, 5, 5], [0, 7, 7], [0, 0, 9]], np.int32)
    np.testing.assert_array_equal(drop_small(labels, 2), [[5, 5, 5], [0, 7, 7], [0, 0, 0]])
    np.testing.assert_array_equal(drop_small(labels, 0), labels)


def numpy_relabel(labels):
    """Renumber by sorting, the definition that `relabel` has to equal."""
    ids, inverse = np.unique(labels, return_inverse=True)
    return (np.cumsum(ids != 0) * (ids != 0))[inverse].reshape(labels.shape)


@settings(max_examples=40, deadline=None)
@given(
    labels=LABELS,
    dtype=st.sampled_from(["uint8", "uint16", "int32", "uint32", "int64"]),
    stretch=st.sampled_from([1, 28]),
    layout=st.sampled_from(["rows", "columns", "every second"]),
)
def test_renumbering_is_that_of_a_sort_for_any_dtype_and_layout(labels, dtype, stretch, layout):
    labels = (labels * stretch).astype(dtype)
    labels = {"rows": labels, "columns": np.asfortranarray(labels), "every second": labels[::2]}[layout]
    before = labels.copy()
    np.testing.assert_array_equal(relabel(labels), numpy_relabel(labels))
    np.testing.assert_array_equal(labels, before)


@settings(max_examples=40, deadline=None)
@given(labels=LABELS, least=st.integers(0, 20))
def test_only_cells_of_enough_pixels_stay(labels, least):
    kept = drop_small(labels, least)
    assert kept.dtype == labels.dtype
    for cell in np.unique(labels[labels != 0]):
        where = labels == cell
        assert (kept[where] == (cell if where.sum() >= least else 0)).all()
    assert not kept[labels == 0].any()


def test_ids_of_a_large_slide_fit_and_an_empty_image_stays_empty():
    labels = np.array([[2**31 - 1, 0], [5, 2**31 - 1]], np.int32)
    np.testing.assert_array_equal(relabel(labels), [[2, 0], [1, 2]])
    assert relabel(np.zeros((0, 4), np.uint16)).shape == (0, 4)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32"])
def test_label_images_of_other_programs_are_read_as_int32(tmp_path, dtype):
    labels = (7 * discs((30, 40), [(10, 10), (20, 30)], 6)).astype(dtype)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    read = read_labels(tmp_path / "labels.tif", (30, 40))
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("mode", ["L", "I;16", "P"])
def test_ids_of_a_png_are_its_gray_values_or_palette_positions(tmp_path, mode):
    labels = discs((30, 40), [(10, 10), (20, 30)], 6).astype(np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(labels)
    if mode == "P":
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "labels.png")
    with Image.open(tmp_path / "labels.png") as stored:
        assert stored.mode == mode
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.png"), labels)


def test_a_colour_picture_is_no_label_image(tmp_path):
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "colour.png")
    with pytest.raises(InputError, match="one channel"):
        read_labels(tmp_path / "colour.png")


def test_reading_takes_no_digest_of_the_file(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "labels.tif", np.ones((4, 5), np.uint16))
    monkeypatch.setattr("cellapp.images.read.file_digest", lambda path: pytest.fail("the file was read twice"))
    assert read_labels(tmp_path / "labels.tif").all()


@settings(max_examples=40, deadline=None)
@given(
    labels=LABELS,
    background=st.sampled_from([0, -1]),
    dtype=st.sampled_from(["int8", "int64", "float16", "float64"]),
    axes=st.integers(0, 2),
)
def test_ids_are_the_same_however_they_were_written(labels, background, dtype, axes):
    written = np.where(labels, labels, background).astype(dtype)[(None,) * axes]
    before = written.copy()
    read = as_labels(written, "it")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, labels)
    np.testing.assert_array_equal(written, before)


@pytest.mark.parametrize("value", [0.5, -0.25, np.nan, np.inf, -2.0, 2.0**31, 1e30])
def test_what_is_no_id_is_refused_with_its_value_and_a_way_out(value):
    values = np.zeros((4, 5))
    values[2, 3] = value
    with pytest.raises(InputError, match=r"'a\.tif' (has|holds) .+: (if|set|number) "):
        as_labels(values, "'a.tif'")


@pytest.mark.parametrize("values", [np.zeros((2, 3, 4), int), np.zeros(4, int), np.zeros((3, 4), complex)])
def test_labels_are_real_numbers_in_one_plane(values):
    with pytest.raises(InputError, match="one plane"):
        as_labels(values, "it")
