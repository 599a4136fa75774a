import hashlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from PIL import Image

from cellapp.errors import InputError
from cellapp.exports.label_image import write_labels
from cellapp.images.probe import probe
from cellapp.segmentation.label_image import read_labels
from cellapp.types.cells import LabelMask
from tests.cells.toy import blobs, label_arrays


@given(labels=label_arrays())
@settings(max_examples=15, deadline=None)
def test_ids_survive(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("labels") / "labels.tif"
    np.testing.assert_array_equal(read_labels(write_labels(LabelMask(labels, "made@1"), path), labels.shape), labels)


def test_large_ids_survive(tmp_path):
    labels = np.array([[0, 1], [70_000, 2**31 - 1]], np.int32)
    read = read_labels(write_labels(LabelMask(labels, "made@1"), tmp_path / "labels.tif"))
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, labels)


def test_file_is_tiled_compressed_uint32_with_pixel_size_and_always_the_same(tmp_path):
    mask = LabelMask(blobs(4), "made@1")
    one, two = (write_labels(mask, tmp_path / name, um_per_px=0.25) for name in ("one.tif", "two.tif"))
    with tifffile.TiffFile(one) as file:
        page = file.pages[0]
        assert (page.is_tiled, page.dtype, page.compression.name) == (True, np.uint32, "ADOBE_DEFLATE")
    assert probe(one).um_per_px == pytest.approx(0.25)
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tif", "two.tif"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_labels_of_other_programs_are_read(tmp_path, dtype):
    labels = blobs(5).astype(dtype)
    tifffile.imwrite(tmp_path / "other.tif", labels)
    np.testing.assert_array_equal(read_labels(tmp_path / "other.tif"), labels)


def test_png_labels_are_read(tmp_path):
    labels = blobs(5).astype(np.uint16)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.png"), labels)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((5, 5), 0.5, np.float32), "whole numbers"),
        (np.zeros((6, 5), np.uint16), "size of their image, 5 x 5"),
        (np.zeros((3, 5, 5), np.uint16), "one channel"),
        (np.full((5, 5), -2, np.int32), "0 or -1 is background"),
        (np.full((5, 5), 2**31, np.uint32), "between 0 and"),
    ],
)
def test_what_is_no_label_image_is_refused(tmp_path, pixels, words):
    tifffile.imwrite(tmp_path / "labels.tif", pixels, photometric="minisblack")
    with pytest.raises(InputError, match=words) as caught:
        read_labels(tmp_path / "labels.tif", (5, 5))
    assert "\n" not in str(caught.value)
