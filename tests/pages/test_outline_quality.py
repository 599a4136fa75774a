"""Segment says which outlines look unreliable, by the numbers of the run, and can put them first."""

import pytest

from cellapp.exports.outline_columns import outline_columns
from cellapp.segmentation.reliability import quality_of
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run

pytestmark = pytest.mark.slow

EXPECTED = {"good.tif": (0.9, 0.7, 1.0), "bad.tif": (0.2, 0.05, 0.4), "fair.tif": (0.6, 0.3, 0.9)}


@pytest.fixture
def judged(home, tmp_path):
    """A run of three images whose outlines are expected to be good, bad and fair."""
    seeded = [seed_image(tmp_path, name=name, seed=seed) for seed, name in enumerate(EXPECTED, start=1)]
    run = seed_run(seeded, head=None)
    for row, ends in zip(run.images, EXPECTED.values(), strict=True):
        summary = {**row.summary, **outline_columns(quality_of("cellpose:compact@4", ends))}
        runs.set_image_status(run.id, row.image_id, "done", n_cells=row.n_cells, summary=summary)
    return runs.get_run(run.id)


def named(app):
    return [name.split(".")[0] for name in app.selectbox(key="image_picker").options]


def test_unreliable_outlines_are_told_and_put_first_on_request(open_page, judged):
    bad = next(row.image_id for row in judged.images if row.name.startswith("bad"))
    app = open_page("pages/analyse/segment.py", image=bad, run=judged.id)
    assert any("Outlines look unreliable" in element.value for element in app.markdown)
    [told] = [element.value for element in app.warning if "outlines" in element.value]
    assert "expected AP 0" in told
    assert "correct three regions" in told
    assert named(app) == ["fair", "bad", "good"]  # newest first
    table = app.dataframe[-1].value
    assert table["expected_ap"].tolist() == [0.9, 0.2, 0.6]
    app.toggle(key="least_reliable_first").set_value(True).run()
    assert named(app) == ["bad", "fair", "good"]
    assert app.dataframe[-1].value["expected_ap"].tolist() == [0.2, 0.6, 0.9]


def test_good_outlines_are_no_badge_beside_results(open_page, judged):
    good = next(row.image_id for row in judged.images if row.name.startswith("good"))
    app = open_page("pages/analyse/classify.py", image=good, run=judged.id)
    assert not any("outlines" in element.value.lower() for element in app.markdown if "badge" in element.value)
