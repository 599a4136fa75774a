"""Regions are drawn on the Segment page, kept with the image, shown on other pages, and a run takes them."""

import json

import pytest

from cellapp.settings import AnalyseSettings
from cellapp.store import regions, runs
from cellapp.ui.components import viewer

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/segment.py"
SQUARE = [[5.0, 5.0], [5.0, 60.0], [60.0, 60.0], [60.0, 5.0]]


@pytest.fixture
def drawn(monkeypatch):
    """What the viewer was given last, in place of a browser, and edits that it is to send."""
    seen = {"send": None}

    def mount(data, *, key, on_mark, on_edits):
        seen["data"] = data
        if edits := seen.pop("send", None):
            import streamlit as st

            st.session_state.setdefault(key, {})["edits"] = edits
            on_edits()

    monkeypatch.setattr(viewer, "deep_zoom", mount)
    return seen


def region_page(open_page):
    app = open_page(PAGE)
    return app.segmented_control(key="segment_mode").set_value("Draw regions").run()


def sent(app, drawn, **edit):
    drawn["send"] = [{"n": edit.pop("n"), **edit}]
    app.run()
    assert not app.exception
    return app.run()


def test_regions_are_drawn_changed_deleted_and_brought_back(open_page, seeded, drawn):
    app = region_page(open_page)
    assert drawn["data"]["edit"]["what"] == "regions"
    sent(app, drawn, n=1, kind="draw", points=SQUARE)
    (kept,) = regions.list_regions(seeded.image.id)
    assert (kept.region.name, kept.region.keep) == ("Region 1", True)
    assert drawn["data"]["edit"]["answers"] == [{"n": 1, "sentence": "Region 1 kept.", "changed": [kept.id]}]
    assert drawn["data"]["regions"][0]["rings"][0][1] == [60.0, 5.0]
    app.segmented_control(key="region_kind").set_value("Leave out")
    app.text_input(key="region_who").set_value("Ada").run()
    sent(app, drawn, n=2, kind="draw", points=[[10, 10], [10, 20], [20, 10]])
    assert "1 region kept, 1 left out" in " ".join(one.value for one in app.markdown)
    assert [one.who for one in regions.list_regions(seeded.image.id)] == ["", "Ada"]
    sent(app, drawn, n=3, kind="draw", points=[[10, 10], [50, 50], [10, 50], [50, 10]])
    assert "crosses itself" in drawn["data"]["edit"]["answers"][-1]["error"]
    sent(app, drawn, n=4, kind="delete", cells=[kept.id])
    assert len(regions.list_regions(seeded.image.id)) == 1
    app.button(key="region_undo").click().run()
    assert len(regions.list_regions(seeded.image.id)) == 2


def test_other_pages_show_them_and_a_run_keeps_those_of_its_start(open_page, seeded, drawn):
    open_page("pages/analyse/upload.py")
    assert drawn["data"]["regions"] == []
    shape = seeded.image.info.shape[1:]
    from cellapp.types.drawn_regions import DrawnRegion

    ring = ((1.0, 1.0), (40.0, 1.0), (40.0, 40.0), (1.0, 1.0))
    record = regions.add_region(seeded.image.id, DrawnRegion("gland", ((ring,),)), "Ada")
    run = runs.create_run(seeded.project.id, [seeded.image.id], AnalyseSettings())
    regions.remove_region(record.id)
    assert regions.regions_of_run(run.id, seeded.image.id).regions[0].name == "gland"
    regions.restore_region(record.id)
    open_page("pages/analyse/upload.py")
    assert [one["name"] for one in drawn["data"]["regions"]] == ["gland"]
    app = open_page(PAGE)
    assert any("A run looks at the regions only" in one.value for one in app.caption)
    assert shape == seeded.image.info.shape[1:]


def test_regions_of_a_file_take_the_place_of_those_that_were_drawn(open_page, seeded, drawn):
    app = region_page(open_page)
    sent(app, drawn, n=1, kind="draw", points=SQUARE)
    ring = [[10, 10], [40, 10], [40, 40], [10, 40], [10, 10]]
    area = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"name": "Tumour"}}
    for content, name in ((b"{", "broken.geojson"), (json.dumps(area).encode(), "regions.geojson")):
        app.file_uploader(key="region_file_0").upload(name, content).run()
        app.button(key="region_take").click().run()
        assert not app.exception
        if name == "broken.geojson":
            assert "export the annotations from QuPath" in app.error[0].value
    assert [one.region.name for one in regions.list_regions(seeded.image.id)] == ["Tumour"]
    assert app.file_uploader(key="region_file_1") is not None
