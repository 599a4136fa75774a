"""What the calls of a run rest on is measured on an even sample, and kept until its cells are segmented anew."""

import os

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.counts import outcome
from cellapp.errors import Cancelled, InputError
from cellapp.exports.explanations import read_explanation_summary
from cellapp.exports.tables import read_cells
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.summarise_explanations import summarise_explanations
from cellapp.pipeline.run_sample import sample_evenly, sample_run
from cellapp.settings import AnalyseSettings
from cellapp.store import projects, runs, uploads
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """One slide of a few cells and one without any."""
    folder = tmp_path_factory.mktemp("slides")
    return [
        write_demo(folder / str(n), SyntheticSettings(height=256, width=256, seed=n, density=d)).slide
        for n, d in enumerate((0.4, 0.0))
    ]


def make_run(slides, **classify):
    project = projects.default_project()
    ids = [uploads.add_image(project.id, path, f"slide {n}.tif").id for n, path in enumerate(slides)]
    settings = AnalyseSettings.model_validate({"classify": classify})
    run = runs.create_run(project.id, ids, settings)
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    run = runs.get_run(run.id)
    return run, runs.run_folder(run.id), [image.stem for image in run.images]


def test_every_classified_cell_of_a_small_run_is_measured_and_kept(slides):
    run, folder, stems = make_run(slides)
    fractions = []
    result = HANDLERS["regions"]({"run_id": run.id, "target": "cancer"}, lambda step, part: fractions.append(part))
    table = read_explanation_summary(folder, stems, "cancer")
    cells = read_cells(folder / stems[0] / "cells.parquet")
    assert table.index.tolist() == cells.index[cells["label"] != ""].tolist()
    assert result["n_cells"] == len(table) > 0
    assert set(table["stem"]) == {stems[0]}
    assert fractions == sorted(fractions)
    assert 0 <= min(fractions) <= max(fractions) < 1


def test_another_class_or_cells_found_anew_need_another_look(slides):
    run, folder, stems = make_run(slides)
    summarise_explanations(run.id, "cancer")
    assert read_explanation_summary(folder, stems, "normal") is None
    later = (folder / "regions_cancer.parquet").stat().st_mtime + 10
    os.utime(folder / stems[0] / "labels.tif", (later, later))
    assert read_explanation_summary(folder, stems, "cancer") is None


def test_a_run_without_cells_has_an_empty_table(slides):
    run, folder, stems = make_run(slides[1:])
    assert len(summarise_explanations(run.id, "cancer")) == 0
    assert len(read_explanation_summary(folder, stems, "cancer")) == 0


def test_without_a_head_nothing_is_drawn_and_an_unknown_class_is_refused(slides):
    run, *_ = make_run(slides[:1], head=None)
    assert sample_run(runs.run_folder(run.id), [run.images[0].stem]) == {}
    with pytest.raises(InputError, match="no class 'fungus'"):
        summarise_explanations(make_run(slides[:1])[0].id, "fungus")


def test_cancelling_keeps_nothing(slides):
    run, folder, stems = make_run(slides[:1])

    def cancel(step, fraction):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        summarise_explanations(run.id, "cancer", cancel)
    assert read_explanation_summary(folder, stems, "cancer") is None


def test_the_sample_is_even_over_calls(slides):
    _, folder, stems = make_run(slides)
    chosen = sample_run(folder, stems, 4)
    drawn = pd.concat([outcome(cells) for cells in chosen.values()])
    assert len(drawn) == 4
    assert drawn.value_counts().max() <= 4 - drawn.nunique() + 1


@settings(max_examples=50, deadline=None)
@given(groups=st.lists(st.sampled_from("abc"), max_size=40), n=st.integers(0, 50), seed=st.integers(0, 5))
def test_groups_are_taken_in_turn_until_they_are_empty(groups, n, seed):
    rows = pd.Series(groups, index=range(100, 100 + len(groups)), dtype=object)
    chosen = sample_evenly(rows, n, seed)
    assert len(chosen) == min(n, len(rows))
    assert chosen.tolist() == sorted(set(chosen))
    taken, there = rows[chosen].value_counts(), rows.value_counts()
    left = [name for name in there.index if taken.get(name, 0) < there[name]]
    assert all(taken.get(name, 0) + 1 >= max(taken, default=0) for name in left)


def test_the_same_seed_draws_the_same_cells():
    rows = pd.Series(["cancer"] * 500 + ["normal"] * 20)
    assert sample_evenly(rows, 40).tolist() == sample_evenly(rows, 40).tolist()
    assert (rows[sample_evenly(rows, 40)] == "normal").sum() == 20
