"""Scores follow from counting."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellapp.errors import InputError
from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.metrics import f1_score, score_labels
from tests.paths import ROOT
from tests.segmentation.phantoms import grid_of_discs

LABELS = arrays(np.int32, (8, 8), elements=st.integers(0, 4))


def squares(*columns):
    labels = np.zeros((10, 100), np.int32)
    for number, x in enumerate(columns, start=1):
        labels[:, x : x + 10] = number
    return labels


@settings(max_examples=40, deadline=None)
@given(labels=LABELS)
def test_the_truth_itself_is_perfect_under_any_names(labels):
    score = score_labels(labels * 7, labels)
    assert (score.ap50, score.ap75, score.dice, score.iou) == (1, 1, 1, 1)


@settings(max_examples=40, deadline=None)
@given(one=LABELS, other=LABELS)
def test_scores_are_symmetric_and_between_0_and_1(one, other):
    there, back = score_labels(one, other), score_labels(other, one)
    assert (there.ap50, there.ap75, there.dice) == (back.ap50, back.ap75, back.dice)
    assert 0 <= there.ap75 <= there.ap50 <= 1


def test_hits_misses_and_extras_are_counted():
    score = score_labels(squares(0, 22, 80), squares(0, 20, 50))
    # IoU 1, 8/12 and none: at 0.5 two of four, at 0.75 one of five.
    assert (score.ap50, score.ap75) == (2 / 4, 1 / 5)
    assert (score.n_pred, score.n_truth) == (3, 3)
    assert (score.dice, score.iou) == (2 * 18 / 60, 18 / 42)


def test_merged_cells_are_one_wrong_cell():
    truth = squares(0, 10)
    score = score_labels((truth > 0).astype(int), truth)
    assert score.dice == 1
    assert score.ap75 == 0


def test_many_cells():
    truth = grid_of_discs(4, n=40)
    assert score_labels(truth, truth).n_truth == 1600


def test_nothing_against_nothing_is_perfect_and_against_something_is_nil():
    empty, one = np.zeros((10, 100), int), squares(3)
    assert score_labels(empty, empty).ap50 == score_labels(empty, empty).dice == 1
    assert score_labels(empty, one).ap50 == score_labels(one, empty).ap50 == 0


@pytest.mark.parametrize(
    ("pred", "says"),
    [
        (np.zeros((10, 100)), "whole numbers"),
        (np.zeros((10, 99), int), "one size"),
        (np.zeros((3, 10, 100), int), "one plane"),
        (np.full((10, 100), -1), "from 0 up"),
    ],
)
def test_what_is_no_label_image_is_refused(pred, says):
    with pytest.raises(InputError, match=says):
        score_labels(pred, squares(0))


@settings(max_examples=40, deadline=None)
@given(one=LABELS, other=LABELS)
def test_average_precision_is_that_of_cellpose(one, other):
    from cellpose.metrics import average_precision

    one[0, 0] = other[0, 0] = 0  # cellpose takes the first id of an image for the background
    one, other = relabel(one), relabel(other)
    score = score_labels(one, other)
    if one.any() and other.any():  # cellpose gives NaN for two empty images
        expected, *_ = average_precision([other], [one], threshold=[0.5, 0.75])
        np.testing.assert_allclose((score.ap50, score.ap75), expected[0], rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(one=LABELS, other=LABELS)
def test_overlaps_are_those_counted_pair_by_pair(one, other):
    score = score_labels(one, other)
    pairs = [
        ((one == a) & (other == b)).sum() / ((one == a) | (other == b)).sum()
        for a in np.unique(one[one > 0])
        for b in np.unique(other[other > 0])
    ]
    above_half = sum(iou > 0.5 for iou in pairs)  # at more than a half no cell has two partners
    assert score.ap50 * (score.n_pred + score.n_truth - above_half) >= above_half - 1e-9
    assert score.iou <= score.dice <= 1


@settings(max_examples=30, deadline=None)
@given(one=LABELS, other=LABELS, least=st.sampled_from([0.5, 0.75, 0.9]))
def test_f1_is_symmetric_falls_with_the_limit_and_follows_from_precision(one, other, least):
    score = f1_score(one, other, least)
    assert score == f1_score(other, one, least)
    assert score <= f1_score(one, other, 0.3)
    ap = score_labels(one, other).ap50
    assert f1_score(one, other, 0.5) == pytest.approx(2 * ap / (1 + ap))


def test_scoring_needs_no_torch():
    probe = "import cellapp.segmentation.metrics_files, sys; print('torch' in sys.modules, 'cellpose' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
