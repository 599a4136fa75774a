"""Planes spread over files are read as what their samples mean, like those of a single TIFF."""

import numpy as np
import pytest
import tifffile

from cellapp.images.probe import probe_all
from cellapp.images.read import open_slide
from tests.images.many_images import write_harmony, write_set
from tests.images.slides import noise

SCENE = noise(1, 2, 3, 40, 50, dtype="uint8")
TABLE = np.random.default_rng(0).integers(0, 2**16, (3, 256)).astype(np.uint16)  # colours of a photograph

MEANINGS = {
    "white is zero": {"photometric": "miniswhite"},
    "on its side": {"photometric": "minisblack", "extratags": [(274, "H", 1, 6, True)]},
    "upside down and white is zero": {"photometric": "miniswhite", "extratags": [(274, "H", 1, 4, True)]},
    "12 bits are used": {"photometric": "minisblack", "extratags": [(281, "H", 1, 63, True)]},
    "plain": {"photometric": "minisblack"},
}
WAYS = {
    "set": lambda folder, scene, **options: write_set(folder, scene, 2, companion=False, **options)[0],
    "companion": lambda folder, scene, **options: write_set(folder, scene, 3, companion=True, **options)[-1],
    "harmony": lambda folder, scene, **options: write_harmony(folder, {(1, 1, 1): scene}, **options),
}


def same(several, one):
    """Compare what is said and read of an image in several files and in one."""
    (info,), (expected,) = probe_all(several), probe_all(one)
    assert (info.shape, info.dtype, info.bits, info.levels) == (
        *(expected.shape, expected.dtype, expected.bits),
        expected.levels,
    )
    assert set(expected.notes) <= set(info.notes)
    np.testing.assert_array_equal(open_slide(several).region(), open_slide(one).region())
    whole, part = open_slide(several).region(), np.s_[:, 7:23, 11:40]
    np.testing.assert_array_equal(open_slide(several).levels[0][part], whole[part])


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("way", WAYS)
def test_samples_mean_the_same_in_several_files_as_in_one(tmp_path, way, meaning):
    several = WAYS[way](tmp_path / "several", SCENE, **MEANINGS[meaning])
    stack = {"ome": True, "metadata": {"axes": "TCZYX"}}
    tifffile.imwrite(tmp_path / "one.ome.tif", SCENE, **stack, **MEANINGS[meaning])
    same(several, tmp_path / "one.ome.tif")


@pytest.mark.parametrize("way", WAYS)
def test_indexed_colours_are_a_photograph_in_several_files_too(tmp_path, way):
    plane = SCENE[:, :1, :1]
    several = WAYS[way](tmp_path / "several", plane, photometric="palette", colormap=TABLE)
    tifffile.imwrite(tmp_path / "one.tif", plane[0, 0, 0], photometric="palette", colormap=TABLE)
    same(several, tmp_path / "one.tif")
    assert probe_all(several)[0].shape == (3, 40, 50)
