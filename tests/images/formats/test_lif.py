"""LIF: images, time points, planes, colours and mosaics come back as they were written, whatever the order of axes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.probe import probe, probe_all
from cellapp.images.read import open_slide
from cellapp.types.image import Region, Selection
from tests.images.lif_files import Image, write_images
from tests.images.slides import noise

SIZES = {"T": 2, "Z": 3, "C": 2, "Y": 20, "X": 30}


@given(st.permutations("TZC"), st.sampled_from(["uint8", "uint16", "float32"]), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_planes_are_found_in_any_order_of_axes(tmp_path_factory, outer, dtype, padding):
    axes = "".join(outer) + "YX"
    pixels = noise(*(SIZES[letter] for letter in axes), dtype=dtype)
    itemsize = pixels.itemsize
    image = Image("field", axes, pixels, ["Blue", "Green"], um_per_px=0.5, row_padding=padding * itemsize)
    path = write_images(tmp_path_factory.mktemp("lif") / "a.lif", [image])
    ordered = pixels.transpose([axes.index(letter) for letter in "TZCYX"])
    for time in range(2):
        slide = open_slide(path, selection=Selection(time=time))
        assert (slide.info.shape, slide.info.n_planes, slide.info.um_per_px) == ((2, 20, 30), 3, 0.5)
        np.testing.assert_array_equal(slide.region(), ordered[time].max(axis=0))
        np.testing.assert_array_equal(slide.region(Region(3, 4, 9, 30)), ordered[time].max(axis=0)[:, 3:12, 4:])


def test_each_image_is_a_scene_with_its_own_size_channels_and_time(tmp_path):
    fields = [
        Image("one", "CYX", noise(2, 20, 30), ["Blue", "405,450"], um_per_px=0.5),
        Image("two", "TYX", noise(3, 10, 12, dtype="uint8"), dyes=["DAPI"], interval_s=3600.0),
    ]
    images = probe_all(write_images(tmp_path / "fields.lif", fields))
    assert [(info.scene, info.time) for info in images] == [
        ("one", ""),
        *(("two", time) for time in ("00d00h00m", "00d01h00m", "00d02h00m")),
    ]
    assert [info.shape for info in images] == [(2, 20, 30)] + [(1, 10, 12)] * 3
    assert (images[0].channels, images[1].channels) == (("Blue", "405,450"), ("DAPI",))
    assert (images[0].um_per_px, images[1].um_per_px) == (0.5, None)
    for info in images:
        field = fields[info.selection.scene].pixels
        expected = field[info.selection.time][None] if field.shape[0] == 3 else field
        np.testing.assert_array_equal(open_slide(tmp_path / "fields.lif", selection=info.selection).region(), expected)


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1]])
def test_colours_are_red_green_and_blue(tmp_path, order):
    pixels = noise(20, 30, 3, dtype="uint8")
    stored = pixels[..., [tag - 1 for tag in order]]
    image = Image("photo", "YXS", stored, ["Red", "Green", "Blue"], tags=order)
    slide = open_slide(write_images(tmp_path / "photo.lif", [image]))
    assert (slide.info.channels, slide.info.is_photo) == (("red", "green", "blue"), True)
    np.testing.assert_array_equal(slide.region(), pixels.transpose(2, 0, 1))


def tile_grid(pixels: np.ndarray, side: int, step: int, flips: tuple[int, int, int]) -> tuple[np.ndarray, list]:
    """Cut (Y, X) into overlapping tiles, and number them as a stage does that moves against the picture or with it."""
    rows, columns = ((n - side) // step + 1 for n in pixels.shape)
    tiles, fields = [], []
    for row, column in np.ndindex(rows, columns):
        tiles.append(pixels[row * step : row * step + side, column * step : column * step + side])
        field_y = row if flips[1] else rows - 1 - row
        field_x = column if flips[0] else columns - 1 - column
        field = (field_y, field_x) if flips[2] else (field_x, field_y)
        fields.append((*field, 0.02 + field[0] * step * 0.5e-6, -0.01 - field[1] * step * 0.5e-6))
    return np.stack(tiles), fields


@pytest.mark.parametrize("swapped", [0, 1])
@pytest.mark.parametrize("flip_y", [0, 1])
@pytest.mark.parametrize("flip_x", [0, 1])
@pytest.mark.parametrize("step", [20, 18, 16])
def test_tiles_make_one_picture(tmp_path, step, flip_x, flip_y, swapped):
    pixels = noise(20 + 2 * step, 20 + 3 * step)
    tiles, fields = tile_grid(pixels, 20, step, (flip_x, flip_y, swapped))
    image = Image("mosaic", "MYX", tiles, um_per_px=0.5, tiles=fields, flips=(flip_x, flip_y, swapped))
    slide = open_slide(write_images(tmp_path / "mosaic.lif", [image]))
    assert not slide.info.notes
    np.testing.assert_array_equal(slide.region()[0], pixels)
    np.testing.assert_array_equal(slide.levels[0][:, 7:45:3, 15:50], pixels[None, 7:45:3, 15:50])


def test_tiles_without_believable_positions_overlap_by_one_pixel(tmp_path):
    pixels = noise(20, 39)
    tiles, fields = tile_grid(pixels, 20, 19, (1, 1, 0))
    image = Image(
        "mosaic", "MYX", tiles, um_per_px=0.5, tiles=[(x, y, 0.0, 0.0) for x, y, _, _ in fields], flips=(1, 1, 0)
    )
    np.testing.assert_array_equal(open_slide(write_images(tmp_path / "m.lif", [image])).region()[0], pixels)


def test_a_tile_that_is_missing_is_told(tmp_path):
    pixels = noise(40, 40)
    tiles, fields = tile_grid(pixels, 20, 20, (1, 1, 0))
    image = Image("mosaic", "MYX", tiles[:3], um_per_px=0.5, tiles=fields[:3], flips=(1, 1, 0))
    slide = open_slide(write_images(tmp_path / "m.lif", [image]))
    assert slide.info.notes == ("1 of 4 tiles are missing in the file and are black.",)
    np.testing.assert_array_equal(slide.region()[0, :20], pixels[:20])
    assert not slide.region()[0, 20:, 20:].any()


def test_positions_without_an_arrangement_are_images(tmp_path):
    pixels = noise(3, 2, 20, 30)
    path = write_images(tmp_path / "positions.lif", [Image("field", "MCYX", pixels, ["a", "b"])])
    assert [info.scene for info in probe_all(path)] == [f"field position {i}" for i in (1, 2, 3)]
    for scene in range(3):
        np.testing.assert_array_equal(open_slide(path, selection=Selection(scene)).region(), pixels[scene])


@pytest.mark.parametrize(("bits", "known"), [(12, 12), (16, None)])
def test_bits_that_carry_values_are_told(tmp_path, bits, known):
    info = probe(write_images(tmp_path / "camera.lif", [Image("field", "YX", noise(20, 30), bits=bits)]))
    assert (info.bits, len(info.notes)) == (known, int(bits == known))


def test_wavelengths_are_channels(tmp_path):
    pixels = noise(4, 20, 30)
    slide = open_slide(write_images(tmp_path / "spectrum.lif", [Image("spectrum", "eYX", pixels, ["PMT"])]))
    assert slide.info.channels == ("PMT 1", "PMT 2", "PMT 3", "PMT 4")
    np.testing.assert_array_equal(slide.region(), pixels)


def test_what_is_no_picture_is_left_out_and_told(tmp_path):
    images = [
        Image("line", "TX", noise(5, 30)),
        Image("field", "YX", noise(20, 30)),
        Image("turned", "AYX", noise(3, 8, 9)),
    ]
    (info,) = probe_all(write_images(tmp_path / "mixed.lif", images))
    assert info.shape == (1, 20, 30)
    assert [note.split(" is left out")[0] for note in info.notes] == ["'line'", "'turned'"]
    with pytest.raises(InputError, match="holds no picture; 'line' is left out"):
        probe(write_images(tmp_path / "lines.lif", images[:1]))
