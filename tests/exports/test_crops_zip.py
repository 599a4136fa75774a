import csv
import hashlib
import io
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.cells.crop import crop
from cellapp.exports import crop_files
from cellapp.exports.crops_zip import write_crops
from cellapp.images.probe import probe
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropMode, CropSettings
from tests.exports.toy import CHANNELS, HOSTILE, ROLES, toy_analysis


def pack(tmp_path, analysis, slide, settings=None, name="crops.zip", **more):
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    chosen = settings or CropSettings(size_px=24)
    classes = more.pop("classes", ("cancer", "normal"))
    path = write_crops(slide, analysis.mask, analysis.cells, tmp_path / name, style=style, settings=chosen,
                       classes=classes, **more)  # fmt: skip
    return zipfile.ZipFile(path)


def manifest(archive):
    return list(csv.DictReader(io.TextIOWrapper(archive.open("manifest.csv"), "utf-8", newline="")))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float16"])
@pytest.mark.parametrize("mode", list(CropMode))
def test_raw_crops_are_the_pixels_of_the_cells(tmp_path, dtype, mode):
    analysis, slide = toy_analysis(6, dtype=dtype)
    settings = CropSettings(mode=mode, size_px=24)
    expected = crop(slide, analysis.mask, analysis.cells, settings, channels=CHANNELS)
    with pack(tmp_path, analysis, slide, settings) as archive:
        for cell_id, pixels in zip(expected.cell_ids, expected.pixels, strict=True):
            with tifffile.TiffFile(io.BytesIO(archive.read(f"raw/{cell_id}.tif"))) as file:
                np.testing.assert_array_equal(file.asarray(), pixels)
                assert file.asarray().dtype == dtype


@pytest.mark.parametrize("dtype", ["bool", "uint8", ">u2", "int32", "float16", ">f4", "int64"])
@pytest.mark.parametrize("channels", [("a",), ("a", "b", "c")])
def test_raw_files_of_one_shape_are_those_that_tifffile_writes(dtype, channels):
    crops = np.random.default_rng(0).integers(0, 2**7, (2, len(channels), 9, 7)).astype(dtype)
    for pixels in (*crops, crops[0, :, ::-1]):
        assert crop_files._raw_file(pixels, channels, 0.5) == crop_files._tiff(pixels, channels, 0.5)[0]


def test_raw_crop_opens_with_channel_names_and_pixel_size(tmp_path):
    analysis, slide = toy_analysis(2)
    with pack(tmp_path, analysis, slide, um_per_px=0.5) as archive:
        info = probe(archive.extract("raw/1.tif", tmp_path))
    assert (info.channels, info.um_per_px, info.shape, info.dtype) == (CHANNELS, 0.5, (2, 24, 24), "uint16")


def test_manifest_speaks_of_every_cell_and_its_files(tmp_path):
    analysis, slide = toy_analysis(9, classes=("cancer", HOSTILE))
    with pack(tmp_path, analysis, slide, classes=("cancer", HOSTILE)) as archive:
        rows = manifest(archive)
        assert [int(row["cell_id"]) for row in rows] == analysis.cells.index.tolist()
        for row in rows:
            assert hashlib.sha256(archive.read(row["file"])).hexdigest() == row["sha256"]
            assert Image.open(io.BytesIO(archive.read(row["annotated"]))).size[0] >= 192
        assert len(archive.namelist()) == 2 * len(rows) + 1
    rejected = next(row for row in rows if row["cell_id"] == "40")
    assert (rejected["outcome"], rejected["qc_reason"]) == ("rejected", "touches the image border")
    assert {row["label"] for row in rows} <= {"", "cancer", "'" + HOSTILE}


def test_same_cells_give_the_same_bytes(tmp_path):
    analysis, slide = toy_analysis(4)
    for name in ("one.zip", "two.zip"):
        pack(tmp_path, analysis, slide, name=name).close()
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("classes", [(), ("cancer", "normal")])
def test_zero_and_one_cell_with_and_without_a_head(tmp_path, n, classes):
    analysis, slide = toy_analysis(n, classes=classes)
    with pack(tmp_path, analysis, slide, classes=classes) as archive:
        assert len(manifest(archive)) == n
        assert len(archive.namelist()) == 2 * n + 1


def test_outline_wears_the_colour_of_the_outcome(tmp_path):
    analysis, slide = toy_analysis(6)
    colours = {"cancer": (213, 94, 0), "normal": (0, 114, 178), "unsure": (138, 138, 138), "rejected": (200, 200, 200)}
    with pack(tmp_path, analysis, slide) as archive:
        for row in manifest(archive):
            picture = np.asarray(Image.open(io.BytesIO(archive.read(row["annotated"]))))
            worn = [name for name, colour in colours.items() if (picture == colour).all(axis=2).sum() > 100]
            assert worn == [row["outcome"]]


def test_dropped_channel_is_dropped_in_the_file(tmp_path):
    analysis, slide = toy_analysis(1)
    assert ROLES[0].value == "nucleus"
    with pack(tmp_path, analysis, slide, CropSettings(size_px=24, drop_channels=("nucleus",))) as archive:
        pixels = tifffile.imread(io.BytesIO(archive.read("raw/1.tif")))
    assert not pixels[0].any()
    assert pixels[1].any()
