"""TIFF: the pixels that were written, whatever the order of axes, compression and layout in the file."""

import gc
import os

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.formats import tiff
from tests.images.slides import noise, ome_tiff
from tests.paths import shared_case

LAYOUTS = {
    "tiles": {"tile": (64, 64), "compression": "zlib"},
    "strips": {"rowsperstrip": 16, "compression": "lzw"},
    "one strip": {},
    "predictor": {"tile": (32, 32), "compression": "zlib", "predictor": True},
}


def opened(path):
    (info,) = tiff.probe_all(path, path.name)
    return info, tiff.open_levels(path, info)


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pixels_come_back_in_native_byte_order(tmp_path, layout, dtype, order):
    pixels = noise(2, 70, 90, dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels,
        photometric="minisblack",
        planarconfig="separate",
        byteorder=order,
        **LAYOUTS[layout],
    )
    info, (level,) = opened(tmp_path / "a.tif")
    assert (info.shape, info.dtype) == ((2, 70, 90), dtype)
    block = level[:, 10:60, 5:50]
    assert block.dtype.isnative
    np.testing.assert_array_equal(block, pixels[:, 10:60, 5:50])


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    pixels = noise(3, 130, 150)
    return pixels, ome_tiff(tmp_path_factory.mktemp("tiff") / "p.ome.tif", pixels, ["a", "b", "c"], levels=3)


@given(level=st.integers(0, 2), data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_block_of_any_level_is_read(pyramid, level, data):
    pixels, path = pyramid
    stored = pixels[:, :: 2**level, :: 2**level]
    key = []
    for n in stored.shape:
        start = data.draw(st.integers(0, n - 1))
        key.append(slice(start, data.draw(st.integers(start + 1, n))))
    levels = opened(path)[1]
    assert [each.shape for each in levels] == [pixels[:, :: 2**i, :: 2**i].shape for i in range(3)]
    np.testing.assert_array_equal(levels[level][tuple(key)], stored[tuple(key)])


@pytest.mark.parametrize("axes", ["CYX", "YXC"])
def test_channels_may_come_first_or_last(tmp_path, axes):
    pixels = noise(3, 40, 50)
    stored = pixels if axes == "CYX" else pixels.transpose(1, 2, 0)
    options = {"photometric": "minisblack"} if axes == "CYX" else {"photometric": "rgb"}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    info, (level,) = opened(tmp_path / "a.tif")
    assert info.shape == (3, 40, 50)
    np.testing.assert_array_equal(level[:, :, :], pixels)


@pytest.mark.parametrize(("layout", "expected"), [("tiles", True), ("strips", True), ("one strip", True)])
def test_small_files_are_read_in_parts(tmp_path, layout, expected):
    tifffile.imwrite(tmp_path / "a.tif", noise(60, 70), **LAYOUTS[layout])
    assert tiff.reads_regions(tmp_path / "a.tif", tiff.probe_all(tmp_path / "a.tif", "a.tif")[0]) is expected


def test_one_large_compressed_strip_is_not_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "_STRIP_PX", 1000)
    tifffile.imwrite(tmp_path / "a.tif", noise(60, 70), rowsperstrip=60, compression="zlib")
    assert not tiff.reads_regions(tmp_path / "a.tif", tiff.probe_all(tmp_path / "a.tif", "a.tif")[0])


def test_files_are_closed_with_the_last_reader(pyramid):
    def n_open():
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(pyramid[1]) for fd in os.listdir("/proc/self/fd"))

    _, levels = opened(pyramid[1])
    assert n_open() == 0, "opened before any pixel was asked for"
    levels[0][:1, :5, :5]
    assert n_open() == 1
    del levels
    gc.collect()
    assert n_open() == 0


def planes(path, pixels, **options):
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack"} | options)


STAINS = {
    "pages": lambda path, pixels: planes(path, pixels),
    "named pages": lambda path, pixels: planes(path, pixels, metadata={"axes": "CYX"}),
    "separate samples": lambda path, pixels: planes(path, pixels, planarconfig="separate"),
    "gray samples": lambda path, pixels: planes(path, pixels.transpose(1, 2, 0), planarconfig="contig"),
    "ome": lambda path, pixels: planes(path, pixels, ome=True, metadata={"axes": "CYX"}),
    "imagej": lambda path, pixels: planes(path, pixels, imagej=True, metadata={"axes": "CYX", "mode": "composite"}),
    "named colours": lambda path, pixels: ome_tiff(path, pixels, ["red", "green", "blue"]),
    "named dyes": lambda path, pixels: ome_tiff(path, pixels, ["405", "488", "561"]),
}
PHOTOS = {
    "samples": {},
    "separate samples": {"planarconfig": "separate"},
    "ome": {"ome": True, "metadata": {"axes": "YXS"}},
    "tiles": {"tile": (16, 16), "compression": "zlib"},
    "imagej": {"imagej": True},
}


@pytest.mark.parametrize("kind", STAINS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_three_planes_are_three_stains(tmp_path, kind, dtype):
    pixels = noise(3, 40, 50, dtype=dtype)
    STAINS[kind](tmp_path / "a.tif", pixels)
    info, (level,) = opened(tmp_path / "a.tif")
    assert (info.shape, info.is_photo) == ((3, 40, 50), False)
    assert kind in ("named colours", "named dyes") or info.channels == ("channel 1", "channel 2", "channel 3")
    np.testing.assert_array_equal(level[:, :, :], pixels)


@pytest.mark.parametrize("kind", PHOTOS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_three_samples_of_a_pixel_are_a_photo(tmp_path, kind, dtype):
    dtype = "uint8" if kind == "imagej" else dtype  # ImageJ has colours of 8 bits only
    pixels = noise(3, 40, 50, dtype=dtype)
    separate = PHOTOS[kind].get("planarconfig") == "separate"
    stored = pixels if separate else pixels.transpose(1, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **PHOTOS[kind])
    info, (level,) = opened(tmp_path / "a.tif")
    assert (info.shape, info.is_photo, info.channels) == ((3, 40, 50), True, ("red", "green", "blue"))
    np.testing.assert_array_equal(level[:, :, :], pixels)


@pytest.mark.parametrize("names", [["405,450", "488,525"], ["0405", "1e3"], ["false", "None"], ["[1]", "1_0"]])
def test_channel_names_that_look_like_numbers_stay_text(tmp_path, names):
    assert tiff.probe_all(ome_tiff(tmp_path / "a.ome.tif", noise(2, 20, 30), names), "a")[0].channels == tuple(names)


def test_wavelengths_of_a_reported_case_are_names():
    path = shared_case("24-ome-text") / "wavelengths.ome.tif"
    assert tiff.probe_all(path, path.name)[0].channels == ("405,450", "488,525")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_every_cut_off_file_is_refused(tmp_path, pyramid, share):
    whole = pyramid[1].read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"'cut\.tif'") as caught:
        tiff.check_complete(cut, tiff.probe_all(cut, "cut.tif"))
    assert "\n" not in str(caught.value)
    tiff.check_complete(pyramid[1], tiff.probe_all(pyramid[1], "whole"))


def test_positions_of_a_series_are_scenes(tmp_path):
    pixels = noise(3, 2, 20, 30)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": "RCYX"}, photometric="minisblack")
    images = tiff.probe_all(tmp_path / "a.tif", "a.tif")
    assert [info.scene for info in images] == ["s01", "s02", "s03"]
    for info, position in zip(images, pixels, strict=True):
        np.testing.assert_array_equal(tiff.open_levels(tmp_path / "a.tif", info)[0][:, :, :], position)


def test_times_of_imagej_are_named_by_its_interval(tmp_path):
    metadata = {"axes": "TYX", "finterval": 90.0}
    tifffile.imwrite(tmp_path / "a.tif", noise(3, 20, 30), imagej=True, metadata=metadata)
    labels = [info.time for info in tiff.probe_all(tmp_path / "a.tif", "a.tif")]
    assert labels == ["00d00h00m00s", "00d00h01m30s", "00d00h03m00s"]


def test_smaller_copies_and_pictures_of_the_glass_are_no_scenes(tmp_path):
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(noise(200, 300, 3, dtype="uint8"), subifds=1, photometric="rgb", metadata={"Name": "tissue"})
        tif.write(noise(100, 150, 3, dtype="uint8"), subfiletype=1, photometric="rgb")
        tif.write(noise(20, 30, 3, dtype="uint8"), photometric="rgb", metadata={"Name": "label image"})
        tif.write(noise(40, 30, 3, dtype="uint8"), photometric="rgb", metadata={"Name": "macro"})
        tif.write(noise(50, 60, 3, dtype="uint8"), photometric="rgb", metadata={"Name": "label me"})
    images = tiff.probe_all(path, "slide")
    assert [info.scene for info in images] == ["tissue", "label me"]
    assert [len(info.levels) for info in images] == [2, 1]
    assert all("left out: 2" in info.notes[-1] for info in images)
    thumbnail = tmp_path / "thumbnail.tif"
    with tifffile.TiffWriter(thumbnail) as tif:
        tif.write(noise(200, 300))
        tif.write(noise(31, 47), subfiletype=1)
    assert len(tiff.probe_all(thumbnail, "thumbnail")) == 1


def test_one_look_at_a_file_checks_all_its_scenes(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(noise(20, 30), compression="zlib")
        tif.write(noise(40, 50), compression="zlib")
    tiff.check_complete(path, tiff.probe_all(path, "a.tif"))
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[1].tags["StripByteCounts"].valueoffset
    content = bytearray(path.read_bytes())
    content[offset : offset + 4] = (10**6).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="'a.tif' is cut off"):
        tiff.check_complete(path, tiff.probe_all(path, "a.tif"))
