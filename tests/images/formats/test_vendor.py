"""CZI, ND2 and LIF read like every other image: by region, from any thread and process, or refused in one sentence."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.images.probe import probe
from cellapp.images.read import open_slide, reads_regions
from cellapp.types.image import Region
from tests.images.microscope_files import write_czi, write_lif, write_nd2
from tests.images.slides import noise

WRITERS = {"czi": write_czi, "lif": write_lif, "nd2": write_nd2}
PACKAGES = {"czi": "pylibCZIrw", "lif": "liffile", "nd2": "nd2"}
PIXELS = noise(2, 40, 60)


@pytest.fixture(params=WRITERS)
def made(request, tmp_path):
    """A file of each format, under a name that does not give it away."""
    path = tmp_path / f"made.{request.param}"
    return request.param, WRITERS[request.param](path, PIXELS, ["Gray", "0405"], 0.25).rename(tmp_path / "upload.bin")


def test_pixels_names_and_size_are_read(made):
    kind, path = made
    slide = open_slide(path)
    assert (slide.info.format, slide.info.shape, slide.info.dtype) == (kind, (2, 40, 60), "uint16")
    assert slide.info.channels == ("Gray", "0405")
    assert slide.info.um_per_px == pytest.approx(0.25)
    assert not slide.info.notes
    np.testing.assert_array_equal(slide.region(), PIXELS)
    np.testing.assert_array_equal(slide.region(Region(5, 7, 11, 13)), PIXELS[:, 5:16, 7:20])


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("names", [["", "", ""], ["Red", "Green", "Blue"]])
def test_three_stains_are_no_photograph(tmp_path, kind, names):
    info = probe(WRITERS[kind](tmp_path / f"stains.{kind}", noise(3, 20, 30), names, 0.25))
    assert info.is_photo is False
    assert info.channels == (tuple(names) if any(names) else ("channel 1", "channel 2", "channel 3"))


def test_any_block_is_that_of_the_whole(made):
    level = open_slide(made[1]).levels[0]
    for key in np.s_[1:, 3:9, :], np.s_[:1, ::3, 5:50:7], np.s_[:, 40:, :], np.s_[:, :0, 2:3], np.s_[:, -4:, -5:-1]:
        np.testing.assert_array_equal(level[key], PIXELS[key])


def test_no_copy_of_the_full_level_is_made(made):
    assert reads_regions(made[1], probe(made[1]))


def test_levels_are_read_by_several_threads_and_in_other_processes(made):
    levels = open_slide(made[1]).levels
    levels[0][:, :1, :1]  # opened here, and opened anew there
    levels = pickle.loads(pickle.dumps(levels))
    boxes = [(y, x) for y in range(0, 40, 5) for x in range(0, 60, 6)]
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda box: levels[0][:, box[0] : box[0] + 5, box[1] : box[1] + 6], boxes)
        for (y, x), part in zip(boxes, parts, strict=True):
            np.testing.assert_array_equal(part, PIXELS[:, y : y + 5, x : x + 6])


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_off_file_is_one_sentence(made, keep):
    _, path = made
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(InputError) as refused:
        open_slide(path, name="cut").region()
    assert "\n" not in str(refused.value)
    assert "'cut'" in str(refused.value)


def test_a_missing_reader_is_told_with_its_install_line(made, monkeypatch):
    kind, path = made
    monkeypatch.setitem(sys.modules, PACKAGES[kind], None)
    with pytest.raises(InputError, match=f"^{kind.upper()} files need .*: pip install {PACKAGES[kind]}$"):
        probe(path)


def test_reading_other_formats_loads_no_vendor_library():
    code = f"import sys, cellapp.images.read; sys.exit(any(name in sys.modules for name in {[*PACKAGES.values()]}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
