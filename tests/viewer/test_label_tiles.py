import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.rendering.colours import CLASS_COLOURS, rgb
from cellapp.settings import ClassifySettings
from cellapp.types.image import Region
from cellapp.viewer.label_tiles import CellMarks, cell_at, cell_marks, draw_label_tile
from cellapp.viewer.multiscale_reader import TILE_PX, n_levels, size_at, tile_region

SHAPE = (700, 1100)
SIDE = 24


def squares(n_rows=6, n_columns=9):
    """Square cells on a lattice that crosses the borders of tiles, and their table."""
    labels, rows = np.zeros(SHAPE, np.uint32), []
    for i, (r, c) in enumerate(np.ndindex(n_rows, n_columns), start=1):
        y, x = 20 + r * 115, 500 - 5 * 115 + c * 115 if c < 5 else 500 + (c - 5) * 60
        labels[max(y, 0) : y + SIDE, max(x, 0) : x + SIDE] = i
        rows.append((i, y + SIDE / 2, max(x, 0) + SIDE / 2))
    table = pd.DataFrame(rows, columns=["cell_id", "centroid_y_px", "centroid_x_px"]).set_index("cell_id")
    present = np.unique(labels)[1:]
    return labels, table.loc[present].assign(area_px=float(SIDE**2), qc_pass=True)


def kept(folder, table):
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / "cells.parquet")
    return folder


@pytest.fixture
def scene(tmp_path):
    labels, table = squares()
    return labels, cell_marks(kept(tmp_path / "a", table), ClassifySettings(), {}, threshold=0.5)


def drawn_level(labels, marks, level):
    side = TILE_PX * 2**level
    rows, columns = (range(-(-n // side)) for n in SHAPE)
    tiles = [[draw_label_tile(labels, marks, tile_region(SHAPE, level, y, x), level) for x in columns] for y in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in tiles], axis=0)


@pytest.mark.parametrize("level", [0, 1])
def test_tiles_put_together_show_no_seam(scene, level):
    labels, marks = scene
    whole = draw_label_tile(labels, marks, Region(0, 0, *SHAPE), level)
    np.testing.assert_array_equal(drawn_level(labels, marks, level), whole)


def test_outlines_lie_on_the_cells_and_leave_the_rest_clear(scene):
    labels, marks = scene
    drawn = drawn_level(labels, marks, 0)
    assert not drawn[labels == 0].any()
    inside = labels == 1
    ys, xs = np.nonzero(inside)
    middle = drawn[int(ys.mean()), int(xs.mean())]
    assert middle[3] == 0
    assert (drawn[ys.min(), xs.min()] == (*rgb(CLASS_COLOURS["cell"]), 255)).all()


def test_tiny_cells_become_dots_and_their_labels_are_not_read(scene):
    _, marks = scene
    level = 3
    drawn = draw_label_tile(None, marks, Region(0, 0, *SHAPE), level)
    assert drawn.shape[:2] == size_at(Region(0, 0, *SHAPE), level)
    for y, x in zip(marks.y_px, marks.x_px, strict=True):
        assert drawn[int(y) >> level, int(x) >> level, 3] == 255


def test_large_cells_far_away_are_rims_and_their_labels_are_not_read(tmp_path):
    table = pd.DataFrame(
        {"centroid_y_px": [2000.0], "centroid_x_px": [2000.0], "area_px": [90_000.0], "qc_pass": [True]},
        index=pd.Index([7], name="cell_id"),
    )
    marks = cell_marks(kept(tmp_path / "a", table), ClassifySettings(), {}, threshold=0.5)
    drawn = draw_label_tile(None, marks, Region(0, 0, 4096, 4096), 3)[..., 3]
    assert not drawn[250, 250]
    assert drawn[250, 250 + int(marks.diameter_px / 16)]


def test_dots_at_the_edge_of_a_tile_are_drawn_in_both_tiles(tmp_path):
    side = TILE_PX * 8
    table = pd.DataFrame(
        {"centroid_y_px": [100.0], "centroid_x_px": [side - 1.0], "area_px": [400.0], "qc_pass": [True]},
        index=pd.Index([7], name="cell_id"),
    )
    marks = cell_marks(kept(tmp_path / "a", table), ClassifySettings(), {}, threshold=0.5)
    left, right = (draw_label_tile(None, marks, Region(0, x, side, side), 3) for x in (0, side))
    assert left[:, -1, 3].any()
    assert right[:, 0, 3].any()


@pytest.mark.parametrize("n_cells", [0, 1])
def test_no_cell_and_one_cell_are_results(tmp_path, n_cells):
    labels, table = squares()
    table = table.head(n_cells)
    marks = cell_marks(kept(tmp_path / "a", table), ClassifySettings(), {}, threshold=0.5)
    for level in range(n_levels(SHAPE)):
        drawn = draw_label_tile(labels, marks, Region(0, 0, *SHAPE), level)
        assert drawn.shape == (*size_at(Region(0, 0, *SHAPE), level), 4)
        assert bool(drawn.any()) == bool(n_cells)


def test_colours_follow_the_threshold_and_what_people_say(tmp_path):
    _, table = squares()
    table = table.head(3).assign(
        label="cancer", margin=0.4, unsure=False, p_cancer=[0.9, 0.9, 0.6], p_normal=[0.1, 0.1, 0.4], manual_label=""
    )
    folder = kept(tmp_path / "a", table)
    settings = ClassifySettings(unsure_margin=0.0)

    def colours(threshold=0.5, said=None):
        return cell_marks(folder, settings, said or {}, threshold=threshold).colours.tolist()

    cancer, normal = (list(rgb(CLASS_COLOURS[name])) for name in ("cancer", "normal"))
    assert colours() == [cancer] * 3
    assert colours(0.7) == [cancer, cancer, normal]
    assert colours(said={int(table.index[0]): "normal"}) == [normal, cancer, cancer]


def test_a_point_finds_its_cell(scene):
    labels, marks = scene
    for cell_id, y, x in zip(marks.cell_ids, marks.y_px, marks.x_px, strict=True):
        assert cell_at(labels, int(y), int(x)) == cell_id
    assert cell_at(labels, 0, 0) == 0
    assert cell_at(labels, -1, 5) == cell_at(labels, 5, SHAPE[1]) == 0


@given(ids=st.sets(st.integers(1, 50)), asked=st.lists(st.integers(0, 60), max_size=20))
def test_colours_are_those_of_the_cells_asked_for(ids, asked):
    cell_ids = np.array(sorted(ids), np.int64)
    colours = np.stack([cell_ids, 2 * cell_ids, 3 * cell_ids], axis=1).astype(np.uint8).reshape(-1, 3)
    marks = CellMarks(cell_ids, cell_ids * 1.0, cell_ids * 1.0, colours, 10.0)
    expected = {n: f"#{n:02X}{2 * n:02X}{3 * n:02X}" for n in asked if n in ids}
    assert marks.colours_of(np.array(asked, np.int64)) == expected


def test_marks_are_read_again_once_the_table_or_a_choice_changes(tmp_path):
    _, table = squares()
    folder, settings = kept(tmp_path / "a", table), ClassifySettings()
    first = cell_marks(folder, settings, {}, threshold=0.5)
    assert cell_marks(folder, settings, {}, threshold=0.5) is first
    keys = {first.key, cell_marks(folder, settings, {1: "cancer"}, threshold=0.5).key}
    keys |= {cell_marks(folder, settings.model_copy(update={"unsure_margin": 0.9}), {}, threshold=0.5).key}
    kept(folder, table.iloc[:3])
    os.utime(folder / "cells.parquet", (1, 1))
    again = cell_marks(folder, settings, {}, threshold=0.5)
    assert len(keys | {again.key}) == 4
    assert len(again.cell_ids) == 3
