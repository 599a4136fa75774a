"""crops.zip of parts is crops.zip, however the cells were divided."""

import hashlib
import pickle
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.counts import outcome
from cellapp.exports.crop_files import CropLook, shown_columns
from cellapp.exports.crop_parts import write_part
from cellapp.exports.crops_zip import write_crops
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropSettings
from tests.exports.toy import toy_analysis

CLASSES = ("cancer", "normal")
ANALYSIS, SLIDE = toy_analysis(9)
STYLE = ImageStyle.of(SLIDE, ANALYSIS.info.channels, ANALYSIS.roles)
CROPS = CropSettings(size_px=24)


def pack(path, parts=(), source=SLIDE):
    """Return the digest of crops.zip."""
    write_crops(source, ANALYSIS.mask, ANALYSIS.cells, path, style=STYLE, settings=CROPS, classes=CLASSES, parts=parts)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("whole") / "crops.zip")


@settings(max_examples=8)
@given(st.lists(st.integers(0, 3), min_size=len(ANALYSIS.cells), max_size=len(ANALYSIS.cells)))
def test_parts_of_any_cells_in_any_order_give_the_bytes_of_one_piece(tmp_path_factory, whole, part_of):
    folder, cells = tmp_path_factory.mktemp("parts"), ANALYSIS.cells
    shown, look = shown_columns(cells, outcome(cells)), CropLook.of(STYLE, CROPS, CLASSES)
    drawn = []
    for number in set(part_of):
        some = shown[[part == number for part in part_of]].iloc[::-1]
        drawn.append(write_part(SLIDE, ANALYSIS.mask, some, folder / f"{number}.zip", look))
    assert pack(folder / "crops.zip", drawn, source=None) == whole
    assert zipfile.ZipFile(folder / "crops.zip").testzip() is None


def test_what_is_sent_to_draw_is_small():
    look = CropLook.of(STYLE, CROPS, CLASSES)
    assert len(pickle.dumps(look)) < 2000, "the overview of the image must not travel with each part"
