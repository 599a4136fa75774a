"""What the third step of Train shows of a head: the pair of scores, its tabs, and galleries that relabel."""

import json

import numpy as np
import pytest

from cellapp.evaluation.held_out_calls import calls_table, read_held_out
from cellapp.jobs import queue
from cellapp.jobs.train import train
from cellapp.jobs.training_cells import TrainRequest
from cellapp.store.cells import manual_labels
from cellapp.store.head_evaluations import held_out_images
from cellapp.store.labels import list_labels
from cellapp.ui.learn import error_gallery
from cellapp.ui.learn.evidence import evidence_of, memory_of
from cellapp.ui.learn.evidence_tabs import TABS
from tests.jobs.trainable import trainable_run

PAGE = "pages/learn/train.py"
CHARTS = {"Classes": 3, "Images": 1, "Probabilities": 1, "More data": 1}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Few draws, and nothing that another test left in the caches."""
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
    evidence_of.clear()
    memory_of.clear()


def words(app):
    kinds = ("markdown", "caption", "warning", "info")
    return " ".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


@pytest.fixture
def trained(tmp_path):
    """A head of a run, with two cells whose held-out calls are made to contradict the label, and a curve."""
    run = trainable_run(tmp_path)
    values = {"project_id": run.project_id, "run_ids": [run.id], "column": "cell_line", "name": "lines"}
    values["recipe"] = {"folds": 2, "grid": {"strengths": (0.1,)}}
    head = train(TrainRequest.model_validate(values))
    calls = read_held_out(head.folder)
    calls.probabilities[:2] = np.where(calls.codes[:2, None] == np.arange(2), 0.01, 0.99)
    calls_table(calls).to_csv(head.folder / "folds.csv", index=False)
    metrics = json.loads((head.folder / "metrics.json").read_text())
    points = [{"n_groups": n, "n_cells": 9 * n, "balanced_accuracy": 0.8, "low": 0.78, "high": 0.82} for n in (2, 4)]
    (head.folder / "metrics.json").write_text(json.dumps(metrics | {"learning_curve": points}))
    return run, head, calls


def test_the_honest_score_stands_beside_the_leaky_one_and_each_tab_has_its_charts(open_page, trained, monkeypatch):
    app = open_page(PAGE)
    honest, leaky = app.metric
    assert honest.label == "On unseen images: honest"
    assert leaky.label == "Split by cell: leaky"
    assert leaky.delta.endswith("points")
    assert "split by cell it would seem right for" in words(app).replace("Split", "split")
    table = app.dataframe[-1].value.set_index("Score")
    assert table.loc["Sensitivity", "Of"] == "MCF10A"
    assert table.loc["Balanced accuracy", "Of"] == "all classes"
    for tab, n_charts in CHARTS.items():
        app.session_state[TABS] = tab
        app.run()
        assert not app.exception, tab
        assert len(app.get("plotly_chart")) == n_charts, tab
        assert not app.metric, "only the open tab is worked out"
    assert "More images like these would hardly help" in words(app)
    monkeypatch.setattr("cellapp.ui.learn.evidence.held_out_images", lambda *_: {})
    memory_of.clear()
    app.session_state[TABS] = "Doubtful labels"
    app.run()
    assert not app.exception
    assert "not of a run of this project that is still here" in words(app)


def test_a_doubtful_label_is_one_click_from_the_other_class_and_can_be_taken_back(open_page, trained, monkeypatch):
    run, head, calls = trained
    drawn, pressed = {}, []

    def act(tiles, *, key, tile_px):
        drawn[key.split("_")[1]] = tiles
        return pressed.pop() if pressed else None

    monkeypatch.setattr(error_gallery, "act_on_tiles", act)
    app = open_page(PAGE)
    app.session_state[TABS] = "Doubtful labels"
    app.run()
    assert not app.exception
    assert "scored by the fold that did not see its image" in words(app)
    first = drawn["doubts"][0]
    name, _, cell_id = first.key.rpartition("/")
    image_id = held_out_images(run.project_id, head.identity.rpartition("@")[2])[name].image
    truth = calls.truth[calls.cells.index(next(one for one in calls.cells if one.startswith(f"{first.key}@")))]
    other = next(one for one in calls.classes if one != truth)
    assert first.action == f"Make it {other}"
    assert first.bar.text.endswith("µm")
    app.text_input(key="train_who_doubts").set_value("Ada").run()
    pressed.append(first.key)
    app.run()
    assert not app.exception
    assert manual_labels(run.id) == {image_id: {int(cell_id): other}}
    assert [one.who for one in list_labels(run.project_id)] == ["Ada"]
    assert {job.kind for job in queue.list_jobs(run.project_id)} == {"relabel"}
    (now,) = [tile for tile in drawn["doubts"] if tile.key == first.key]
    assert (now.action, now.caption) == ("Take back", f"now {other}")
    pressed.append(first.key)
    app.run()
    assert manual_labels(run.id) == {}
    app.session_state[TABS] = "Errors"
    app.run()
    assert first.key in [tile.key for tile in drawn["errors"]]
