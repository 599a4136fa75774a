"""Chunks that an OME-Zarr does not store are told; damaged ones are refused in a sentence."""

import shutil

import numpy as np
import pytest
import zarr

from cellapp.errors import InputError
from cellapp.images.read import open_slide
from tests.images.slides import noise

AXES = [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}]


def write(path, pixels: np.ndarray, *, zarr_format: int = 2, compressors: object = "auto"):
    """Write two levels in chunks of 16 px; a chunk of zeros is not stored, as zarr does it."""
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for name, step in (("0", 1), ("1", 2)):
        level = pixels[:, ::step, ::step]
        options = {"shape": level.shape, "dtype": level.dtype, "chunks": (1, 16, 16), "compressors": compressors}
        group.create_array(name, fill_value=0, **options)[...] = level
    metadata = {"version": "0.5", "multiscales": [{"axes": AXES, "datasets": [{"path": "0"}, {"path": "1"}]}]}
    group.attrs.update({"ome": metadata} if zarr_format == 3 else metadata)
    return path


def chunks(path, level: str):
    return sorted(f for f in (path / level).rglob("*") if f.is_file() and f.suffix != ".json" and f.name[0] != ".")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("lost", [False, True])
def test_chunks_that_are_not_stored_are_told(tmp_path, zarr_format, lost):
    pixels = noise(2, 64, 64) | 1
    if not lost:
        pixels[1, :16, :16] = 0
    path = write(tmp_path / "a.zarr", pixels, zarr_format=zarr_format)
    if lost:
        chunks(path, "0")[16].unlink()
        pixels[1, :16, :16] = 0
    slide = open_slide(path)
    assert slide.info.notes[0].startswith("1 of 32 chunks are not stored and are read as 0:")
    np.testing.assert_array_equal(slide.region(), pixels)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_levels_without_a_chunk_are_left_out_and_told(tmp_path, zarr_format):
    path = write(tmp_path / "a.zarr", noise(1, 64, 64), zarr_format=zarr_format)
    for chunk in chunks(path, "1"):
        chunk.unlink()
    slide = open_slide(path)
    assert slide.info.levels == ((64, 64),)
    assert "1 of 2 pyramid levels have no chunks and are left out." in slide.info.notes


def test_a_lost_full_level_is_refused(tmp_path):
    path = write(tmp_path / "a.zarr", noise(1, 64, 64))
    for chunk in chunks(path, "0"):
        chunk.unlink()
    with pytest.raises(InputError, match="'a.zarr' has lost its full resolution: none of its 16 chunks is there"):
        open_slide(path)


def test_an_image_of_nothing_but_zeros_is_an_image(tmp_path):
    slide = open_slide(write(tmp_path / "a.zarr", np.zeros((1, 64, 64), np.uint8)))
    assert "16 of 16 chunks" in slide.info.notes[0]
    assert not slide.region().any()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("compressors", ["auto", None])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cut_off_chunk_is_one_sentence(tmp_path, zarr_format, compressors, share):
    path = write(tmp_path / "a.zarr", noise(1, 64, 64), zarr_format=zarr_format, compressors=compressors)
    chunk = chunks(path, "0")[3]
    chunk.write_bytes(chunk.read_bytes()[: int(chunk.stat().st_size * share)])
    with pytest.raises(InputError) as refused:
        open_slide(path).region()
    assert "'a.zarr'" in str(refused.value)
    assert "\n" not in str(refused.value)
    shutil.rmtree(path)
