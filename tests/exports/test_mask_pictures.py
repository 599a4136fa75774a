"""Masks as pictures: every id is kept, and every member of a zip opens."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from cellapp.exports.label_image import write_labels
from cellapp.exports.mask_pictures import mask_picture, write_mask_zip, write_run_masks
from cellapp.exports.rle import decode_labels
from cellapp.segmentation.label_image import read_labels
from cellapp.types.cells import LabelMask

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def opened(content):
    return np.asarray(Image.open(io.BytesIO(content)))


@settings(max_examples=25)
@given(
    labels=SHAPES.flatmap(
        lambda shape: arrays.arrays(np.int32, shape, elements=st.sampled_from([0, 1, 255, 256, 65_535]))
    )
)
def test_a_png_keeps_every_id_and_the_foreground_is_0_and_255(labels):
    picture = mask_picture(labels)
    assert picture.suffix == ".png"
    assert np.array_equal(opened(picture.content), labels)
    assert np.array_equal(opened(mask_picture(labels, "foreground").content), 255 * (labels > 0))


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_ids_beyond_16_bits_make_a_tiff(form, tmp_path):
    labels = np.int32([[0, 65_536], [70_000, 1]])
    picture = mask_picture(labels, form=form)
    assert picture.suffix == ".tif"
    (tmp_path / "a.tif").write_bytes(picture.content)
    assert np.array_equal(read_labels(tmp_path / "a.tif"), labels)
    assert mask_picture(labels, "foreground").suffix == ".png"


@settings(max_examples=10)
@given(st.lists(SHAPES.flatmap(lambda shape: arrays.arrays(np.int32, shape, elements=st.integers(0, 9))), max_size=4))
def test_every_member_of_a_zip_opens_at_its_size(masks):
    named = {f"image_{at}": labels for at, labels in enumerate(masks)}
    stream = io.BytesIO()
    write_mask_zip(stream, named.items(), [("=bad.txt", "no image")])
    with zipfile.ZipFile(stream) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {*(f"{name}_masks.png" for name in named), "images.csv", "problems.csv"}
        for name, labels in named.items():
            assert np.array_equal(opened(archive.read(f"{name}_masks.png")), labels)
        table = pd.read_csv(archive.open("images.csv"), keep_default_na=False)
        for row in table.itertuples():
            mask = decode_labels({1: row.rle_annotation}, (row.height, row.width)) > 0
            assert np.array_equal(mask, named[row.name] > 0)
        assert pd.read_csv(archive.open("problems.csv"))["name"].tolist() == ["'=bad.txt"]


def test_the_masks_of_a_run_are_its_label_images_and_the_same_bytes_again(tmp_path):
    labels = np.int32([[0, 7], [7, 300]])
    write_labels(LabelMask(labels, "test"), tmp_path / "a" / "labels.tif")
    streams = [io.BytesIO(), io.BytesIO()]
    for stream in streams:
        write_run_masks(tmp_path, stream)
    assert streams[0].getvalue() == streams[1].getvalue()
    with zipfile.ZipFile(streams[0]) as archive:
        assert archive.namelist() == ["a_masks.png", "images.csv"]
        assert np.array_equal(opened(archive.read("a_masks.png")), labels)
        assert archive.read("images.csv").decode().splitlines() == ["name,width,height,rle_annotation", "a,2,2,1 3"]
