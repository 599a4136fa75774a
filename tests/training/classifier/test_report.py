"""Files beside a head say what the data say."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cellapp.evaluation.curves import reliability
from cellapp.evaluation.scores import measure_calls
from cellapp.training.classifier.cross_validation import fit_and_hold_out
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import BY_FILE, head_metrics, held_out_table, write_head_report
from cellapp.training.labelled_crops import LabelledCrops
from tests.classification.heads import PURPOSE, toy_cells


@pytest.fixture(autouse=True, scope="module")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
        yield


DATA = toy_cells(n_groups=6, per_group=6)


def dataset(grouped_by="slide", data=DATA):
    files = [f"{row}.tif" for row in range(len(data.labels))]
    crops = LabelledCrops("folder", files, data.labels, data.groups, grouped_by)
    return SimpleNamespace(crops=crops, digests=[f"{row:064d}" for row in range(len(files))], left_out=["x.tif: no"])


@pytest.fixture(scope="module")
def trained():
    return fit_and_hold_out(DATA, PURPOSE)


def metrics_of(trained, **options):
    head, held_out = trained
    other = np.tile([0.25, 0.75], (len(DATA.labels), 1))
    return head_metrics(head, dataset(**options), "own", {"own": held_out.probabilities, "other": other})


def test_figures_are_those_of_the_held_out_calls(trained):
    head, held_out = trained
    metrics = metrics_of(trained)
    whole = measure_calls(held_out.probabilities, DATA.codes, DATA.classes, "cancer")
    assert metrics["methods"]["own"]["auc"]["value"] == whole["auc"]
    assert list(metrics["methods"]) == ["own", "other"]
    assert metrics["methods"]["other"]["sensitivity"]["value"] == 0
    positive = np.asarray(DATA.labels) == "cancer"
    column = held_out.probabilities[:, head.classes.index("cancer")]
    assert metrics["reliability"] == reliability(column, positive)


def test_counts_are_those_of_the_pictures(trained):
    metrics = metrics_of(trained)
    assert metrics["n"] == metrics["n_cancer"] + metrics["n_normal"] == len(DATA.labels)
    assert (metrics["n_groups"], metrics["grouped_by"], metrics["warning"]) == (6, "slide", None)
    assert metrics["left_out"] == ["x.tif: no"]


def test_figures_by_file_carry_a_warning(trained):
    assert metrics_of(trained, grouped_by=None)["warning"] == BY_FILE


def test_a_head_that_was_not_validated_has_no_figures():
    data = toy_cells(n_groups=1)
    head, held_out = fit_and_hold_out(data, PURPOSE)
    assert held_out is None
    metrics = head_metrics(head, dataset(data=data), "own", {})
    assert (metrics["validated"], metrics["methods"], metrics["reliability"]) == (False, {}, [])
    assert "one group only" in metrics["reason"]
    assert metrics["method"] == "own"


def test_the_table_has_a_row_per_picture(trained):
    head, held_out = trained
    table = held_out_table(dataset(), held_out.fold_of, held_out.probabilities, head.classes)
    assert list(table.columns) == ["file", "sha256", "group", "fold", "truth", "p_cancer", "p_normal"]
    np.testing.assert_array_equal(table[["p_cancer", "p_normal"]], held_out.probabilities)
    assert table["truth"].tolist() == DATA.labels
    assert table.groupby("group")["fold"].nunique().max() == 1


def test_what_is_written_can_be_read_again(trained, tmp_path):
    head, held_out = trained
    head = SimpleNamespace(**vars(head) | {"training": {"pictures_sha256": "0" * 64}})
    metrics = metrics_of(trained)
    calls = held_out_table(dataset(), held_out.fold_of, held_out.probabilities, head.classes)
    write_head_report(tmp_path, head, HeadRecipe(folds=4), metrics, calls)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert "folds = 4" in (tmp_path / "recipe.toml").read_text()
    assert (tmp_path / "card.md").read_text().startswith("# toy\n")
    assert len(pd.read_csv(tmp_path / "folds.csv")) == len(DATA.labels)


def test_without_held_out_calls_there_is_no_table(trained, tmp_path):
    head = SimpleNamespace(**vars(trained[0]) | {"training": {"pictures_sha256": "0" * 64}})
    write_head_report(tmp_path, head, HeadRecipe(), metrics_of(trained), None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.md", "metrics.json", "recipe.toml"]
