"""A leak is caught: a mark per slide makes a split by cell look good, and slides not seen show there is nothing."""

import numpy as np
import pandas as pd
import pytest

from cellapp.evaluation.more_groups import half_of
from cellapp.training.classifier.cross_validation import LabelledVectors, fit_and_hold_out
from cellapp.training.classifier.leakage import leaky_scores
from cellapp.training.classifier.learning_curve import learning_curve
from cellapp.training.classifier.validation import validate
from tests.classification.heads import PURPOSE, toy_cells


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 40)
        yield


def watermarked(seed, n_groups=16, per_group=12):
    """Vectors of noise with a mark of their slide; each slide is of one class, and nothing tells the classes apart."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), per_group)
    features = rng.normal(size=(len(groups), 24)) + 4 * rng.normal(size=(n_groups, 24))[groups]
    classes = rng.permutation(np.arange(n_groups) % 2)
    return LabelledVectors(features, [("cancer", "normal")[classes[g]] for g in groups], [f"s{g}" for g in groups])


def table(data, held_out, classes):
    columns = {"file": [f"{k:04d}.tif" for k in range(len(data.labels))], "group": data.groups}
    columns |= {"fold": held_out.fold_of, "truth": data.labels}
    return pd.DataFrame(columns | {f"p_{name}": held_out.probabilities[:, k] for k, name in enumerate(classes)})


@pytest.mark.parametrize("seed", range(1))
def test_a_watermark_per_slide_is_caught(seed):
    data = watermarked(seed)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    leaky = leaky_scores(data, PURPOSE, "cancer")
    facts = {"head": "h@1", "positive": "cancer", "validated": True, "reason": None, "n_groups": 16}
    found = validate(table(data, held_out, head.classes), facts | {"grouped_by": "slide"}, leaky).metrics
    assert found["leaky"]["balanced_accuracy"] > 0.95
    assert found["grouped"]["balanced_accuracy"] < 0.75
    assert found["gap"] == pytest.approx(
        found["leaky"]["balanced_accuracy"] - found["grouped"]["balanced_accuracy"], abs=2e-4
    )
    assert "split by cell it would seem right for" in found["doubts"][0]
    assert "slides" in found["doubts"][0]


def test_cells_that_differ_by_class_leave_no_gap():
    data = toy_cells(shift=4)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    leaky = leaky_scores(data, PURPOSE, "cancer")
    assert leaky["balanced_accuracy"] - head.metrics["balanced_accuracy"] < 0.03


def test_where_every_cell_is_its_own_group_nothing_can_leak():
    data = toy_cells(per_group=5)
    alone = LabelledVectors(data.features, data.labels, [str(k) for k in range(len(data.labels))])
    assert leaky_scores(alone, PURPOSE, "cancer") is None


def test_the_learning_curve_ends_in_the_head_itself_and_rises_with_groups():
    data = toy_cells(n_groups=16, per_group=8, shift=1.5, n_features=30)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    points = learning_curve(data, held_out.fold_of, held_out.probabilities, head.metrics["regularisation"])
    sizes = [point["n_groups"] for point in points]
    assert sizes == sorted(set(sizes))
    assert len(points) == 4
    assert points[-1]["balanced_accuracy"] == head.metrics["balanced_accuracy"]
    assert points[-1]["n_groups"] == pytest.approx(16 * 4 / 5, abs=0.5)
    assert points[0]["balanced_accuracy"] < points[-1]["balanced_accuracy"]
    assert all(point["low"] <= point["balanced_accuracy"] <= point["high"] for point in points)
    half, rise = half_of(points), points[-1]["rise"]
    assert rise["value"] == pytest.approx(points[-1]["balanced_accuracy"] - half["balanced_accuracy"], abs=2e-4)
    assert rise["low"] <= rise["value"] <= rise["high"]
    assert all("rise" not in point for point in points[:-1])


def test_two_groups_per_class_give_a_curve_without_repeated_points():
    data = toy_cells(n_groups=2)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    assert len(learning_curve(data, held_out.fold_of, held_out.probabilities, 0.1)) == 1


def test_a_head_that_was_not_validated_has_no_scores_and_says_what_to_photograph():
    data = toy_cells(n_groups=1)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    assert held_out is None
    facts = {"reason": head.metrics["reason"], "grouped_by": "slide", "groups_per_class": {"cancer": 1, "normal": 1}}
    found = validate(None, facts).metrics
    assert (found["scores"], found["grouped"], found["leaky"], found["gap"]) == ({}, None, None, None)
    assert found["sentence"].startswith("Not validated: every cell of 'cancer' and of 'normal' is from one slide")
    assert "Photograph a second slide of 'cancer'" in found["doubts"][0]
    assert "no score could be trusted" in facts["reason"]
