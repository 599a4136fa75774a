"""Scores of files and folders."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.errors import InputError
from cellapp.segmentation.metrics_files import score_paths
from tests.paths import shared_case
from tests.segmentation.phantoms import grid_of_discs

TRUTH = grid_of_discs(8, n=2).astype(np.uint16)


@pytest.fixture
def folders(tmp_path):
    """An --out folder of two images and a truth folder of three, one of them a PNG."""
    for stem, labels in (("a", TRUTH), ("b", TRUTH * 0)):
        (tmp_path / "out" / stem).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "out" / stem / "labels.tif", labels.astype(np.uint32))
    (tmp_path / "truth").mkdir()
    tifffile.imwrite(tmp_path / "truth" / "a.tif", TRUTH)
    Image.fromarray(TRUTH).save(tmp_path / "truth" / "b.png")
    tifffile.imwrite(tmp_path / "truth" / "c.tif", TRUTH)
    return tmp_path


def test_folders_are_matched_by_stem(folders):
    result = score_paths(folders / "out", folders / "truth")
    assert [(row["image"], row["ap50"]) for row in result["images"]] == [("a", 1), ("b", 0)]
    assert (result["n"], result["mean"]["ap50"]) == (2, 0.5)
    assert (result["without_prediction"], result["without_truth"]) == (["c"], [])


def test_a_flat_folder_of_predictions_works_too(folders):
    assert score_paths(folders / "truth", folders / "truth")["mean"]["ap75"] == 1


@pytest.mark.parametrize("pred", ["out/a/labels.tif", "out/a"])
def test_one_prediction_against_one_file_needs_no_stem(folders, pred):
    result = score_paths(folders / pred, folders / "truth" / "c.tif")
    assert (result["images"][0]["image"], result["mean"]["ap50"]) == ("a", 1)


def test_no_common_stem_is_said(folders):
    with pytest.raises(InputError, match="share no stem"):
        score_paths(folders / "out", folders / "truth" / "c.tif")


def test_what_cannot_be_read_is_named(folders):
    (folders / "truth" / "a.tif").write_text("no picture")
    result = score_paths(folders / "out", folders / "truth")
    assert [row["image"] for row in result["images"]] == ["b"], "the other pair is scored all the same"
    assert "'a.tif' is not an image" in result["failed"]["a"]
    with pytest.raises(InputError, match="'a.tif' is not an image"):
        score_paths(folders / "out" / "a", folders / "truth" / "a.tif")


def test_pairs_of_equal_names_are_told_by_their_folders(folders):
    other = folders / "other" / "a"
    other.mkdir(parents=True)
    tifffile.imwrite(other / "labels.tif", np.zeros((3, 5), np.uint32))
    with pytest.raises(InputError, match="out/a/labels.tif against other/a/labels.tif"):
        score_paths(folders / "out" / "a", other / "labels.tif")


def test_labels_as_other_programs_write_them_score_as_the_same_cells(folders):
    for written in (TRUTH.astype(np.float32), np.where(TRUTH, TRUTH, -1).astype(np.int16), TRUTH[None]):
        tifffile.imwrite(folders / "truth" / "a.tif", written)
        assert score_paths(folders / "out" / "a", folders / "truth" / "a.tif")["mean"]["ap75"] == 1


def test_fractions_are_no_labels(folders):
    tifffile.imwrite(folders / "truth" / "a.tif", TRUTH.astype(np.float32) + 0.5)
    assert "whole numbers" in score_paths(folders / "out", folders / "truth")["failed"]["a"]


@pytest.mark.parametrize("case", ["float", "neg"])
def test_whole_floats_and_minus_one_as_background_are_read(case):
    folder = shared_case("19-score-labels") / case
    assert score_paths(folder / "pred", folder / "truth")["mean"]["ap50"] == 1


def test_empty_and_absent_places_are_refused(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no "):
            score_paths(place, place)
