"""Screen, from a run without a layout to hits; and what the page says where something is missing."""

import pytest

from cellapp.pipeline.screen_of_run import keep_layout, likely_control
from cellapp.population.layout import Placed
from cellapp.store import images, runs
from tests.pages.plates import LAYOUT, WELLS, seed_plate

PAGE = "pages/analyse/screen.py"


def words(app):
    kinds = ("markdown", "caption", "warning", "error", "info")
    return " ".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


@pytest.fixture
def plate(tmp_path, home):
    return seed_plate(tmp_path)


def few(app):
    """Let wells of few cells count: those of the test have twenty at most."""
    app.session_state["screen_min_cells"] = 5
    return app.run()


def test_without_image_or_run_it_leads_on(open_page, home):
    assert "No image yet" in words(open_page(PAGE))


def test_without_a_layout_it_says_what_to_give(open_page, plate):
    assert "Which wells were treated with what?" in words(open_page(PAGE, run=plate.id))


def test_a_layout_is_taken_and_its_hits_are_shown(open_page, plate):
    app = open_page(PAGE, run=plate.id)
    app.session_state["screen_layout"] = True
    app.run()
    app.file_uploader[0].upload("plate.csv", LAYOUT.encode()).run()
    assert not app.exception
    app = few(open_page(PAGE, run=plate.id))
    assert "1 of 1 treatments and doses differ from the negative controls in share of cancer: 1 lower" in words(app)
    (table,) = app.dataframe
    assert table.value[["treatment", "dose", "wells"]].values.tolist() == [["drug", "1 µM", 3]]
    assert len(app.get("plotly_chart")) == 2
    assert len(app.get("download_button")) == 4


def test_a_table_that_is_no_layout_is_refused_in_a_sentence(open_page, plate):
    app = open_page(PAGE, run=plate.id)
    app.session_state["screen_layout"] = True
    app.run()
    app.file_uploader[0].upload("plate.csv", b"well,treatment\nX99,drug\n").run()
    assert not app.exception
    assert "'X99' is no well" in words(app)


def test_the_table_of_images_is_a_layout(open_page, plate):
    for image, share in zip(plate.images, WELLS.values(), strict=True):
        images.set_conditions(image.image_id, {"treatment": "DMSO" if share > 0.5 else "drug"})
    app = few(open_page(PAGE, run=plate.id))
    assert app.selectbox(key="screen_negative").value == "DMSO"
    assert "1 lower" in words(app)


def test_a_control_that_no_name_tells_is_asked_for(open_page, plate):
    for image, share in zip(plate.images, WELLS.values(), strict=True):
        images.set_conditions(image.image_id, {"treatment": "left" if share > 0.5 else "right"})
    app = open_page(PAGE, run=plate.id)
    assert "Choose the treatment that effects are measured from." in words(app)
    app.selectbox(key="screen_negative").select("left").run()
    assert not app.exception
    assert "1 lower" in words(few(app))


def test_classes_that_are_no_answer_are_said_to_be_none_first(open_page, tmp_path, home):
    run = seed_plate(tmp_path, shown=False)
    keep_layout(runs.run_folder(run.id), LAYOUT.encode())
    app = few(open_page(PAGE, run=run.id))
    assert "The classes are no answer: demonstration head" in app.warning[0].value


def test_wells_with_too_few_cells_are_a_result(open_page, plate):
    keep_layout(runs.run_folder(plate.id), LAYOUT.encode())
    app = open_page(PAGE, run=plate.id)
    app.session_state["screen_min_cells"] = 400
    assert "No well has enough cells to measure." in words(app.run())


@pytest.mark.parametrize(
    ("treatment", "likely"), [("DMSO 0.1 %", True), ("Control", True), ("hydroquinone", False), ("waterproof", False)]
)
def test_only_whole_words_name_a_control(treatment, likely):
    assert likely_control([Placed(treatment)], "negative") == (treatment if likely else None)
