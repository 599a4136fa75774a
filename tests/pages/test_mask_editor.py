"""Cells of a run are corrected on the Segment page, and another visitor sees them."""

import pytest

from cellapp.editing.edit import Edit, EditKind
from cellapp.jobs.edit_masks import edit_masks
from cellapp.jobs.follow_edits import follow_edits
from cellapp.ui.components import viewer

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/segment.py"


@pytest.fixture
def drawn(monkeypatch):
    """What the viewer was given last, in place of a browser."""
    seen = {}

    def mount(data, **given):
        seen.update(data=data, **given)

    monkeypatch.setattr(viewer, "deep_zoom", mount)
    return seen


def correct(app):
    return app.segmented_control(key="segment_mode").set_value("Correct cells").run()


def test_a_run_is_corrected_and_the_next_visitor_sees_it(open_page, run_of, seeded, drawn):
    run = run_of(head=None)
    image_id = run.images[0].image_id
    app = correct(open_page(PAGE, run=run.id))
    assert not app.exception
    assert drawn["data"]["edit"]["number"] == 0
    layers = drawn["data"]["layers"]
    edit_masks(run.id, image_id, [Edit(EditKind.MERGE, (2, 3))], who="Ada", seen=0)
    app.run()
    assert drawn["data"]["layers"][1]["source"] != layers[1]["source"], "tiles of the labels are asked for anew"
    assert drawn["data"]["layers"][0]["source"] == layers[0]["source"], "those of the image are not"
    words = " ".join(one.value for one in app.markdown)
    assert "Cells 2 and 3 merged into 2." in words
    assert any("follow in seconds" in one.value for one in app.caption)
    follow_edits(run.id, image_id)
    other = correct(open_page(PAGE, run=run.id))
    assert not other.exception
    assert drawn["data"]["edit"]["number"] == 1
    assert not any("follow in seconds" in one.value for one in other.caption)
    assert "Cells 2 and 3 merged into 2; it counts as cell." in " ".join(one.value for one in other.markdown)
    assert other.dataframe[0].value["by"].tolist() == ["Ada"]


def test_without_a_finished_run_there_is_nothing_to_correct(open_page, seeded, drawn):
    app = open_page(PAGE)
    assert "Correct cells" not in app.segmented_control(key="segment_mode").options
    assert drawn["data"]["edit"] is None
