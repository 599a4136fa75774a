"""One selection for all views: news is adopted, echoes and redrawn charts are not. Files are read only on a click."""

import io
import zipfile
from types import SimpleNamespace

import pandas as pd
import pytest

from cellapp.ui.components import downloads, gallery
from cellapp.ui.session import selection

RUN = SimpleNamespace(id="r")


@pytest.fixture
def session(monkeypatch):
    state = {}
    monkeypatch.setattr(selection.st, "session_state", state)
    return state


@pytest.fixture
def cells():
    return pd.DataFrame({"image_id": ["a", "a", "b"], "cell_id": [1, 2, 1]})


def hear(cells, rows, *, source="map", drawn="1"):
    return selection.adopt(RUN, cells, rows, source=source, drawn=drawn)


def test_cells_of_several_images_come_back(session, cells):
    selection.select(RUN, cells, [2, 0], source="map")
    assert selection.selected(RUN, cells) == [0, 2]
    assert selection.selected(SimpleNamespace(id="other"), cells) == []
    assert session["chosen_cells"] == {"r/a": [1], "r/b": [1]}


def test_an_echo_is_no_news(session, cells):
    assert hear(cells, [0])
    assert not hear(cells, [0])


def test_a_chart_that_was_drawn_anew_takes_nothing_back(session, cells):
    hear(cells, [0])
    assert not hear(cells, [], drawn="2")
    assert selection.selected(RUN, cells) == [0]
    assert selection.needs_marks("map", "2")


def test_the_visitor_can_deselect_where_they_selected_only(session, cells):
    hear(cells, [0])
    hear(cells, [1], source="table")
    assert not hear(cells, [])
    assert selection.selected(RUN, cells) == [1]
    assert hear(cells, [], source="table")
    assert selection.selected(RUN, cells) == []


def test_an_old_selection_does_not_come_back_when_its_chart_is_redrawn(session, cells):
    hear(cells, [0])
    hear(cells, [1], source="table")
    assert not hear(cells, [0], drawn="2")
    assert selection.selected(RUN, cells) == [1]


def test_the_view_itself_marks_what_was_picked_in_it(session, cells):
    hear(cells, [0])
    assert not selection.needs_marks("map", "1")
    assert selection.needs_marks("table", "1")


@pytest.mark.parametrize("order", list(gallery.ORDERS))
def test_every_order_keeps_every_cell(order):
    cells = pd.DataFrame({"area_px": [3, 1, 2], "margin": [0.1, None, 0.5], "p_x": [0.2, None, 0.9]})
    assert sorted(gallery.sort_cells(cells, order, target="x").index) == [0, 1, 2]
    assert len(gallery.sort_cells(cells[["area_px"]], order)) == 3


def test_sizes_are_said_as_people_do():
    said = [downloads.size_words(n) for n in (0, 999, 1000, 312_000, 4_100_000, 1_230_000_000)]
    assert said == ["0 bytes", "999 bytes", "1.0 kB", "312 kB", "4.1 MB", "1.2 GB"]


def test_only_files_that_exist_are_offered(tmp_path):
    assert downloads.image_downloads(tmp_path) == []
    (tmp_path / "cells.csv").write_text("x")
    assert [file.file_name for file in downloads.image_downloads(tmp_path)] == [f"{tmp_path.name}_cells.csv"]


def test_everything_is_one_zip(tmp_path):
    (tmp_path / "summary.csv").write_text("x")
    with downloads._pack(tmp_path) as packed:
        assert zipfile.ZipFile(io.BytesIO(packed.read())).namelist() == ["summary.csv"]
