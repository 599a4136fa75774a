"""Agreement of cells against counting by hand, and its picture."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellapp.segmentation.agreement import THRESHOLDS, Outcome, compare_labels, mean_figures
from cellapp.segmentation.error_picture import COLOURS, draw_errors
from cellapp.segmentation.metrics import f1_score, score_labels

LABELS = arrays(np.int32, (6, 7), elements=st.integers(0, 3))


def pixels_of(labels):
    return [set(zip(*np.nonzero(labels == i), strict=True)) for i in sorted(set(labels[labels > 0].tolist()))]


def most_matches(pred, truth, threshold):
    """Try every assignment of the fewer to the more."""
    few, many = sorted((pred, truth), key=len)
    fits = [[len(a & b) / len(a | b) >= threshold for b in many] for a in few]
    return max((sum(fits[i][j] for i, j in enumerate(order)) for order in permutations(range(len(many)), len(few))),
               default=0)  # fmt: skip


def hausdorff(a, b):
    def away(one, other):
        return max(min(np.hypot(y - v, x - u) for v, u in other) for y, x in one)

    return max(away(a, b), away(b, a))


@settings(max_examples=60)
@given(pred=LABELS, truth=LABELS)
def test_figures_equal_counting(pred, truth):
    row, p, t = compare_labels(pred, truth).row(), pixels_of(pred), pixels_of(truth)
    for threshold in THRESHOLDS:
        hits = most_matches(p, t, threshold)
        union = len(p) + len(t) - hits
        assert row[f"ap{round(threshold * 100)}"] == pytest.approx(hits / union if union else 1)
    hits = most_matches(p, t, 0.5)
    assert row["recall"] == pytest.approx(hits / len(t) if t else float(not p))
    assert row["precision"] == pytest.approx(hits / len(p) if p else float(not t))
    assert row["f1"] == pytest.approx(f1_score(pred, truth))
    assert row["ap"] == pytest.approx(np.mean([row[f"ap{round(100 * x)}"] for x in THRESHOLDS]))
    on_truth = [sum(2 * len(a & b) >= len(a) for a in p) for b in t]
    on_pred = [sum(2 * len(a & b) >= len(b) for b in t) for a in p]
    assert (row["n_split"], row["n_merged"]) == (sum(n > 1 for n in on_truth), sum(n > 1 for n in on_pred))
    score = score_labels(pred, truth)
    assert {name: row[name] for name in vars(score)} == vars(score)


@settings(max_examples=60)
@given(pred=LABELS, truth=LABELS)
def test_distances_equal_those_of_all_pairs_of_pixels(pred, truth):
    p, t = pixels_of(pred), pixels_of(truth)
    # from more than a half on the match of a cell is the only one
    matched = [(a, b) for a, b in product(p, t) if 2 * len(a & b) > len(a | b)]
    if len(matched) != most_matches(p, t, 0.5):
        return
    expected = np.mean([hausdorff(a, b) for a, b in matched]) if matched else None
    assert compare_labels(pred, truth).hausdorff_px == (expected and pytest.approx(expected))


@settings(max_examples=40)
@given(labels=LABELS, factor=st.integers(1, 9))
def test_the_truth_is_found_whole(labels, factor):
    agreement = compare_labels(labels * factor, labels)
    assert set(agreement.true) | set(agreement.predicted) <= {Outcome.FOUND}
    assert agreement.row()["ap"] == 1
    assert agreement.hausdorff_px in (0, None)


def bars(*spans):
    labels = np.zeros((8, 60), np.int32)
    for number, (start, stop) in enumerate(spans, start=1):
        labels[:, start:stop] = number
    return labels


TRUTH = bars((0, 10), (12, 22), (22, 32), (34, 44), (50, 54))
FOUND = bars((0, 10), (12, 32), (34, 39), (39, 44), (56, 60))


def test_what_was_missed_doubled_and_merged_is_told():
    agreement = compare_labels(FOUND, TRUTH)
    assert list(agreement.true) == ["found", "merged", "merged", "doubled", "missed"]
    assert list(agreement.predicted) == ["found", "merged", "doubled", "doubled", "extra"]
    row = agreement.row()
    assert [row[f"n_{name}"] for name in ("missed", "split", "merged", "extra")] == [1, 1, 1, 1]


def test_images_without_matches_have_no_part_in_the_mean_distance():
    mean = mean_figures([compare_labels(TRUTH, TRUTH).row(), compare_labels(TRUTH * 0, TRUTH).row()])
    assert (mean["hausdorff_px"], mean["recall"]) == (0, 0.5)


@pytest.mark.parametrize("ground", [None, np.full((16, 120, 3), 90, np.uint8)])
def test_the_picture_has_each_kind_in_its_colour(ground):
    drawn = draw_errors(compare_labels(FOUND, TRUTH), ground)
    drawn = drawn[: drawn.shape[1] * 8 // 60]  # without the legend
    colours = {"#{:02X}{:02X}{:02X}".format(*pixel) for pixel in drawn.reshape(-1, 3).tolist()}
    assert set(COLOURS.values()) <= colours
