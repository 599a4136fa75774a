"""Figures by kind, and those of the card recomputed from the weights that ship."""

import json

import numpy as np
import pytest
from PIL import Image

from cellapp.config import REPOSITORY
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.classical import Classical
from cellapp.training.segmenter.evaluate import drop_ignored, evaluate_segmenter, score_image
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.pictures import (
    GAP_PX,
    PREDICTED_RGB,
    TRUE_RGB,
    best_images,
    draw_compared,
    draw_failure,
    worst_images,
)
from cellapp.training.segmenter.source_images import read_labelled_images
from tests.paths import shared_data
from tests.segmentation.phantoms import discs

pytestmark = pytest.mark.slow

METRICS = REPOSITORY / "models" / "compact" / "metrics.json"
TOLERANCE = 0.03  # other processors round otherwise, and a cell more or less moves a small image


def test_validation_images_are_scored_by_kind(data):
    figures = evaluate_segmenter(Classical(), data, n_synthetic=2)
    assert set(figures["kinds"]) == {Kind.STAINED, Kind.SYNTHETIC, Kind.LONG}
    assert figures["kinds"][Kind.SYNTHETIC]["n_images"] == figures["kinds"][Kind.LONG]["n_images"] == 2
    drawn = {f"{kind}_{seed}" for kind in (Kind.SYNTHETIC, Kind.LONG) for seed in (9000, 9001)}
    assert set(figures["images"]) == {"dsb2018_b"} | drawn
    for row in figures["kinds"].values():
        assert row["segmenter"] == row["classical"]  # here they are one
        assert 0 <= row["segmenter"]["ap75"]["mean"] <= row["segmenter"]["ap50"]["mean"] <= 1
    json.dumps(figures, allow_nan=False)


def test_the_mean_lies_in_its_interval_and_one_image_has_none(data):
    figures = evaluate_segmenter(Classical(), data, n_synthetic=3)["kinds"]
    for figure in figures[Kind.SYNTHETIC]["segmenter"].values():
        assert figure["low"] is None or figure["low"] <= figure["mean"] <= figure["high"]
    assert figures[Kind.STAINED]["segmenter"]["ap50"]["low"] is None


def test_cells_where_nobody_labelled_are_no_errors():
    labels = discs((60, 90), [(30, 20), (30, 60)], 12)
    ignore = np.zeros(labels.shape, bool)
    ignore[:, 45:] = True
    assert np.unique(drop_ignored(labels, ignore)).tolist() == [0, 1]
    ignore[:, 45:62] = False  # less than half of the second
    assert np.array_equal(drop_ignored(labels, ignore), labels)


def test_nothing_to_score_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        evaluate_segmenter(Classical(), tmp_path, n_synthetic=0)


def test_the_shipped_weights_reach_the_figures_of_the_card():
    """A handful of each kind, from the weights, against what metrics.json says of the same images."""
    expected = json.loads(METRICS.read_text())
    wanted = {Kind.FLUORESCENCE: 4, Kind.STAINED: 2, Kind.PHASE: 1, Kind.SYNTHETIC: 1}
    segmenter = load_model("compact-stained", dtype="float32", device="cpu")
    assert expected["segmenter"] == segmenter.name
    for picture in read_labelled_images(shared_data("segmentation"), "val", expected["n_synthetic"]):
        if wanted.get(picture.kind, 0) > 0:
            wanted[picture.kind] -= 1
            found = score_image(segmenter, picture).ap50
            assert found == pytest.approx(expected["images"][picture.name], abs=TOLERANCE), picture.name
        if not any(wanted.values()):
            break
    assert not any(wanted.values())


def test_so_does_the_network_for_cells_without_stain(tmp_path):
    """On images drawn anew, which no file has to be there for, and picked by the default segmenter itself."""
    expected = json.loads((REPOSITORY / "models" / "compact-labelfree" / "metrics.json").read_text())
    pair = load_model("compact", dtype="float32", device="cpu")
    kinds = [Kind.SIMULATED_DIC, Kind.SIMULATED_BRIGHTFIELD]
    for picture in read_labelled_images(tmp_path, "val", 0, n_label_free=1, kinds=kinds):
        assert segment_image(picture.slide, pair).segmenter == expected["segmenter"]
        assert score_image(pair, picture).ap50 == pytest.approx(expected["images"][picture.name], abs=TOLERANCE)


@pytest.fixture
def pictures(data):
    return [*read_labelled_images(data, "train", 1), *read_labelled_images(data, "val", 1)]


def test_the_worst_of_each_kind_is_chosen(pictures):
    ap50 = {picture: 0.9 - at / 10 for at, picture in enumerate(pictures)}
    worst = worst_images(ap50)
    assert worst.keys() == {picture.kind for picture in pictures}
    for kind, picture in worst.items():
        assert ap50[picture] == min(value for other, value in ap50.items() if other.kind is kind)


def test_the_best_of_a_kind_has_several_cells_and_is_not_its_worst(data):
    pictures = list(read_labelled_images(data, "val", 3, kinds=[Kind.SYNTHETIC]))
    ap50 = dict(zip(pictures, (0.4, 0.9, 0.7), strict=True))
    assert best_images(ap50) == {Kind.SYNTHETIC: pictures[1]}
    assert best_images({pictures[0]: 0.4}) == {}


def test_segmenters_are_shown_side_by_side_on_the_same_part(pictures, tmp_path):
    synthetic = next(picture for picture in pictures if picture.kind is Kind.SYNTHETIC)
    draw_compared([Classical(), Classical()], synthetic, tmp_path / "both.png", good=True)
    shown = np.asarray(Image.open(tmp_path / "both.png"))
    half = (shown.shape[1] - GAP_PX) // 2
    np.testing.assert_array_equal(shown[:, :half], shown[:, -half:])


def test_a_picture_is_small_and_shows_both_outlines(pictures, tmp_path):
    synthetic = next(picture for picture in pictures if picture.kind is Kind.SYNTHETIC)
    draw_failure(Classical(), synthetic, tmp_path / "new" / "worst.png")
    path = tmp_path / "new" / "worst.png"
    assert path.stat().st_size < 60_000
    shown = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    for colour in (TRUE_RGB, PREDICTED_RGB):
        assert (shown == colour).all(axis=1).any()


def test_an_image_smaller_than_the_window_is_shown_whole(pictures, tmp_path):
    draw_failure(Classical(), pictures[0], tmp_path / "worst.png")
    assert Image.open(tmp_path / "worst.png").size == (192, 192)
