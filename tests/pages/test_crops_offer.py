"""The menu of downloads offers to make crops that are not there, and follows their making."""

import pytest

from cellapp.jobs import queue, worker
from cellapp.jobs.handlers import HANDLERS
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run

PAGE = "pages/analyse/classify.py"


@pytest.fixture
def run(tmp_path):
    run = seed_run([seed_image(tmp_path)], n_cells=6)
    (runs.run_folder(run.id) / run.images[0].stem / "crops.zip").unlink()
    return run


def opened(open_page, run):
    """Open Classify and its menu of downloads."""
    app = open_page(PAGE, run=run.id)
    app.session_state["classify_download"] = True
    return app.run()


def labels(app):
    return [button.label for button in (*app.button, *app.get("download_button"))]


def test_crops_are_offered_made_and_then_downloaded(open_page, run):
    app = opened(open_page, run)
    assert not app.exception
    assert any(text.value.startswith("No crops of this run yet: about") for text in app.caption)
    assert any(label.startswith("Everything, without crops") for label in labels(app))
    next(button for button in app.button if button.label == "Make crops").click().run()
    assert [job.kind for job in queue.list_jobs(run.project_id)] == ["crops"]
    app = opened(open_page, run)
    assert "Cancel" in labels(app)
    assert "Make crops" not in labels(app)
    worker.run_worker(once=True, handlers={"crops": HANDLERS["crops"]})
    app = opened(open_page, run)
    assert not {"Cancel", "Make crops"} & set(labels(app))
    assert any(label.startswith("Everything, ") and "without" not in label for label in labels(app))


def test_a_run_can_be_asked_to_leave_them_out(open_page, tmp_path):
    seeded = seed_image(tmp_path)
    app = open_page("pages/analyse/segment.py", image=seeded.image.id)
    next(toggle for toggle in app.toggle if toggle.label == "Make crops in the run").set_value(False).run()
    next(button for button in app.button if button.label.startswith("Run on")).click().run()
    assert not app.exception
    assert not runs.list_runs(seeded.project.id)[0].settings.draw_crops
