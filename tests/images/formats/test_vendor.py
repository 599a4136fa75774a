"""CZI, ND2 and LIF read like every other image."""

import subprocess
import sys

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.images.formats import vendor
from cellapp.images.probe import probe
from cellapp.images.read import open_slide
from cellapp.types.image import Region
from tests.images.microscope_files import write_czi, write_lif, write_nd2
from tests.images.slides import noise

pytestmark = pytest.mark.slow

WRITERS = {"czi": write_czi, "lif": write_lif, "nd2": write_nd2}
PIXELS = noise(2, 40, 60)


@pytest.fixture(params=WRITERS)
def made(request, tmp_path):
    """A file of each format, under a name that does not give it away."""
    path = tmp_path / f"made.{request.param}"
    return request.param, WRITERS[request.param](path, PIXELS, ["Gray", "Green"], 0.25).rename(tmp_path / "upload.bin")


def test_pixels_names_and_size_are_read(made):
    kind, path = made
    slide = open_slide(path)
    assert (slide.info.format, slide.info.shape, slide.info.dtype) == (kind, (2, 40, 60), "uint16")
    assert slide.info.channels == ("Gray", "Green")
    assert slide.info.um_per_px == pytest.approx(0.25)
    np.testing.assert_array_equal(slide.region(), PIXELS)
    np.testing.assert_array_equal(slide.region(Region(5, 7, 11, 13)), PIXELS[:, 5:16, 7:20])


def test_large_files_are_read_plane_by_plane(made, monkeypatch):
    monkeypatch.setattr(vendor, "_KEEP_BYTES", 0)
    slide = open_slide(made[1])
    np.testing.assert_array_equal(slide.region(Region(5, 7, 11, 13)), PIXELS[:, 5:16, 7:20])
    np.testing.assert_array_equal(slide.levels[0][1:, :, :], PIXELS[1:])


def test_a_cut_off_file_is_one_sentence(made):
    _, path = made
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(InputError) as refused:
        open_slide(path, name="cut").region()
    assert "\n" not in str(refused.value)
    assert "'cut'" in str(refused.value)


def test_a_missing_reader_is_told_with_its_install_line(made, monkeypatch):
    kind, path = made
    monkeypatch.setitem(sys.modules, vendor.READERS[kind], None)
    with pytest.raises(InputError, match=f"pip install bioio bioio-{kind}"):
        probe(path)


def test_reading_other_formats_loads_no_bioio():
    code = "import sys, cellapp.images.read, cellapp.images.preprocess; sys.exit('bioio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
