import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from cellapp.labelling.agreement import agreements, cohen_kappa

CLASSES = st.sampled_from(["normal", "cancer", "a, b", "клетка"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=30))
@pytest.mark.filterwarnings("ignore")  # scikit-learn divides zero by zero where chance gives full agreement
def test_kappa_is_that_of_scikit_learn(pairs):
    first, second = zip(*pairs, strict=True)
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second), nan_ok=True)


def test_people_are_compared_on_the_cells_they_share_only():
    rows = [("i", 1, "Ada", "a"), ("i", 1, "Bo", "a"), ("i", 2, "Ada", "a"), ("i", 2, "Bo", "b"), ("j", 2, "Bo", "a")]
    words = pd.DataFrame([*rows, ("j", 9, "Cy", "a")], columns=["image_id", "cell_id", "who", "class_name"])
    (one,) = agreements(words)
    assert (one.people, one.n_cells, one.n_same) == (("Ada", "Bo"), 2, 1)
    assert one.kappa == pytest.approx(cohen_kappa_score(["a", "a"], ["a", "b"]))
    assert agreements(words.iloc[:0]) == ()
