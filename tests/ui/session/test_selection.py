"""One selection for all charts: what is new is adopted, what is repeated or redrawn is not."""

from types import SimpleNamespace

import pandas as pd
import pytest

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
