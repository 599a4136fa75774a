"""A file of several images on the Upload page: chosen from in a table, before anything is decoded."""

import re

import pytest

from cellapp.images.formats import channels_first
from cellapp.store import images, projects
from cellapp.store.pending import TICKED_AT_ONCE, list_pending
from cellapp.types.image import Selection
from tests.series import write_series

pytestmark = pytest.mark.slow


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "plate.ome.tif").read_bytes()


def here():
    return images.list_images(projects.default_project().id)


def waiting():
    return list_pending(projects.default_project().id)


def upload(app, data, name="plate.ome.tif"):
    app.file_uploader[0].upload(name, data).run()
    assert not app.exception
    return app


def choose(app, rows):
    (file,) = waiting()
    app.session_state[f"choice_{file.id}_0"] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    return app


def add_button(app):
    return next(button for button in app.button if button.key and button.key.startswith("add_"))


def test_a_table_lists_scenes_and_time_points_and_nothing_is_decoded(open_page, series, monkeypatch):
    monkeypatch.setattr(channels_first.ChannelsFirst, "__getitem__", lambda *_: pytest.fail("decoded"))
    app = upload(open_page(), series)
    table = app.dataframe[0].value
    assert table["scene"].tolist() == ["well A1"] * 3 + ["well B1"] * 3
    assert table["time"].tolist() == ["00d00h00m", "00d12h00m", "01d00h00m"] * 2
    assert add_button(app).label == "Add 6 images"
    assert add_button(app).proto.type == "primary"
    assert app.button(key="try_demo").proto.type != "primary", "one primary button on a page"
    assert here() == ()


def test_chosen_images_are_added_and_the_table_goes(open_page, series):
    app = choose(upload(open_page(), series), [1, 3])
    assert add_button(app).label == "Add 2 images"
    add_button(app).click().run()
    assert not app.exception
    assert [image.selection for image in here()] == [Selection(0, 1), Selection(1, 0)]
    assert app.query_params["image"] in (here()[0].id, [here()[0].id])
    table = app.data_editor[0].value
    assert table["scene"].tolist() == ["well A1", "well B1"]
    assert table["time"].tolist() == ["00d12h00m", "00d00h00m"]
    assert table["name"].tolist()[0] == "plate.ome.tif · well A1 · 00d12h00m"
    assert not [button for button in app.button if button.key and button.key.startswith("add_")]


def test_what_is_ticked_survives_a_reload(open_page, series):
    choose(upload(open_page(), series), [0, 5])
    again = open_page()
    assert add_button(again).label == "Add 2 images"
    assert waiting()[0].ticked == (Selection(0, 0), Selection(1, 2))


def test_all_or_none_are_ticked_by_a_button(open_page, series):
    app = choose(upload(open_page(), series), [2])
    (button,) = [one for one in app.button if one.key and one.key.startswith("all_")]
    assert button.label == "Select all 6"
    button.click().run()
    assert add_button(app).label == "Add 6 images"
    (button,) = [one for one in app.button if one.key and one.key.startswith("all_")]
    assert button.label == "Select none"
    button.click().run()
    assert add_button(app).disabled


def test_of_a_long_series_none_is_ticked(open_page, tmp_path):
    path = write_series(tmp_path / "long.tif", scenes=1, times=TICKED_AT_ONCE + 1, shape=(1, 8, 8))
    app = upload(open_page(), path.read_bytes(), "long.tif")
    assert add_button(app).disabled
    assert "scene" not in app.dataframe[0].value, "there is one"


def test_a_dismissed_file_adds_nothing(open_page, series):
    app = upload(open_page(), series)
    next(button for button in app.button if button.label == "Dismiss").click().run()
    assert not app.exception
    assert not [button for button in app.button if button.key and button.key.startswith("add_")]
    assert (here(), waiting()) == ((), ())


def test_a_file_with_images_that_are_here_says_so(open_page, series):
    app = choose(upload(open_page(), series), [1])
    add_button(app).click().run()
    upload(app, series)
    assert app.dataframe[0].value["state"].tolist() == ["", "here already", "", "", "", ""]
    assert add_button(app).label == "Add 5 images"
    add_button(app).click().run()
    upload(app, series)
    assert len(here()) == 6
    assert waiting() == ()


def test_the_rule_for_depth_is_offered_where_there_is_depth(open_page, tmp_path, seeded):
    assert not [box for box in open_page().selectbox if box.key == "depth_rule"]
    stack = write_series(tmp_path / "z.tif", scenes=1, times=1, planes=5)
    app = upload(open_page(), stack.read_bytes(), "z.tif")
    first = here()[0]
    assert first.info.n_planes == 5
    app.selectbox(key="depth_rule").select("plane").run()
    assert not app.exception
    assert here()[0].selection.depth == "3", "the middle one"
    app.number_input(key="depth_plane").set_value(2).run()
    assert here()[0].selection.depth == "2"
    app.selectbox(key="depth_rule").select("max").run()
    assert [image.id for image in here()] == [first.id, seeded.image.id]
    assert not app.error


def test_depth_is_chosen_before_images_are_added(open_page, tmp_path):
    app = upload(open_page(), write_series(tmp_path / "z.tif", planes=4).read_bytes(), "z.tif")
    assert app.dataframe[0].value["planes"].tolist() == [4] * 6
    app.selectbox(key="depth_rule").select("mean").run()
    add_button(app).click().run()
    assert not app.exception
    assert {image.selection.depth for image in here()} == {"mean"}


def test_scene_names_are_shown_as_text(open_page, tmp_path):
    app = upload(open_page(), write_series(tmp_path / "x.tif").read_bytes(), "<img src=x onerror=alert(1)>.tif")
    (heading,) = [one.value for one in app.markdown if "holds 6 images: 2 scenes at 3 time points" in one.value]
    assert not re.search(r"(?<!\\)<img", heading)
