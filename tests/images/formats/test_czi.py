"""CZI: scenes, mosaics, planes, time points, colours and levels come back as they were put together."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.formats import czi
from cellapp.images.probe import probe, probe_all
from cellapp.images.read import open_slide
from cellapp.types.image import Region, Selection
from tests.images.czi_files import Tile, mosaic, pack_as_jpeg_xr, write_tiles
from tests.images.slides import noise

RESET = Path("/proc/self/clear_refs")
UM = {"scale_x": 0.5e-6, "scale_y": 0.5e-6}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Two scenes of different sizes, two time points, three planes, two channels, in tiles of 16."""
    scenes = [noise(2, 3, 2, 40, 50), noise(2, 3, 2, 24, 32)]
    tiles = [
        tile
        for s, pixels in enumerate(scenes)
        for t, z, c in np.ndindex(2, 3, 2)
        for tile in mosaic(pixels[t, z, c], 16, y=-100 * s, x=500 * s, plane={"T": t, "Z": z, "C": c}, scene=s)
    ]
    path = tmp_path_factory.mktemp("czi") / "series.czi"
    write_tiles(path, tiles, compressed=True, channel_names={0: "DAPI", 1: "0405"}, **UM)
    return path, scenes


def test_scenes_and_time_points_are_listed_from_the_header(series):
    images = probe_all(series[0])
    assert [info.shape for info in images] == [(2, 40, 50)] * 2 + [(2, 24, 32)] * 2
    assert [(info.scene, info.time) for info in images] == [(s, t) for s in ("s01", "s02") for t in ("t001", "t002")]
    assert {info.channels for info in images} == {("DAPI", "0405")}
    assert {(info.n_planes, info.um_per_px) for info in images} == {(3, 0.5)}


@pytest.mark.parametrize("depth", ["max", "mean", "2"])
@pytest.mark.parametrize("scene", [0, 1])
@pytest.mark.parametrize("time", [0, 1])
def test_each_image_is_stitched_from_its_own_tiles(series, scene, time, depth):
    path, scenes = series
    planes = scenes[scene][time]
    expected = {"max": planes.max(axis=0), "mean": np.rint(planes.mean(axis=0)), "2": planes[1]}[depth]
    slide = open_slide(path, selection=Selection(scene, time, depth))
    np.testing.assert_array_equal(slide.region(), expected)
    np.testing.assert_array_equal(slide.region(Region(9, 11, 14, 13)), expected[:, 9:23, 11:24])


boxes = st.tuples(*(st.integers(0, 89),) * 2, *(st.integers(1, 90),) * 2)


@given(
    st.integers(30, 90),
    st.integers(30, 90),
    st.sampled_from([16, 23, 64]),
    st.booleans(),
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    st.lists(boxes, min_size=3, max_size=3),
)
@example(38, 76, 16, False, (-232, -281), [(0, 5, 90, 90)] * 3)  # the library doubled the column before the last tile
@settings(max_examples=15, deadline=None)
def test_any_region_of_any_level_is_what_was_written(tmp_path_factory, height, width, side, compressed, origin, boxes):
    """The smaller levels are of other pixels than the full one, to tell from which of them a region is read."""
    levels = {shrink: noise(height // shrink, width // shrink, dtype="uint8") for shrink in (1, 2, 4)}
    tiles = [
        tile._replace(y=origin[0] + shrink * tile.y, x=origin[1] + shrink * tile.x, shrink=shrink)
        for shrink, pixels in levels.items()
        for tile in mosaic(pixels, side)
    ]
    path = write_tiles(tmp_path_factory.mktemp("czi") / "levels.czi", tiles, compressed=compressed)
    slide = open_slide(path)
    assert slide.info.levels == tuple(pixels.shape for pixels in levels.values())
    for level, (pixels, (top, left, rows, columns)) in enumerate(zip(levels.values(), boxes, strict=True)):
        box = Region(top % pixels.shape[0], left % pixels.shape[1], rows, columns)
        np.testing.assert_array_equal(slide.region(box, level)[0], pixels[box.slices])


@pytest.mark.parametrize(("height", "width", "side"), [(38, 76, 16), (91, 87, 23), (49, 103, 12)])
def test_no_region_of_a_smaller_level_repeats_a_line_at_a_seam(tmp_path, height, width, side):
    """Every beginning of a region: which of them a library's rounding shifts is no rule."""
    pixels = noise(height // 2, width // 2, dtype="uint8")
    small = [tile._replace(y=2 * tile.y, x=2 * tile.x, shrink=2) for tile in mosaic(pixels, side)]
    full = mosaic(noise(height, width, dtype="uint8"), side)
    slide = open_slide(write_tiles(tmp_path / "seams.czi", [*full, *small]))
    for top, left in ((i % pixels.shape[0], i % pixels.shape[1]) for i in range(max(pixels.shape))):
        box = Region(top, left, 90, 90)
        np.testing.assert_array_equal(slide.region(box, 1)[0], pixels[box.slices])


def pyramid(path, full, side, missing, origin=(0, 0), **plane):
    """Write a slide whose smaller levels are means of the full one and lack some of their tiles."""
    levels = {1: full}
    for shrink in (2, 4):
        half = levels[shrink // 2]
        half = half[: half.shape[0] // 2 * 2, : half.shape[1] // 2 * 2].astype(float)
        blocks = half.reshape(half.shape[0] // 2, 2, half.shape[1] // 2, 2)
        levels[shrink] = np.rint(blocks.mean((1, 3))).astype(full.dtype)
    tiles = [
        tile._replace(y=origin[0] + shrink * tile.y, x=origin[1] + shrink * tile.x, shrink=shrink)
        for shrink, pixels in levels.items()
        for number, tile in enumerate(mosaic(pixels, side))
        if (shrink, number) not in missing
    ]
    return levels, write_tiles(path, tiles)


@given(
    st.integers(70, 110),
    st.integers(70, 110),
    st.sets(st.tuples(st.sampled_from([2, 4]), st.integers(0, 5)), max_size=4),
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    st.lists(boxes, min_size=3, max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_what_a_smaller_level_lacks_comes_from_the_next_finer_one(tmp_path_factory, height, width, lost, origin, boxes):
    path = tmp_path_factory.mktemp("czi") / "gaps.czi"
    levels, path = pyramid(path, noise(height, width), 16, lost, origin)
    slide = open_slide(path)
    for level, (n_rows, _) in enumerate(slide.info.levels):  # those of which enough is left
        expected, (top, left, rows, columns) = levels[height // n_rows], boxes[level]
        box = Region(top % expected.shape[0], left % expected.shape[1], rows, columns)
        np.testing.assert_array_equal(slide.region(box, level)[0], expected[box.slices])


def test_what_was_not_scanned_stays_black_at_every_level(tmp_path):
    full = noise(96, 96) + 1
    levels, path = pyramid(tmp_path / "hole.czi", full, 16, {(1, 14), (2, 4), (2, 8)})
    levels[1][32:48, 32:48] = 0
    slide = open_slide(path)
    np.testing.assert_array_equal(slide.region()[0], levels[1])
    hole = slide.region(level=1)[0] == 0
    assert hole.sum() == 64
    assert hole[16:24, 16:24].all()


def test_a_level_without_some_channels_shows_them(tmp_path):
    full = [noise(64, 64, seed=seed) + 1 for seed in range(2)]
    tiles = [tile for c in range(2) for tile in mosaic(full[c], 32, plane={"C": c})]
    small = Tile(full[0][::2, ::2], plane={"C": 0}, shrink=2)
    slide = open_slide(write_tiles(tmp_path / "a.czi", [*tiles, small]))
    expected = np.rint(full[1].astype(float).reshape(32, 2, 32, 2).mean((1, 3)))
    np.testing.assert_array_equal(slide.region(level=1), [full[0][::2, ::2], expected])


def test_a_file_without_smaller_levels_claims_none(tmp_path):
    info = probe(write_tiles(tmp_path / "flat.czi", mosaic(noise(300, 200), 64)))
    assert info.levels == ((300, 200),)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_gray_of_any_type_is_read(tmp_path, dtype):
    pixels = noise(20, 30, dtype=dtype)
    slide = open_slide(write_tiles(tmp_path / "gray.czi", mosaic(pixels, 16), compressed=dtype != "float32"))
    assert slide.info.dtype == dtype
    np.testing.assert_array_equal(slide.region()[0], pixels)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours_are_red_green_and_blue(tmp_path, dtype):
    pixels = noise(20, 30, 3, dtype=dtype)
    slide = open_slide(write_tiles(tmp_path / "photo.czi", [Tile(pixels)], channel_names={0: "Brightfield"}))
    assert (slide.info.channels, slide.info.is_photo) == (("red", "green", "blue"), True)
    assert slide.info.dtype == dtype
    np.testing.assert_array_equal(slide.region(), pixels.transpose(2, 0, 1))
    np.testing.assert_array_equal(slide.levels[0][1:2, 3:9, :], pixels.transpose(2, 0, 1)[1:2, 3:9, :])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("n_colours", [1, 3])
def test_tiles_in_jpeg_xr_are_read(tmp_path, dtype, n_colours):
    smooth = np.add.outer(np.arange(70), 2 * np.arange(90)).astype(dtype)
    pixels = smooth if n_colours == 1 else np.dstack([smooth, smooth[::-1], smooth // 2])
    slide = open_slide(pack_as_jpeg_xr(write_tiles(tmp_path / "zen.czi", mosaic(pixels, 50))))
    np.testing.assert_array_equal(slide.region(), np.atleast_3d(pixels).transpose(2, 0, 1))


def test_colours_as_floats_are_refused(tmp_path):
    with pytest.raises(InputError, match="type that is not read"):
        probe(write_tiles(tmp_path / "photo.czi", [Tile(noise(8, 8, 3, dtype="float32"))]))


def test_channels_of_different_types_share_one_that_holds_all(tmp_path):
    stain, photo = noise(20, 30), noise(20, 30, 3, dtype="uint8")
    tiles = [Tile(photo, plane={"C": 0}), Tile(stain, plane={"C": 1})]
    slide = open_slide(write_tiles(tmp_path / "mixed.czi", tiles, channel_names={0: "H&E", 1: "DAPI"}))
    assert slide.info.channels == ("H&E red", "H&E green", "H&E blue", "DAPI")
    assert slide.info.is_photo is False
    np.testing.assert_array_equal(slide.region(), [*photo.transpose(2, 0, 1), stain])


def test_without_a_scale_the_pixel_size_is_unknown(tmp_path):
    assert probe(write_tiles(tmp_path / "bare.czi", [Tile(noise(8, 8))])).um_per_px is None


def test_what_was_not_scanned_is_told(tmp_path):
    tiles = mosaic(noise(64, 64), 16)
    info = probe(write_tiles(tmp_path / "gap.czi", tiles[:3] + tiles[4:]))
    assert info.notes == ("6 % of the picture were not scanned and are black.",)


def test_missing_planes_are_told(tmp_path):
    places = [(0, 0), (0, 1), (1, 0)]
    tiles = [Tile(noise(16, 16), plane={"T": t, "Z": 0, "C": c}) for t, c in places]
    infos = probe_all(write_tiles(tmp_path / "stopped.czi", tiles))
    assert len(infos) == 2
    assert all("1 of 4 planes are not in the file and read as 0." in info.notes for info in infos)


def test_numbers_of_planes_need_not_begin_at_zero(tmp_path):
    pixels = noise(2, 16, 16)
    tiles = [Tile(plane, plane={"T": 5 + t, "C": 1}) for t, plane in enumerate(pixels)]
    path = write_tiles(tmp_path / "part.czi", tiles)
    for time, plane in enumerate(pixels):
        np.testing.assert_array_equal(open_slide(path, selection=Selection(0, time)).region(), plane[None])


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="the largest memory can be counted anew on Linux only")
def test_looking_at_all_of_a_slide_takes_the_memory_of_regions(tmp_path, monkeypatch):
    """A plane of 32 MiB, of which 8 MiB of decoded tiles are kept."""
    monkeypatch.setattr(czi, "_CACHE_BYTES", 2**23)
    tile = noise(1024, 1024, dtype="uint8") // 128
    tiles = [Tile(tile, y, x) for y in range(0, 4096, 1024) for x in range(0, 8192, 1024)]
    level = open_slide(write_tiles(tmp_path / "wide.czi", tiles, compressed=True), digest="wide").levels[0]
    level[:, :8, :8]
    RESET.write_text("5")
    before = _memory("VmRSS")
    for y, x in np.ndindex(4, 8):
        block = level[:, 1024 * y + 256 : 1024 * y + 768, 1024 * x + 256 : 1024 * x + 768]
        np.testing.assert_array_equal(block[0], tile[256:768, 256:768])
    assert _memory("VmHWM") - before < 3 * 2**23


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def test_a_scene_that_is_not_there_is_refused_with_what_there_is(series):
    with pytest.raises(InputError, match="2 scenes"):
        probe(series[0], selection=Selection(scene=2))
