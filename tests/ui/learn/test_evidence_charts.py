"""Charts show the numbers they are given, with true classes in rows and names that cannot be markup."""

import numpy as np

from cellapp.ui.learn.evidence_charts import (
    calibration_chart,
    confusion_chart,
    groups_chart,
    learning_chart,
    precision_recall_chart,
    roc_chart,
)


def test_rows_of_the_confusion_are_true_classes():
    figure = confusion_chart(np.array([[8, 2], [0, 0]]), ("<b>cancer</b>", "normal"))
    heat = figure.data[0]
    assert heat.y[0] == "&lt;b&gt;cancer&lt;/b&gt;"
    assert np.allclose(heat.z, [[0.8, 0.2], [0, 0]])
    assert heat.text[0][1] == "2<br>20 %"
    assert figure.layout.yaxis.title.text == "true class"


def test_curves_are_drawn_beside_what_guessing_gives():
    roc = {"false_positive_rate": [0, 0.1, 1], "true_positive_rate": [0, 0.9, 1], "threshold": [1, 0.5, 0]}
    figure = roc_chart(roc, 0.9, "cancer")
    assert list(figure.data[1].y) == [0, 0.9, 1]
    assert "area 0.900" in figure.layout.title.text
    assert "area" not in roc_chart(roc, None, "cancer").layout.title.text
    bins = [{"low": 0.1, "high": 0.2, "n": 4, "said": 0.15, "was": 0.25}]
    assert list(calibration_chart(bins, 0.031, "cancer").data[1].y) == [0.25]
    assert "3.1 points off" in calibration_chart(bins, 0.031, "cancer").layout.title.text


def test_only_the_worst_of_many_groups_are_drawn():
    rows = [{"group": str(k), "classes": "a", "n": 3, "accuracy": k / 40} for k in range(40)]
    figure = groups_chart(rows, "slide")
    assert len(figure.data[0].y) == 30
    assert figure.data[0].y[0] == "0"
    assert "the worst 30" in figure.layout.title.text


def test_precision_stands_beside_what_calling_every_cell_so_would_reach():
    curve = {"recall": [1, 0.5, 0], "precision": [0.4, 0.8, 1], "threshold": [0, 0.5, 1]}
    figure = precision_recall_chart(curve, 0.7, "cancer", 0.4)
    assert list(figure.data[0].y) == [0.4, 0.4]
    assert list(figure.data[1].y) == [0.4, 0.8], "the end, where no cell is called so, is not drawn"
    assert "average 0.700" in figure.layout.title.text


def test_bars_and_points_have_their_intervals_and_none_where_there_is_none():
    rows = [
        {"n_groups": 2, "n_cells": 20, "balanced_accuracy": 0.7, "low": None, "high": None},
        {"n_groups": 4, "n_cells": 40, "balanced_accuracy": 0.8, "low": 0.75, "high": 0.9},
    ]
    line = learning_chart(rows, "slides", 2).data[1]
    assert list(line.x) == [2, 4]
    assert np.allclose(line.error_y.array, [0, 0.1])
    assert np.allclose(line.error_y.arrayminus, [0, 0.05])
    bars = groups_chart([{"group": "a", "classes": "x", "n": 5, "accuracy": 0.6, "low": 0.3, "high": 0.8}], "slide")
    assert np.allclose(bars.data[0].error_x.array, [0.2])
