"""Planes that a stopped acquisition left out count for nothing, whatever the rule for depth and the container."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.probe import probe, probe_all
from cellapp.images.read import open_slide
from cellapp.types.image import Selection
from tests.images.czi_files import Tile, write_tiles
from tests.images.many_images import write_harmony
from tests.images.micro_manager_files import write_micro_manager
from tests.images.nd2_files import write_frames
from tests.images.slides import noise


def write_imagej(path, stack, there, **options):
    """An ImageJ stack, (T, C, Z, Y, X), of which only the first pages are written."""
    n_times, n_channels, n_planes = there.shape
    sizes = f"images={there.size}\nchannels={n_channels}\nslices={n_planes}\nframes={n_times}\n"
    in_order = there.transpose(0, 2, 1).ravel()
    with tifffile.TiffWriter(path) as tif:
        for i, page in enumerate(stack.transpose(0, 2, 1, 3, 4).reshape(-1, *stack.shape[3:])[in_order]):
            tif.write(
                page,
                description=f"ImageJ=1.54f\n{sizes}" if i == 0 else None,
                metadata=None,
                contiguous=False,
                **options,
            )
    return path


def write_czi(path, stack, there):
    """A CZI of which any planes may be missing."""
    places = [dict(zip("TCZ", map(int, place), strict=True)) for place in np.argwhere(there)]
    return write_tiles(path, [Tile(stack[p["T"], p["C"], p["Z"]], plane=p) for p in places])


def write_nd2(path, stack, there):
    """An ND2, whose frames hold all channels."""
    left_out = np.flatnonzero(~there.all(1).ravel()).tolist()
    names = [f"c{i}" for i in range(stack.shape[1])]
    return write_frames(path, stack.swapaxes(1, 2)[:, None], names, left_out=left_out)


def first_pages(shape, n):
    """What a program holds that was stopped after so many pages, channels first, then planes, then times."""
    n_times, n_channels, n_planes = shape
    return (np.arange(np.prod(shape)) < n).reshape(n_times, n_planes, n_channels).swapaxes(1, 2)


def expected(planes, there, rule):
    """Reduce the planes of one channel, (Z, Y, X), of which some are there."""
    if not there.any():
        return np.zeros(planes.shape[1:])
    if rule.isdecimal():
        return planes[int(rule) - 1] * there[int(rule) - 1]
    return planes[there].max(0) if rule == "max" else np.rint(planes[there].mean(0))


@pytest.mark.parametrize("write", [write_imagej, write_czi, write_nd2])
@settings(max_examples=8, deadline=None)
@given(data=st.data(), shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(2, 4)))
def test_missing_planes_count_for_nothing(tmp_path_factory, write, data, shape):
    step = shape[1] if write is write_nd2 else 1
    n_pages = data.draw(st.integers(1, np.prod(shape) // step - 1)) * step
    there, stack = first_pages(shape, n_pages), noise(*shape, 9, 11) + 1
    path = write(tmp_path_factory.mktemp("stopped") / "a", stack, there)
    times, channels = there.any((1, 2)), there.any((0, 2))
    planes = there.any((0, 1)) if write is write_czi else np.ones(shape[2], bool)  # a CZI declares no others
    rule = data.draw(st.sampled_from(["max", "mean", "1"]))
    infos = probe_all(path, "a", rule)
    assert len(infos) == times.sum()
    left = there[times][:, channels][:, :, planes]
    assert any(f"{(~left).sum()} of {left.size} planes are not" in n for n in infos[0].notes) == (not left.all())
    for info in infos:
        region, time = open_slide(path, selection=info.selection).region(), info.selection.time
        for plane, c in zip(region, np.flatnonzero(channels), strict=True):
            np.testing.assert_array_equal(plane, expected(stack[time, c], there[time, c], rule))


@pytest.mark.parametrize("rule", ["max", "mean", "sharpest"])
def test_where_white_is_the_lowest_number_missing_planes_are_not_white(tmp_path, rule):
    stack = noise(1, 1, 4, 12, 14, dtype="uint8")
    path = write_imagej(tmp_path / "a.tif", stack, first_pages((1, 1, 4), 2), photometric="miniswhite")
    meant = 255 - stack[0, 0, :2]
    region = open_slide(path, selection=Selection(depth=rule)).region()[0]
    if rule == "sharpest":
        assert any((region == plane).all() for plane in meant)
    else:
        np.testing.assert_array_equal(region, expected(meant, np.ones(2, bool), rule))


def test_the_maximum_of_negative_numbers_is_not_that_of_missing_planes(tmp_path):
    stack = -1 - noise(1, 1, 3, 9, 11, dtype="uint8").astype(np.float32)
    path = write_imagej(tmp_path / "a.tif", stack, first_pages((1, 1, 3), 2))
    np.testing.assert_array_equal(open_slide(path).region()[0], stack[0, 0, :2].max(0))


def test_the_sharpest_plane_is_one_that_every_channel_has(tmp_path):
    stack = np.full((1, 2, 3, 20, 20), 7, np.uint16)
    stack[0, 0, 2], stack[0, :, 1] = noise(20, 20), noise(2, 20, 20) // 2
    there = np.ones((1, 2, 3), bool)
    there[0, 1, 2] = False
    path = write_czi(tmp_path / "a.czi", stack, there)
    np.testing.assert_array_equal(open_slide(path, selection=Selection(depth="sharpest")).region(), stack[0, :, 1])


@pytest.mark.parametrize("write", [write_imagej, write_nd2])
def test_a_plane_of_which_nothing_is_there_is_refused(tmp_path, write):
    path = write(tmp_path / "a", noise(1, 2, 5, 9, 11), first_pages((1, 2, 5), 6))
    with pytest.raises(InputError, match="declares 5 planes of depth and lacks plane 4; it has 1, 2, 3"):
        probe(path, "a", Selection(depth="4"))


def test_a_plane_that_some_lack_is_told(tmp_path):
    path = write_imagej(tmp_path / "a.tif", noise(1, 2, 3, 9, 11), first_pages((1, 2, 3), 5))
    (note,) = [n for n in probe(path, selection=Selection(depth="3")).notes if "not in the file" in n]
    assert note.endswith("plane 3 is missing in 1 of 2 places and reads as 0 there.")


def test_planes_that_an_index_does_not_list_are_left_out(tmp_path):
    deep = noise(1, 2, 3, 30, 40)
    folder = write_harmony(tmp_path / "Images", {(1, 1, 1): deep})
    index, gone = folder / "Index.idx.xml", "r01c01f01p03-ch2sk1fk1fl1.tiff"
    text = index.read_text()
    start = text.rindex("<Image>", 0, text.index(gone))
    index.write_text(text[:start] + text[text.index("</Image>", start) + len("</Image>") :])
    slide = open_slide(folder, selection=Selection(depth="mean"))
    assert any(note.startswith("1 of 6 planes are not in the file") for note in slide.info.notes)
    np.testing.assert_array_equal(slide.region()[1], np.rint(deep[0, 1, :2].mean(0)))


def test_positions_that_were_not_reached_are_left_out(tmp_path):
    pixels = noise(1, 3, 2, 1, 8, 9)
    path = write_frames(tmp_path / "a.nd2", pixels, ["a"], positions=["A1", "A2", "A3"], left_out=[2, 3, 4, 5])
    (info,) = probe_all(path)
    assert any(n.startswith("2 of 3 positions hold nothing and are left out") for n in info.notes)
    np.testing.assert_array_equal(open_slide(path).region(), pixels[0, 0].max(0))
    with pytest.raises(InputError, match="stopped before the first"):
        probe_all(write_frames(tmp_path / "b.nd2", pixels, ["a"], left_out=range(6)))


def test_positions_of_micro_manager_that_were_not_reached_are_left_out(tmp_path):
    positions = noise(2, 1, 2, 1, 14, 11)
    path = write_micro_manager(tmp_path / "cells_MMStack.tif", positions, declared=4)
    infos = probe_all(path)
    assert len(infos) == 2
    for info, position in zip(infos, positions, strict=True):
        region = open_slide(path, selection=info.selection).region()
        np.testing.assert_array_equal(region, position[0].max(1))
