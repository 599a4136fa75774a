"""Every file of real instruments opens on the command line; tests/images/test_instrument_files.py says as what."""

import json

import pytest

from tests.cases.told import command
from tests.images.test_instrument_files import APERIO, FILES
from tests.paths import shared_data

LARGE = (APERIO, "qupath_ome_tiff/OS-1-detail.ome.tif")
TOGETHER = [file for file in FILES if file not in LARGE and not file.startswith("operetta_plate/")]


def test_each_is_read_and_each_image_counted(tmp_path):
    paths = [shared_data(f"instrument_files/{file}") for file in TOGETHER]
    status, lines, said = command("segment", *paths, "--out", tmp_path, "--segmenter", "classical", "--json")
    assert status == 0, said
    assert len(json.loads(lines[-1])["images"]) == sum(n_of(paths))


def n_of(paths):
    """Images of each file, sets once."""
    of = {file: FILES[file][0] for file in TOGETHER}
    members = [file for file in TOGETHER if file.startswith("ome_tiff_multifile")]
    return [n for file, n in of.items() if file not in members[1:]]


@pytest.mark.parametrize("file", LARGE)
def test_large_ones_are_opened_as_far_as_their_header(tmp_path, file):
    path = shared_data(f"instrument_files/{file}")
    status, _, said = command("segment", path, "--out", tmp_path, "--segmenter", "classical", "--scene", "2")
    assert status == 2
    assert "has one scene, no scene 2" in said
