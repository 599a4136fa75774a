"""The headline of Classify, and the cells its sections share."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.answer import judge
from cellapp.cells.counts import count
from cellapp.ui.classify.called_cells import EVERY_IMAGE, THIS_IMAGE, ClassifyState, headline, share_table
from tests.ui.tables import CLASSES, cell_table


def test_the_headline_counts_cells_images_and_doubts():
    cells = cell_table(200)
    text = headline(cells, CLASSES, n_images=2)
    assert text.startswith("**200 cells in 2 images**: **")
    assert "unlike the training cells" in text
    assert headline(cells.iloc[:0], CLASSES, n_images=1) == "**0 cells in 1 image**"
    assert "cancer" not in headline(cells[["image_id", "qc_pass"]], (), n_images=2)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 30))
def test_the_headline_gives_the_share_that_the_table_gives(n, seed):
    cells = cell_table(n, seed).assign(unlike_training=False)  # where most are unlike, there is no share to give
    row = share_table(cells, CLASSES, {"a": "all", "b": "all"}).iloc[0]
    text = headline(cells, CLASSES, n_images=2)
    assert (f"**{row['share'] * 100:.0f} % cancer**" in text) == (row["n"] > 0)
    assert (f"({row['low'] * 100:.0f} to {row['high'] * 100:.0f})" in text) == (row["n"] > 0)


def test_the_headline_of_several_classes_gives_the_share_of_each_and_names_are_text():
    several = ("cancer", "a*b", "normal")
    cells = cell_table(60).assign(unlike_training=False, **{"p_a*b": 0.0})
    text = headline(cells, several, n_images=2)
    shares = count(cells, several)
    assert f"**{shares.fraction('cancer').value * 100:.0f} % cancer**" in text
    assert f" {shares.fraction('normal').value * 100:.0f} % normal (" in text
    assert r"0 % a\*b (0 to" in text
    of_normal = share_table(cells, several, {"a": "all", "b": "all"}, target="normal").iloc[0]
    assert of_normal["share"] == shares.fraction("normal").value


def state_of(cells, *, image="a", scope=EVERY_IMAGE, threshold=0.5):
    called = lambda at: cells.assign(at=at)  # noqa: E731
    of = lambda one, at: called(at)[cells["image_id"] == one]  # noqa: E731
    results = SimpleNamespace(called=called, called_of=of, classes=CLASSES, version_key="v")
    return ClassifyState(results, {}, SimpleNamespace(id=image), threshold, scope)


def test_scope_narrows_the_cells_and_nothing_else():
    cells = cell_table(30)
    every, this = state_of(cells), state_of(cells, scope=THIS_IMAGE)
    assert len(every.cells) == len(every.all_cells) == len(this.all_cells) == 30
    assert set(this.cells["image_id"]) == {"a"}
    assert this.cells.index.tolist() == every.image_cells.index.tolist()
    assert set(this.cells["at"]) == {0.5}


def test_the_version_changes_with_all_that_changes_calls():
    cells = cell_table(3)
    options = ({}, {"image": "b"}, {"scope": THIS_IMAGE}, {"threshold": 0.6})
    assert len({state_of(cells, **option).version_key for option in options}) == len(options)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 30), n_unlike=st.integers(0, 40))
def test_no_share_stands_in_a_headline_that_is_no_answer(n, seed, n_unlike):
    cells = cell_table(n, seed).assign(unlike_training=np.arange(n) < n_unlike)
    for demonstration in ("", "trained on synthetic cells"):
        answer = judge(cells, demonstration)
        text = headline(cells, CLASSES, n_images=2, demonstration=demonstration)
        assert ("%" in text) == (answer.fitness == "fit" and count(cells, CLASSES).n_called > 0)
        assert ("No classifier for cells like these yet." in text) == (answer.unfit and answer.mostly_unlike)
        shares = share_table(cells, CLASSES, {"a": "all", "b": "all"}, demonstration)
        assert shares["unfit"].tolist() == [answer.unfit]
