"""Pixels come back as they were stored, whatever the file."""

import hashlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError, InputError
from cellapp.images.probe import probe
from cellapp.images.read import check_pixels, file_digest, open_slide, reads_regions, selected_digest
from cellapp.types.image import Region, Selection
from tests.images.slides import noise, ome_tiff
from tests.paths import shared_data


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float32", "float64", "bool"])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 16])
def test_channels_first_and_last_are_the_same_image(tmp_path, n_channels, dtype):
    pixels = noise(n_channels, 24, 32, dtype=dtype) if dtype != "bool" else noise(n_channels, 24, 32) > 2**15
    first, last = tmp_path / "first.tif", tmp_path / "last.tif"
    tifffile.imwrite(first, pixels, photometric="minisblack")
    tifffile.imwrite(last, pixels.transpose(1, 2, 0), photometric="minisblack")
    slides = [open_slide(path) for path in (first, last)]
    for slide in slides:
        np.testing.assert_array_equal(slide.region(), pixels)
        assert slide.region().dtype == pixels.dtype
    assert slides[0].info.channels == slides[1].info.channels


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    compression=st.sampled_from([None, "zlib", "lzw"]),
    tiled=st.booleans(),
    big_endian=st.booleans(),
)
def test_any_variant_of_tiff_reads_what_was_written(
    tmp_path_factory, height, width, dtype, compression, tiled, big_endian
):
    pixels = noise(2, height, width, dtype=dtype)
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    options = {"compression": compression, "byteorder": ">" if big_endian else "<", "photometric": "minisblack"}
    tifffile.imwrite(path, pixels, tile=(16, 16) if tiled else None, metadata={"axes": "CYX"}, **options)
    slide = open_slide(path)
    np.testing.assert_array_equal(slide.region(), pixels)
    part = Region(height // 3, width // 4, max(height // 2, 1), max(width // 2, 1))
    np.testing.assert_array_equal(slide.region(part), pixels[:, *part.slices])


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_a_ramp_of_all_16_bit_values_neither_wraps_nor_clips(tmp_path, suffix):
    ramp = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    path = tmp_path / f"ramp.{suffix}"
    path.write_bytes(imagecodecs.png_encode(ramp)) if suffix == "png" else tifffile.imwrite(path, ramp)
    read = open_slide(path).region()
    assert read.dtype == np.uint16
    assert (np.diff(read.ravel().astype(np.int64)) == 1).all()
    assert read.max() == 65_535


def test_each_pyramid_level_is_read_on_its_own(tmp_path):
    pixels = noise(3, 256, 320)
    slide = open_slide(ome_tiff(tmp_path / "p.ome.tif", pixels, ["a", "b", "c"], levels=3))
    assert [level.shape for level in slide.levels] == [(3, 256, 320), (3, 128, 160), (3, 64, 80)]
    np.testing.assert_array_equal(slide.region(level=2), pixels[:, ::4, ::4])
    np.testing.assert_array_equal(slide.region(Region(10, 20, 30, 40), level=1), pixels[:, ::2, ::2][:, 10:40, 20:60])


def test_the_fourth_channel_of_a_colour_tiff_survives(tmp_path):
    pixels = noise(40, 50, 4, dtype="uint8")
    tifffile.imwrite(tmp_path / "orange.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    slide = open_slide(tmp_path / "orange.tif")
    np.testing.assert_array_equal(slide.region(), pixels.transpose(2, 0, 1))
    assert len(slide.info.channels) == 4


def test_regions_outside_the_image_are_empty_or_clipped(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(2, 20, 30), photometric="minisblack")
    slide = open_slide(tmp_path / "a.tif")
    assert slide.region(Region(-5, -5, 10, 10)).shape == (2, 5, 5)
    assert slide.region(Region(100, 100, 10, 10)).size == 0


def test_a_single_pixel_is_an_image(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", np.array([[7]], np.uint8))
    Image.fromarray(np.array([[7]], np.uint8)).save(tmp_path / "one.png")
    for path in tmp_path.iterdir():
        assert open_slide(path).region().tolist() == [[[7]]]


def test_nothing_is_decoded_until_asked(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(noise(64, 64)))
    slide = open_slide(path)
    content = bytearray(path.read_bytes())
    content[60:200] = bytes(140)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"'a.png' is damaged") as refused:
        slide.region()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp"])
def test_a_picture_cut_off_in_its_pixels_is_told_on_reading(tmp_path, kind):
    path = tmp_path / "cut"
    Image.fromarray(noise(80, 80, 3, dtype="uint8")).save(path, format=kind)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="damaged"):
        open_slide(path).region()


@pytest.mark.parametrize(
    "content", [b"", b"just a text", b"II*\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"ZISRAWFILE"]
)
def test_bad_files_are_one_sentence_and_leave_nothing(tmp_path, content):
    path = tmp_path / "bad.tif"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        open_slide(path, name="bad.tif").region()
    assert "\n" not in str(refused.value)
    assert "'bad.tif'" in str(refused.value)
    assert list(tmp_path.iterdir()) == [path]


def test_the_budget_is_checked_before_opening(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(2, 20, 30), photometric="minisblack")
    with pytest.raises(BudgetError, match="2 channels; the limit is 1"):
        open_slide(tmp_path / "a.tif", budget=BudgetSettings(max_channels=1))


def test_the_digest_is_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(20, 30))
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert open_slide(path).digest == file_digest(path) == expected
    assert open_slide(path, digest="known").digest == "known"


def test_images_of_one_file_have_digests_of_their_own_and_the_first_that_of_the_file(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(3, 2, 20, 30), imagej=True, metadata={"axes": "TZYX"})
    images = [Selection(0, time, depth) for time in range(3) for depth in ("max", "mean", "1")]
    digests = [open_slide(tmp_path / "a.tif", selection=image).digest for image in images]
    assert digests[0] == file_digest(tmp_path / "a.tif")
    assert len(set(digests)) == 9
    assert digests[1] == selected_digest(digests[0], images[1])


def test_the_rule_for_depth_makes_no_other_image_of_a_single_plane(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(20, 30))
    assert open_slide(tmp_path / "a.tif", selection=Selection(depth="mean")).digest == file_digest(tmp_path / "a.tif")


def test_the_digest_of_a_folder_counts_names_and_contents_only(tmp_path):
    def folder(name: str, **files: bytes) -> Path:
        made = tmp_path / name
        for file, content in files.items():
            (made / file).parent.mkdir(parents=True, exist_ok=True)
            (made / file).write_bytes(content)
        return made

    one = file_digest(folder("one", a=b"1", b=b"2"))
    assert one == file_digest(folder("two", b=b"2", a=b"1"))
    assert one != file_digest(folder("three", a=b"2", b=b"1"))
    assert one != file_digest(folder("four", a=b"1", c=b"2"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_counted(bad):
    pixels = np.ones((2, 5, 5), np.float32)
    pixels[0, 0, :3] = bad
    kind = "3 NaN and 0 infinite" if np.isnan(bad) else "0 NaN and 3 infinite"
    with pytest.raises(InputError, match=f"{kind} pixels of 50"):
        check_pixels(pixels, "a.tif")


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_finite_pixels_pass_unchanged(dtype):
    pixels = np.zeros((1, 0, 4), dtype)
    assert check_pixels(pixels, "a.tif") is pixels


@pytest.mark.parametrize(
    ("relative", "shape", "dtype", "um_per_px"),
    [
        ("bccd/images/BloodImage_00000.jpg", (3, 480, 640), "uint8", None),
        ("cellprofiler_examples/ExampleColocalization/0_1_N_G.png", (1, 1040, 1392), "uint16", None),
        ("cellprofiler_examples/ExampleHuman/AS_09125_050116030001_D03f00d0.tif", (1, 512, 512), "uint8", None),
        ("cellprofiler_examples/ExampleSpeckles/1-162hrh2ax2.tif", (1, 1000, 1200), "uint16", None),
        ("cellprofiler_sbs_u2os/Channel1-01-A-01.tif", (1, 640, 640), "uint8", None),
        ("instanseg_examples/Fluorescence_example.tif", (2, 450, 450), "uint8", None),
        ("instanseg_examples/HE_example.tif", (3, 1484, 1380), "uint8", 0.5),
        ("neubias_examples/r1_DAPI_downsampled.tiff", (1, 917, 624), "float32", None),
        ("neubias_examples/xy_16bit_calibrated__nuclei_various_shapes.tif", (1, 253, 269), "uint16", 0.2),
        ("neubias_examples/xyc_16bit__nuclei_tubulin.tif", (2, 214, 226), "uint16", None),
        ("stardist_examples/histo.jpg", (3, 300, 500), "uint8", None),
        ("usiigaci_t98g_sample/images/20180101ef002xy01t01.tif", (1, 1022, 1024), "uint16", None),
        ("whoisjack_cells/example_cells_1.tif", (1, 930, 780), "uint8", 0.1735),
    ],
)
def test_real_images_read_as_a_reference_reader_reads_them(relative, shape, dtype, um_per_px):
    path = shared_data(f"fields/{relative}")
    slide = open_slide(path)
    pixels = slide.region()
    reference = tifffile.imread(path) if path.suffix.startswith(".tif") else np.asarray(Image.open(path))
    reference = np.atleast_3d(reference).transpose(2, 0, 1) if reference.shape[0] != shape[0] else reference
    assert (pixels.shape, pixels.dtype.name) == (slide.info.shape, slide.info.dtype) == (shape, dtype)
    np.testing.assert_array_equal(pixels, reference)
    assert slide.info.um_per_px == (um_per_px and pytest.approx(um_per_px, rel=1e-3))


@pytest.mark.parametrize("folder", ["lbc_cervical/NL", "pbc_barcelona_sample/images", "malaria_nih_sample/images"])
def test_one_image_of_each_further_folder_opens(folder):
    path = min(shared_data(f"fields/{folder}").iterdir())
    pixels = open_slide(path).region()
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"tile": (256, 256), "compression": "zlib"}, True),
        ({}, True),  # uncompressed: mapped into memory
        ({"compression": "zlib", "rowsperstrip": 16}, True),
        ({"compression": "zlib", "rowsperstrip": 2100}, False),
    ],
    ids=["tiles", "mapped", "short strips", "one strip"],
)
def test_which_files_can_be_read_in_parts(tmp_path, options, parts):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2100, 2100), np.uint8), photometric="minisblack", **options)
    assert reads_regions(tmp_path / "a.tif", probe(tmp_path / "a.tif")) is parts


def test_a_picture_is_decoded_whole(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    assert not reads_regions(tmp_path / "a.png", probe(tmp_path / "a.png"))
