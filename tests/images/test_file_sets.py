"""Files that are one image together are found among others, once."""

import numpy as np
import pytest
import tifffile

from cellapp.images.file_sets import gather_sets, image_files, is_one_image
from cellapp.images.probe import probe_all
from tests.paths import shared_case, shared_data


@pytest.fixture
def folder(tmp_path):
    """The set of case 09 with a lone image beside it."""
    for path in (shared_case("09-ome-multifile") / "set").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((8, 8), np.uint8))
    return tmp_path


def test_a_set_is_one_image_from_any_of_its_files_in_any_order(folder):
    paths = sorted(folder.iterdir())
    for order in (paths, paths[::-1], [paths[0], paths[2]], [*paths, *paths]):
        found = image_files(order)
        assert {first.name for first in found} == {"b.tif", "cells_c0.ome.tif"}
        assert [len(members) for first, members in found.items() if "cells" in first.name] == [2]
    (info,) = probe_all(folder / "cells_c1.ome.tif")
    assert info.shape[0] == 2


def test_a_set_among_others_gets_a_folder_of_its_own(folder, tmp_path):
    gathered = gather_sets(sorted(folder.iterdir()), tmp_path / "sets")
    assert sorted(path.name for path in gathered) == ["b.tif", "cells_c0.ome.tif"]
    whole = next(path for path in gathered if path.is_dir())
    (info,) = probe_all(whole)
    assert info.shape[0] == 2


def test_a_measurement_is_one_image_given_as_folder_or_by_its_files():
    plate = shared_data("instrument_files/operetta_plate")
    assert is_one_image(plate)
    assert is_one_image(plate / "Images")
    assert list(image_files(sorted((plate / "Images").iterdir()))) == [plate / "Images" / "Index.idx.xml"]


def test_a_folder_of_images_is_none(folder):
    assert not is_one_image(folder)
    assert not is_one_image(folder / "b.tif")
