import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event

from cellapp.cells.counts import outcome
from cellapp.errors import StoreError
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store.cells import COLUMNS, delete_cells, load_cells, save_cells
from cellapp.store.database import engine
from cellapp.store.labels import relabel
from cellapp.store.runs import create_run, delete_run, purge_deleted


def cell_table(n, *, classes=True, seed=0):
    random = np.random.default_rng(seed)
    cells = pd.DataFrame(
        {
            "centroid_y_px": random.uniform(0, 999, n),
            "centroid_x_px": random.uniform(0, 999, n),
            "area_px": random.integers(1, 5_000, n),
            "solidity": random.uniform(0, 1, n),
            "qc_pass": random.random(n) < 0.8,
        },
        index=pd.Index(np.arange(1, n + 1, dtype=np.int32) * 3, name="cell_id"),
    )
    cells["qc_reason"] = np.where(cells["qc_pass"], "", "touches the image border")
    if classes:
        cells["p_cancer"] = random.random(n)
        cells["p_normal"] = 1 - cells["p_cancer"]
        cells["label"] = np.where(cells["p_cancer"] > 0.5, "cancer", "normal")
        cells["margin"] = (cells["p_cancer"] - cells["p_normal"]).abs()
        cells["unsure"], cells["unlike_training"] = cells["margin"] < 0.2, False
    return cells


@pytest.fixture
def run(project, add):
    return create_run(project.id, [add(1).id, add(2).id], AnalyseSettings())


@pytest.mark.parametrize("n", [0, 1, 7])
def test_cells_come_back_by_their_ids(run, n):
    cells = cell_table(n)
    image_id = run.images[0].image_id
    save_cells(run.id, image_id, cells)
    kept = load_cells(run.id, image_id)
    assert list(kept.columns) == ["image_id", *COLUMNS]
    assert (kept.index.name, kept.index.dtype) == ("cell_id", np.int32)
    pd.testing.assert_index_equal(kept.index, cells.index)
    same = ["centroid_y_px", "centroid_x_px", "qc_pass", "qc_reason", "label", "margin", "unsure", "unlike_training"]
    pd.testing.assert_frame_equal(kept[same], cells[same], check_dtype=n > 0)
    np.testing.assert_array_equal(kept["p_positive"], cells["p_cancer"])
    assert {name: kept[name].dtype.kind for name in ("area_px", "qc_pass", "p_positive")} == {
        "area_px": "f",
        "qc_pass": "b",
        "p_positive": "f",
    }


def test_what_a_cell_counts_as_is_the_same_before_and_after(run):
    cells = cell_table(50).assign(manual_label="")
    cells.loc[cells.index[3], "manual_label"] = "normal"
    save_cells(run.id, run.images[0].image_id, cells)
    pd.testing.assert_series_equal(outcome(load_cells(run.id, run.images[0].image_id)), outcome(cells))


def test_cells_without_a_head_have_no_class(run):
    save_cells(run.id, run.images[0].image_id, cell_table(3, classes=False))
    kept = load_cells(run.id)
    assert (kept["label"] == "").all()
    assert kept["p_positive"].isna().all()
    assert not kept["unsure"].any()


def test_missing_values_are_kept_as_missing(run):
    cells = cell_table(3)
    cells.loc[6, ["p_cancer", "margin", "label"]] = np.nan
    save_cells(run.id, run.images[0].image_id, cells)
    kept = load_cells(run.id)
    assert kept["p_positive"].isna().tolist() == [False, True, False]
    assert kept.loc[6, "label"] == ""


def test_the_probability_kept_is_that_of_the_first_class_of_the_table(run):
    cells = cell_table(3).rename(columns={"p_cancer": "p_stroma", "p_normal": "p_cancer"})
    save_cells(run.id, run.images[0].image_id, cells)
    np.testing.assert_array_equal(load_cells(run.id)["p_positive"], cells["p_stroma"])


def test_a_class_may_be_called_positive(run):
    cells = cell_table(3).rename(columns={"p_cancer": "p_negative", "p_normal": "p_positive"})
    save_cells(run.id, run.images[0].image_id, cells)
    np.testing.assert_array_equal(load_cells(run.id)["p_positive"], cells["p_negative"])


def test_all_images_come_in_the_order_of_the_run(run):
    for number in (1, 0):
        save_cells(run.id, run.images[number].image_id, cell_table(4, seed=number))
    kept = load_cells(run.id)
    assert kept["image_id"].tolist() == [image.image_id for image in run.images for _ in range(4)]
    assert kept.index.tolist() == [3, 6, 9, 12] * 2


def test_saving_again_replaces_the_cells_and_keeps_a_persons_word(run):
    image_id = run.images[0].image_id
    save_cells(run.id, image_id, cell_table(5))
    relabel(run.id, image_id, {3: "cancer", 15: "normal"})
    save_cells(run.id, image_id, cell_table(4).assign(manual_label=""))
    kept = load_cells(run.id, image_id)
    assert kept["manual_label"].to_dict() == {3: "cancer", 6: "", 9: "", 12: ""}


def test_relabelling_touches_the_named_cells_of_one_image_and_is_taken_back(run):
    here, there = (image.image_id for image in run.images)
    for image_id in (here, there):
        save_cells(run.id, image_id, cell_table(3))
    relabel(run.id, here, {3: "cancer", 9: "a class of my own"})
    relabel(run.id, here, {})
    assert load_cells(run.id, here)["manual_label"].tolist() == ["cancer", "", "a class of my own"]
    assert (load_cells(run.id, there)["manual_label"] == "").all()
    relabel(run.id, here, {3: ""})
    assert load_cells(run.id, here)["manual_label"].tolist() == ["", "", "a class of my own"]


def test_relabelling_an_unknown_cell_changes_none(run):
    image_id = run.images[0].image_id
    save_cells(run.id, image_id, cell_table(3))
    with pytest.raises(StoreError, match="no cell 4"):
        relabel(run.id, image_id, {3: "cancer", 4: "cancer"})
    assert (load_cells(run.id, image_id)["manual_label"] == "").all()


def test_cells_need_their_run_and_go_with_it(run):
    with pytest.raises(StoreError, match="no image"):
        save_cells(run.id, "nothing", cell_table(1))
    save_cells(run.id, run.images[0].image_id, cell_table(3))
    delete_run(run.id)
    assert len(load_cells(run.id)) == 3
    purge_deleted(0)
    assert len(load_cells(run.id)) == 0


@pytest.fixture
def small_batches(monkeypatch):
    """Few rows per transaction, and how many rows each transaction wrote."""
    monkeypatch.setattr(cell_store, "_BATCH", 4)
    written: list[int] = []

    def begin(connection):
        written.append(0)

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith("INSERT INTO cells"):
            written[-1] += len(parameters) if executemany else 1
        elif statement.startswith("DELETE FROM cells"):
            written[-1] += cursor.rowcount

    event.listen(engine(), "begin", begin)
    event.listen(engine(), "after_cursor_execute", note)
    yield written
    event.remove(engine(), "begin", begin)
    event.remove(engine(), "after_cursor_execute", note)


@pytest.mark.parametrize(("before", "after"), [(0, 11), (11, 0), (11, 5), (5, 11), (8, 8), (1, 1)])
def test_no_transaction_replaces_many_cells_and_none_is_left_over(run, small_batches, before, after):
    image_id, other = (image.image_id for image in run.images)
    save_cells(run.id, other, cell_table(6, seed=3))
    kept = load_cells(run.id, other)
    save_cells(run.id, image_id, cell_table(before))
    table = cell_table(after, seed=1).sample(frac=1, random_state=0)
    table.index = (table.index - 1 if before == after else table.index).rename("cell_id")  # between the old ids, too
    save_cells(run.id, image_id, table)
    assert max(small_batches) <= 2 * 4
    pd.testing.assert_index_equal(load_cells(run.id, image_id).index, table.index.sort_values())
    np.testing.assert_array_equal(load_cells(run.id, image_id)["p_positive"], table.sort_index()["p_cancer"])
    pd.testing.assert_frame_equal(load_cells(run.id, other), kept)
    small_batches.clear()
    delete_cells(run.id)
    assert max(small_batches) <= 4
    assert len(load_cells(run.id)) == 0


def test_a_word_said_between_two_transactions_stays(run, small_batches, monkeypatch):
    image_id, replace = run.images[0].image_id, cell_store._replace
    save_cells(run.id, image_id, cell_table(12))

    def replace_and_speak(run_id, image_id, first, last, light):
        replace(run_id, image_id, first, last, light)
        relabel(run_id, image_id, {first: "normal", 36: "cancer"})

    monkeypatch.setattr(cell_store, "_replace", replace_and_speak)
    save_cells(run.id, image_id, cell_table(12, seed=1))
    manual = load_cells(run.id, image_id)["manual_label"]
    assert manual[manual != ""].to_dict() == {3: "normal", 15: "normal", 27: "normal", 36: "cancer"}


@pytest.mark.slow
def test_fifty_thousand_cells_take_a_statement_per_batch(run):
    """Never one per cell: by what it costs the database, whatever the machine is busy with."""
    image_id, statements = run.images[0].image_id, []

    def note(connection, cursor, statement, parameters, context, executemany):
        statements.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    for n in (1, 50_000):
        statements.clear()
        save_cells(run.id, image_id, cell_table(n))
        assert len(statements) < 10 + n / 500
        statements.clear()
        assert len(load_cells(run.id, image_id)) == n
        assert len(statements) < 10
