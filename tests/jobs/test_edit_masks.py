"""Edited cells are measured, embedded and called as if the image had been analysed with them, and no other changes."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.editing.edit import Edit, EditKind
from cellapp.editing.history import edits_in_force
from cellapp.errors import InputError
from cellapp.exports.geojson import read_geojson
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.tables import read_cells, write_summary
from cellapp.jobs import draw_pictures, edit_masks, follow_edits, write_edits
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import labels, runs
from cellapp.store.mask_edits import last_edit, list_edits
from cellapp.store.open_image import open_slide
from cellapp.store.vectors import image_vectors
from tests.pages.seeding import FixedSegmenter, seed_image

HEAD = "demo-head-fast"


@pytest.fixture(scope="module")
def models():
    return load_run_models(settings(HEAD))


def settings(head):
    return AnalyseSettings.model_validate(
        {"classify": {"head": head}, "segment": {"segmenter": "classical"}, "quality": {"border": True}}
    )


class Stored:
    """An image of a finished run, made by the analysis with given cells."""

    def __init__(self, folder, models=None):
        self.seeded = seed_image(folder, side=192)
        self.image_id, self.labels = self.seeded.image.id, self.seeded.labels
        self.models, self.settings = models, settings(HEAD if models else None)
        run = runs.create_run(self.seeded.project.id, [self.image_id], self.settings)
        runs.start_run(run.id)
        self.id, self.out = run.id, runs.run_folder(run.id)
        self.folder = self.out / run.images[0].stem
        found, summary = self.analysed(self.labels, self.out)
        write_summary([summary], self.out)
        cell_store.save_cells(run.id, self.image_id, found.cells)
        runs.set_image_status(run.id, self.image_id, "done", n_cells=len(found.cells), summary=summary)
        runs.finish_run(run.id)

    def analysed(self, cells, out):
        """Analyse the image with these cells, without numbering them anew."""
        slide, segmenter = open_slide(self.image_id), FixedSegmenter(cells)
        models = RunModels(segmenter)
        if self.models:
            models = RunModels(segmenter, self.models.encoder, self.models.head, self.models.weights)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cellapp.pipeline.segment_slide.number_cells", lambda labels: None)
            patch.setattr("cellapp.segmentation.run_segmenter.relabel", lambda labels: labels, raising=False)
            found = analyse(slide, models, self.settings, name=self.folder.name)
        return found, write_analysis(found, slide, out, settings=self.settings, seconds=1.0)

    def edit(self, *edits, **given):
        return edit_masks.edit_masks(self.id, self.image_id, edits, **given)

    def cells(self):
        return read_cells(self.folder / "cells.parquet")

    def image(self):
        return tifffile.imread(self.folder / "labels.tif").astype(np.int32)

    def content(self):
        return json.loads((self.folder / "run.json").read_text())


@pytest.fixture
def counted(tmp_path):
    return Stored(tmp_path)


def two_cells(stored):
    """Ids of two cells that touch no border."""
    inside = stored.cells().query("qc_pass").index.tolist()
    return inside[0], inside[1]


def across(stored, cell):
    """A line across the middle of a cell."""
    row = stored.cells().loc[cell]
    y, x0, x1 = row["centroid_y_px"], row["bbox_x0_px"] - 2.0, row["bbox_x1_px"] + 2.0
    return ((y, x0), (y, x1))


def same(one, other):
    pd.testing.assert_frame_equal(one, other[one.columns.tolist()], rtol=1e-6, check_like=True)


def test_tables_files_vectors_and_classes_are_those_of_an_analysis_with_the_edited_cells(tmp_path, models):
    stored = Stored(tmp_path, models)
    split, gone = two_cells(stored)
    before = stored.cells()
    report = stored.edit(
        Edit(EditKind.SPLIT, (split,), across(stored, split)), Edit(EditKind.DELETE, (gone,)), who="Ada"
    )
    new = max(before.index) + 1
    assert report.changed == (split, new)
    assert report.gone == (gone,)
    assert report.sentences[0] == f"Cell {split} split into {split} and {new}"
    others = before.index.difference([split, gone])
    same(before.loc[others], stored.cells().loc[others])
    assert (stored.cells().loc[[split, new], "label"] == "").all(), "they have no class until it follows"
    assert follow_edits.follow_edits(stored.id, stored.image_id) == 2

    found, summary = stored.analysed(stored.image(), tmp_path / "anew")
    anew = tmp_path / "anew" / stored.folder.name
    same(found.cells, stored.cells())
    same(before.loc[others], stored.cells().loc[others])
    assert (stored.folder / "labels.tif").read_bytes() == (anew / "labels.tif").read_bytes()
    assert np.array_equal(read_geojson(stored.folder / "outlines.geojson", stored.image().shape), stored.image())
    assert pd.read_csv(stored.folder / "cells.csv")["cell_id"].tolist() == stored.cells().index.tolist()
    content, run = stored.content(), runs.get_run(stored.id)
    assert content["confluency"] == found.confluency
    counts = {name: value for name, value in summary.items() if name.startswith(("n_", "fraction_"))}
    assert {name: run.images[0].summary[name] for name in counts} == pytest.approx(counts, nan_ok=True)
    assert content["edits"] == {"number": 2, "followed": 2, "in_force": 2}
    stored_rows = cell_store.load_cells(stored.id, stored.image_id)
    assert stored_rows.index.tolist() == found.cells.index.tolist()
    assert stored_rows["label"].tolist() == found.cells["label"].tolist()
    vectors = image_vectors(run, stored.image_id, models.head.vectors)
    assert sorted(vectors.cell_ids.tolist()) == sorted(found.embeddings.cell_ids.tolist())
    order = {cell: row for row, cell in enumerate(vectors.cell_ids.tolist())}
    rows = [order[cell] for cell in found.embeddings.cell_ids.tolist()]
    assert np.allclose(vectors.cls[rows], found.embeddings.cls, atol=1e-4)


def test_undo_gives_the_identical_label_image_and_table_and_redo_the_edited_one(counted):
    first, second = two_cells(counted)
    start, table = (counted.folder / "labels.tif").read_bytes(), counted.cells()
    merged = counted.edit(Edit(EditKind.MERGE, (first, second)), who="Ada")
    after, merged_table = (counted.folder / "labels.tif").read_bytes(), counted.cells()
    assert merged.gone == (second,)
    counted.edit(Edit(EditKind.GROW, (first,)), who="Ada")
    counted.edit(Edit(EditKind.UNDO), Edit(EditKind.UNDO), who="Ada")
    assert (counted.folder / "labels.tif").read_bytes() == start
    same(table, counted.cells())
    counted.edit(Edit(EditKind.REDO), who="Ada")
    assert (counted.folder / "labels.tif").read_bytes() == after
    same(merged_table, counted.cells())
    records = list_edits(counted.id, counted.image_id)
    assert [record.edit.kind.value for record in records] == ["merge", "grow", "undo", "undo", "redo"]
    assert [record.number for record in edits_in_force(records)] == [1]
    assert {record.who for record in records} == {"Ada"}
    assert all(record.created <= datetime.now(UTC) for record in records)


def test_new_ids_are_above_every_id_that_was_ever_used(counted):
    cell, _ = two_cells(counted)
    highest = max(counted.cells().index)
    assert counted.edit(Edit(EditKind.SPLIT, (cell,), across(counted, cell))).changed[-1] == highest + 1
    counted.edit(Edit(EditKind.UNDO))
    assert counted.edit(Edit(EditKind.SPLIT, (cell,), across(counted, cell))).changed[-1] == highest + 2


def test_two_people_lose_no_word(counted):
    first, second = two_cells(counted)
    seen = last_edit(counted.id, counted.image_id)
    counted.edit(Edit(EditKind.GROW, (first,)), who="Ada", seen=seen)
    counted.edit(Edit(EditKind.GROW, (second,)), who="Ben", seen=seen)  # another cell: nobody is in the way
    image = counted.image()
    with pytest.raises(InputError, match=rf"cell {first} was changed by Ada at .* UTC \(edit 1\): look at it"):
        counted.edit(Edit(EditKind.DELETE, (first,)), who="Ben", seen=seen)
    assert np.array_equal(counted.image(), image)
    counted.edit(Edit(EditKind.SHRINK, (first,)), who="Ben", seen=2)
    with pytest.raises(InputError, match=rf"cell {first} was changed again by Ben \(edit 3\): undo that first"):
        counted.edit(Edit(EditKind.UNDO), who="Ada")
    with pytest.raises(InputError, match=r"there is no edit of Eve to undo"):
        counted.edit(Edit(EditKind.UNDO), who="Eve")


def test_of_several_edits_all_are_done_or_none(counted):
    first, _ = two_cells(counted)
    before = (counted.folder / "labels.tif").read_bytes()
    with pytest.raises(InputError, match="no cell 9999"):
        counted.edit(Edit(EditKind.DELETE, (first,)), Edit(EditKind.DELETE, (9999,)))
    assert (counted.folder / "labels.tif").read_bytes() == before
    assert last_edit(counted.id, counted.image_id) == 0


@pytest.mark.parametrize("dies_in", ["_rewrite_labels", "measure_edited", "write_cells", "_write_run"])
def test_what_a_killed_process_left_undone_is_done_by_the_next(counted, monkeypatch, dies_in):
    first, second = two_cells(counted)

    def dies(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write_edits, dies_in, dies)
        with pytest.raises(KeyboardInterrupt):
            counted.edit(Edit(EditKind.MERGE, (first, second)), who="Ada")
    counted.edit(Edit(EditKind.GROW, (first,)), who="Ada")
    counted.edit(Edit(EditKind.UNDO), who="Ada")
    merged = np.where(counted.labels == second, first, counted.labels)
    assert np.array_equal(counted.image(), merged)
    assert second not in counted.cells().index
    assert counted.content()["confluency"] == pytest.approx(np.count_nonzero(merged) / merged.size)


def test_a_class_given_by_hand_comes_back_with_its_cell(counted):
    first, _ = two_cells(counted)
    labels.relabel(counted.id, counted.image_id, {first: "odd"}, who="Ada")
    counted.edit(Edit(EditKind.DELETE, (first,)))
    assert first not in cell_store.load_cells(counted.id, counted.image_id).index
    counted.edit(Edit(EditKind.UNDO))
    assert cell_store.load_cells(counted.id, counted.image_id).loc[first, "manual_label"] == "odd"
    assert counted.cells().loc[first, "manual_label"] == "odd"


def test_every_cell_may_go_and_the_first_may_be_drawn(counted):
    ids = tuple(counted.cells().index.tolist())
    counted.edit(Edit(EditKind.DELETE, ids))
    assert counted.cells().empty
    assert follow_edits.follow_edits(counted.id, counted.image_id) == 1
    steps = []
    assert follow_edits.follow_edits(counted.id, counted.image_id, lambda step, fraction: steps.append(step)) == 1
    assert steps == ["Getting ready"], "it does not say that cells are classified where none was edited since"
    drawn = counted.edit(Edit(EditKind.DRAW, (), ((20, 20), (20, 60), (60, 60), (60, 20))))
    assert drawn.changed == (max(ids) + 1,)
    assert counted.cells()["area_px"].tolist() == [1600]
    follow_edits.follow_edits(counted.id, counted.image_id)
    assert runs.get_run(counted.id).n_cells == 1
    assert draw_pictures.draw_pictures(counted.id) == 1
    assert "pictures_by" not in counted.content()
