"""Results are those of the images that are done; classes by hand are the store's, which is ahead of the files."""

import pytest

from cellapp.store import labels, runs
from cellapp.ui.session.results import condition_of, results_of
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def run(tmp_path):
    return seed_run([seed_image(tmp_path, seed=seed, name=f"{seed}.tif", side=128) for seed in (1, 2)])


def test_rows_are_the_cells_of_all_images_that_are_done(run):
    results = results_of(run)
    assert len(results.cells) == run.n_cells
    assert results.cells.index.tolist() == list(range(run.n_cells))
    assert results.done == {image.image_id for image in run.images}
    assert results.classes == ("cancer", "normal")
    runs.set_image_status(run.id, run.images[0].image_id, "failed", error="e")
    half = results_of(runs.get_run(run.id))
    assert half.done == {run.images[1].image_id}
    assert set(half.cells["image_id"]) <= half.done


def test_a_class_by_hand_counts_at_once_in_its_image_only(run):
    before = results_of(run)
    image_id = run.images[0].image_id
    cell_id = int(before.cells.query("image_id == @image_id")["cell_id"].iloc[0])
    labels.relabel(run.id, image_id, {cell_id: "normal"})
    after = results_of(run)
    assert after.version_key != before.version_key
    by_hand = after.called().query("manual_label != ''")
    assert by_hand[["image_id", "cell_id", "outcome"]].to_numpy().tolist() == [[image_id, cell_id, "normal"]]
    assert (before.called()["manual_label"] == "").all()


@pytest.mark.parametrize("threshold", [0.01, 0.99])
def test_another_threshold_calls_other_cells_and_keeps_probabilities(run, threshold):
    results = results_of(run)
    called = results.called(threshold)
    sure = called[called["outcome"].isin(results.classes)]
    assert ((sure["p_cancer"] >= threshold) == (sure["outcome"] == "cancer")).all()
    assert called["p_cancer"].equals(results.cells["p_cancer"])


def test_a_condition_not_given_is_a_group_of_its_own():
    groups = condition_of({"a": {"dose": "5"}, "b": {"dose": ""}, "c": {}}, "dose")
    assert groups == {"a": "5", "b": "not given", "c": "not given"}


@pytest.mark.parametrize("threshold", [None, 0.2])
def test_calls_are_made_once_and_leave_the_table_of_the_files_alone(run, threshold):
    results = results_of(run)
    before = results.cells.copy()
    called = results.called(threshold)
    assert results_of(run).called(threshold) is called
    assert results.cells.equals(before)
    assert "outcome" not in results.cells
    for image_id in results.done:
        assert results.called_of(image_id, threshold).equals(called[called["image_id"] == image_id])
    assert results.called_of("none", threshold).empty
