"""Outlines: labels of files become a run, a run is scored against it, and a segmenter learns from it."""

import numpy as np
import pytest
import tifffile

from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.import_labels import import_labels
from cellapp.jobs.retrain_segmenter import RetrainRequest
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import save_network
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings
from cellapp.store.projects import default_project
from cellapp.store.runs import create_run
from cellapp.store.segmenters import list_segmenters
from cellapp.store.uploads import add_image
from tests.segmentation.phantoms import discs, glowing

PAGE = "pages/learn/outlines.py"
TRUTH = discs((64, 64), [(20, 20), (44, 40)], 9)
COUNT = ClassifySettings(head=None)


def words(app):
    return " ".join(str(element.value) for kind in ("markdown", "caption") for element in getattr(app, kind))


def work():
    while (job := queue.claim("w")) is not None:
        queue.finish(job.id, HANDLERS[job.kind](dict(job.payload), lambda *_: None), worker_id="w")


@pytest.fixture
def corrected(tmp_path, monkeypatch):
    """Two images with cells of files, of which a run by the classical segmenter misses what the files say."""
    monkeypatch.setattr("cellapp.jobs.handlers._vectors_of", lambda *_: None)  # nothing here reads vectors
    project, ids = default_project(), []
    for shift, name in enumerate("ab"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.roll((glowing(TRUTH)[0] * 255).astype(np.uint8), shift, axis=1))
        more = np.roll(TRUTH, shift, axis=1)
        more[:6, :6] = 9
        tifffile.imwrite(tmp_path / f"{name}_masks.tif", more.astype(np.uint16))
        ids.append(add_image(project.id, tmp_path / f"{name}.tif", f"{name}.tif").id)
    settings = AnalyseSettings(classify=COUNT, segment=SegmentSettings(segmenter="classical"))
    run = create_run(project.id, ids, settings, "Found")
    queue.submit("analyse", {"run_id": run.id}, project.id)
    import_labels(project.id, sorted(tmp_path.glob("*_masks.tif")), AnalyseSettings(classify=COUNT))
    work()
    return project


def test_without_corrections_it_says_what_to_do(open_page, seeded):
    app = open_page(PAGE)
    assert "No image has outlines that somebody made or corrected yet" in words(app)
    assert "Correct the outlines of two images or more" in words(app)
    assert app.button(key="import_labels").disabled


@pytest.mark.slow
def test_from_files_to_a_segmenter_in_use(open_page, corrected, tmp_path):
    app = open_page(PAGE)
    assert "2 of 2 images" in words(app)
    app.button(key="score_start").click().run()
    work()
    app.run()
    assert not app.exception
    assert "2 cells would have to be corrected" in words(app), "the corner of each image is missed"
    assert list(app.dataframe[0].value["Missed"]) == [1, 1]

    (tmp_path / "tiny").mkdir()
    save_network(FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1)), tmp_path / "tiny")
    app.number_input(key="retrain_steps_RetrainSettings").set_value(2).run()
    app.text_input(key="retrain_name_0").set_value("mine").run()
    app.button(key="retrain_start").click().run()
    assert not app.exception
    job = next(job for job in queue.list_jobs(corrected.id) if job.kind == "retrain")
    request = RetrainRequest.model_validate(job.payload)
    assert (request.base, request.name, request.settings.steps) == ("compact-stained", "mine", 2)
    assert (len(request.learn), len(request.score)) == (1, 1)
    HANDLERS["retrain"](dict(job.payload) | {"base": str(tmp_path / "tiny")}, lambda *_: None)  # a network of seconds
    claimed = queue.claim("w")
    queue.finish(claimed.id, {}, worker_id="w")
    app.run()
    assert "mine learnt from 1 image with 3 cells. On 1 image it had not seen" in words(app).replace("\\", "")
    app.button(key="segmenter_use").click().run()
    assert not app.exception
    assert app.session_state["segment_segmenter"] == list_segmenters(corrected.id)[0].identity
