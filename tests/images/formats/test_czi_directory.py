"""A damaged CZI is refused in one sentence before the library sees it, which would end the process."""

import struct
import subprocess
import sys

import numpy as np
import pytest

from cellapp.errors import BudgetError, InputError
from cellapp.images.formats import czi_directory
from cellapp.images.formats.czi_directory import read_directory
from tests.images.czi_files import entries, mosaic, pack_as_jpeg_xr, write_tiles
from tests.images.slides import noise
from tests.paths import ROOT

READ = """
import sys
from cellapp.errors import InputError
from cellapp.images.read import open_slide
for path in sys.argv[1:]:
    try:
        open_slide(path, digest="damaged").region()
    except InputError as error:
        assert str(error) and "\\n" not in str(error), error
"""


@pytest.fixture
def made(tmp_path):
    """A mosaic of compressed tiles."""
    return write_tiles(tmp_path / "made.czi", mosaic(noise(48, 64), 16), compressed=True, scale_x=1e-6)


def test_the_directory_has_every_tile_and_the_text(made):
    directory = read_directory(made, "made")
    assert len(directory.tiles) == 12
    assert sorted((tile.spans["Y"].start, tile.spans["X"].start) for tile in directory.tiles) == [
        (y, x) for y in range(0, 48, 16) for x in range(0, 64, 16)
    ]
    assert "<Scaling>" in directory.xml


# Offsets from the begin of a tile's entry in the directory (e) or of its segment (s), and what is written there.
DAMAGE = {
    "pixels larger than the file": ("s", 32 + 8, "<q", 2**38),
    "negative size": ("s", 32 + 8, "<q", -5),
    "metadata larger than its place": ("s", 32, "<i", 2**30),
    "no tile": ("s", 0, "<q", 0),
    "a tile of another schema": ("s", 32 + 16, "<h", 0),
    "a tile of a million dimensions": ("s", 32 + 16 + 28, "<i", 10**6),
    "a place beyond the end": ("e", 6, "<q", 2**40),
    "a place before the begin": ("e", 6, "<q", -32),
    "an unknown type of pixel": ("e", 2, "<i", 77),
    "no dimensions": ("e", 28, "<i", 0),
    "a million dimensions": ("e", 28, "<i", 10**6),
    "another schema": ("e", 0, "<h", 0),
    "another file": ("e", 14, "<i", 3),
    "an enormous width": ("e", 32 + 8, "<i", 2**31 - 1),
    "a far place": ("e", 32 + 4, "<i", 2**31 - 1),
    "more stored than shown": ("e", 32 + 16, "<i", 2**29),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_numbers_that_cannot_be_are_refused(made, damage):
    where, offset, form, value = DAMAGE[damage]
    content = bytearray(made.read_bytes())
    entry, segment = entries(content)[4]
    struct.pack_into(form, content, {"e": entry, "s": segment}[where] + offset, value)
    made.write_bytes(content)
    with pytest.raises(InputError, match="^'made' ") as refused:
        read_directory(made, "made")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [(32 + 48, 2, "part 3 of a CZI in several files"), (32 + 52, 0, "was not finished"), (32 + 52, 2**40, "cut off")],
)
def test_the_header_says_what_is_wrong(made, offset, value, words):
    content = bytearray(made.read_bytes())
    struct.pack_into("<i" if offset == 32 + 48 else "<q", content, offset, value)
    made.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_directory(made, "made")


def test_no_damage_ends_the_process(made, tmp_path):
    """Cut and changed at random, most of all in the heads of segments, where every number is believed."""
    content, rng = made.read_bytes(), np.random.default_rng(0)
    heads = [0, *(at for place in entries(content) for at in place)]
    paths = [tmp_path / f"{i}.bin" for i in range(36)]
    for i, path in enumerate(paths):
        damaged = bytearray(content[: rng.integers(600, len(content))] if i % 6 == 0 else content)
        for _ in range(4):
            near = int(rng.choice(heads)) + int(rng.integers(16, 200)) if i % 2 else int(rng.integers(16, len(content)))
            damaged[min(near, len(damaged) - 1)] = int(rng.choice([0, 1, 127, 128, 255, rng.integers(256)]))
        path.write_bytes(damaged)
    done = subprocess.run([sys.executable, "-c", READ, *paths], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_compressed_tile_that_holds_a_larger_picture_is_refused(tmp_path):
    path = pack_as_jpeg_xr(write_tiles(tmp_path / "a.czi", mosaic(np.full((50, 50), 7, np.uint16), 50)))
    read_directory(path, "a.czi")
    content = bytearray(path.read_bytes())
    width = struct.pack("<H", 0xBC80)
    at = content.index(width, content.index(b"II\xbc"))
    struct.pack_into("<I", content, at + 8, 40_000)
    path.write_bytes(content)
    with pytest.raises(InputError, match="a tile of 2,500 pixels holds a picture of 2,000,000"):
        read_directory(path, "a.czi")


def test_tiles_that_do_not_fit_into_memory_are_refused_on_the_directory(made, monkeypatch):
    monkeypatch.setattr(czi_directory, "_LARGE_BYTES", 100)
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_BLOCK_BYTES", "511")
    with pytest.raises(BudgetError, match="512 bytes at a time"):
        read_directory(made, "a.czi")
