"""Figures by kind, and those of the card recomputed from the weights that ship."""

import json

import pytest

from cellapp.config import REPOSITORY
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.segmentation.classical import Classical
from cellapp.training.segmenter.evaluate import evaluate_segmenter, score_picture
from cellapp.training.segmenter.source_images import Kind, read_labelled_images
from tests.paths import shared_data

METRICS = REPOSITORY / "models" / "compact" / "metrics.json"
TOLERANCE = 0.03  # other processors round otherwise, and a cell more or less moves a small image


def test_validation_images_are_scored_by_kind(data):
    figures = evaluate_segmenter(Classical(), data, n_synthetic=2)
    assert set(figures["kinds"]) == {Kind.STAINED, Kind.SYNTHETIC}
    assert figures["kinds"][Kind.SYNTHETIC]["n_images"] == 2
    assert set(figures["images"]) == {"dsb2018_b", "synthetic_9000", "synthetic_9001"}
    for row in figures["kinds"].values():
        assert row["segmenter"] == row["classical"]  # here they are one
        assert 0 <= row["segmenter"]["ap75"]["mean"] <= row["segmenter"]["ap50"]["mean"] <= 1
    json.dumps(figures, allow_nan=False)


def test_the_mean_lies_in_its_interval_and_one_image_has_none(data):
    figures = evaluate_segmenter(Classical(), data, n_synthetic=3)["kinds"]
    for figure in figures[Kind.SYNTHETIC]["segmenter"].values():
        assert figure["low"] is None or figure["low"] <= figure["mean"] <= figure["high"]
    assert figures[Kind.STAINED]["segmenter"]["ap50"]["low"] is None


def test_nothing_to_score_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        evaluate_segmenter(Classical(), tmp_path, n_synthetic=0)


@pytest.mark.slow
def test_the_shipped_weights_reach_the_figures_of_the_card():
    """A handful of each kind, from the weights, against what metrics.json says of the same images."""
    expected = json.loads(METRICS.read_text())
    wanted = {Kind.FLUORESCENCE: 6, Kind.STAINED: 2, Kind.PHASE: 1, Kind.SYNTHETIC: 2}
    segmenter = load_model("compact", dtype="float32", device="cpu")
    assert expected["segmenter"] == segmenter.name
    for picture in read_labelled_images(shared_data("segmentation"), "val", expected["n_synthetic"]):
        if wanted.get(picture.kind, 0) > 0:
            wanted[picture.kind] -= 1
            found = score_picture(segmenter, picture).ap50
            assert found == pytest.approx(expected["images"][picture.name], abs=TOLERANCE), picture.name
    assert not any(wanted.values())
