"""Whether classes are an answer: more than half unlike, or a head for show, and what is counted then."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.answer import FOR_SHOW, NO_CLASSIFIER, Answer, Fitness, counted_apart, judge, pool
from cellapp.cells.counts import REJECTED, UNLIKE, count, outcome
from cellapp.exports.tables import count_row

CLASSES = ("cancer", "normal")
SHOWN = "trained on synthetic cells"


def table(rows, **columns):
    names = ["qc_pass", "label", "unsure", "unlike_training", "manual_label"]
    cells = pd.DataFrame(list(rows), columns=names, index=pd.RangeIndex(1, len(rows) + 1, name="cell_id"))
    labels = cells["label"].to_numpy()
    return cells.assign(**{f"p_{name}": (labels == name).astype(float) for name in CLASSES}, **columns)


def flagged(n_like, n_unlike):
    return table([(True, "cancer", False, i < n_unlike, "") for i in range(n_like + n_unlike)])


ROWS = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["", *CLASSES]),
        st.booleans(),
        st.sampled_from([True, True, False]),
        st.sampled_from(["", "", "", "cancer", "mitotic"]),
    ),
    max_size=12,
)
lawful = settings(max_examples=20, deadline=None)


@pytest.mark.parametrize(
    ("n_like", "n_unlike", "fitness"),
    [
        (0, 0, "none"),
        (1, 0, "fit"),
        (0, 1, "unfit"),
        (1, 1, "fit"),
        (11, 11, "fit"),
        (10, 11, "unfit"),
        (1, 21, "unfit"),
    ],
)
def test_more_than_half_is_the_limit(n_like, n_unlike, fitness):
    answer = judge(flagged(n_like, n_unlike))
    assert answer.fitness == fitness
    assert (answer.reason == "") == (fitness == "fit")
    assert answer.verdict == (NO_CLASSIFIER if fitness == "unfit" else "")
    assert answer.share_unlike == (n_unlike / (n_like + n_unlike) if n_like + n_unlike else None)
    for_show = judge(flagged(n_like, n_unlike), SHOWN)
    assert for_show.fitness == ("unfit" if n_like + n_unlike else "none")
    if n_like + n_unlike:
        assert for_show.reason.startswith("demonstration head, trained on synthetic cells")
        assert for_show.verdict == (NO_CLASSIFIER if n_unlike > n_like else FOR_SHOW)
        assert (f"{n_unlike} of {n_like + n_unlike} unlike" in for_show.reason) == (n_unlike > n_like)


@lawful
@given(ROWS)
def test_only_cells_whose_class_is_the_heads_decide(rows):
    speaks = [row for row in rows if row[0] and row[1] and not row[4]]
    answer = judge(table(rows))
    assert (answer.n_classified, answer.n_unlike) == (len(speaks), sum(row[3] for row in speaks))
    others = [row for row in rows if row not in speaks]
    assert judge(table([*rows, *others])) == answer


def test_tables_without_a_head_have_no_answer():
    for cells in (pd.DataFrame({"qc_pass": [True, False]}), flagged(0, 0), table([(False, "", False, False, "")])):
        assert judge(cells, SHOWN).fitness is Fitness.NONE
        assert not counted_apart(cells).any()


def test_missing_flags_are_no_flags():
    cells = flagged(1, 2).assign(manual_label=None, unlike_training=[True, None, None])
    assert judge(cells).n_unlike == 1
    assert judge(flagged(0, 3).drop(columns="unlike_training")).fitness is Fitness.FIT


@lawful
@given(st.lists(ROWS.filter(bool), min_size=1, max_size=3), st.sampled_from(["", SHOWN]))
def test_the_images_together_are_their_rows_together(images, demonstration):
    tables = [table(rows, image_id=f"i{n}") for n, rows in enumerate(images)]
    every = pd.concat(tables)
    rows = [count_row(cells, demonstration) for cells in tables]
    assert pool(rows, demonstration) == judge(every, demonstration)
    counts = count(every, CLASSES)
    for name in CLASSES:
        assert counts.n_of[name] == sum(row[f"n_{name}"] for row in rows)
    assert counts.n_apart == sum(count(cells, CLASSES).n_apart for cells in tables)
    assert outcome(every).tolist() == [name for cells in tables for name in outcome(cells)]


@lawful
@given(ROWS)
def test_a_majority_unlike_is_apart_and_in_no_fraction(rows):
    cells = table(rows)
    apart, answer, counts = counted_apart(cells), judge(cells), count(cells, CLASSES)
    assert apart.sum() == counts.n_apart == (answer.n_unlike if answer.mostly_unlike else 0)
    assert counts.n_cells == (
        counts.n_called + counts.n_rejected + counts.n_unsure + counts.n_unclassified + counts.n_apart
    )
    alone = count(cells[~apart].assign(unlike_training=False), CLASSES)
    assert dict(alone.n_of) == dict(counts.n_of)
    assert not set(outcome(cells)[apart]) - {UNLIKE}
    assert REJECTED not in set(outcome(cells)[apart])


@lawful
@given(ROWS, st.sampled_from(["", SHOWN]))
def test_the_row_of_an_image_says_what_is_decided(rows, demonstration):
    cells = table(rows)
    row, answer = count_row(cells, demonstration), judge(cells, demonstration)
    assert (row["answer"], row["answer_reason"]) == (answer.fitness, answer.reason)
    assert (row["n_classified"], row["n_unlike_training"]) == (answer.n_classified, answer.n_unlike)
    called = count(cells, CLASSES).n_called
    for name in CLASSES:
        assert (row[f"fraction_{name}"] is None) == (called == 0)
        assert (row[f"fraction_{name}_low"] is None) == (answer.unfit and called == 0)


def test_a_head_that_is_not_for_show_names_itself_in_its_reason():
    assert Answer(22, 21).reason == "21 of 22 unlike the training cells of the head"
