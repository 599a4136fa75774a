"""Moving the threshold gives what `Predictions` would have given with it."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.counts import classes_of
from cellapp.classification.cell_columns import add_predictions, positive_class
from cellapp.classification.predict import predict, rethreshold, unsure_band
from cellapp.settings import ClassifySettings
from tests.classification.heads import random_embeddings, random_head

CLASSES = ("cancer", "normal")


def _cells(p):
    p = np.asarray(p, float)
    return pd.DataFrame({"p_cancer": p, "p_normal": 1 - p, "label": "", "margin": 0.0, "unsure": False})


@settings(max_examples=60, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), max_size=20),
    low=st.floats(0.05, 0.95),
    high=st.floats(0.05, 0.95),
    margin=st.floats(0, 1),
)
def test_a_higher_threshold_never_gives_more_positives(p, low, high, margin):
    low, high = sorted((low, high))
    n = [
        (rethreshold(_cells(p), CLASSES, threshold=t, unsure_margin=margin)["label"] == "cancer").sum()
        for t in (low, high)
    ]
    assert n[0] >= n[1]


@settings(max_examples=60, deadline=None)
@given(p=st.floats(0, 1), threshold=st.floats(0.05, 0.95), margin=st.floats(0, 0.95))
def test_the_band_holds_exactly_the_unsure_cells(p, threshold, margin):
    low, high = unsure_band(threshold, margin)
    if min(abs(p - low), abs(p - high)) < 1e-9:
        return  # on the edge rounding decides
    unsure = rethreshold(_cells([p]), CLASSES, threshold=threshold, unsure_margin=margin)["unsure"].iloc[0]
    assert unsure == (low < p < high)


def test_rejected_cells_keep_no_label():
    table = rethreshold(_cells([0.9, np.nan]), CLASSES, threshold=0.5, unsure_margin=0.2)
    assert table["label"].tolist() == ["cancer", ""]
    assert table["unsure"].tolist() == [False, False]


def test_three_classes_go_by_the_largest_probability():
    cells = pd.DataFrame({"p_a": [0.2], "p_b": [0.5], "p_c": [0.3]})
    assert rethreshold(cells, ("a", "b", "c"), threshold=0.9, unsure_margin=0.1)["label"].tolist() == ["b"]


def test_counting_without_a_head_is_left_alone():
    cells = pd.DataFrame({"qc_pass": [True]})
    assert rethreshold(cells, (), threshold=0.5, unsure_margin=0.2) is cells
    assert rethreshold(cells, CLASSES, threshold=0.5, unsure_margin=0.2) is cells


def test_no_cells():
    assert len(rethreshold(_cells([]), CLASSES, threshold=0.5, unsure_margin=0.2)) == 0


def test_the_positive_class_is_the_one_of_the_head():
    head = random_head(classes=("cancer", "normal"), positive="normal")
    predictions = predict(head, random_embeddings(6))
    table = add_predictions(pd.DataFrame(index=pd.Index(predictions.cell_ids, name="cell_id")), predictions)
    classes = classes_of(table)
    assert (positive_class(classes), classes) == ("normal", ("normal", "cancer"))
    again = rethreshold(table, classes, threshold=0.8, unsure_margin=0.2)
    expected = predict(head, random_embeddings(6), ClassifySettings(threshold=0.8))
    assert again["label"].tolist() == expected.labels.tolist()
