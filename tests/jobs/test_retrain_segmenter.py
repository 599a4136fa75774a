"""Labels of files become the cells of a run; a segmenter learns from them as a job, is kept, listed and used."""

import io
import json
import zipfile

import numpy as np
import pytest
import tifffile

from cellapp.editing.edit import Edit, EditKind
from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.edit_masks import edit_masks
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.import_labels import import_labels, match_files
from cellapp.jobs.retrain_segmenter import RetrainRequest, corrected_images, own_of, request_retraining
from cellapp.jobs.training_folder import work_folder
from cellapp.models.load import load_model
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import save_network
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings
from cellapp.store.images import list_images
from cellapp.store.named_models import require_named
from cellapp.store.projects import create_project, default_project
from cellapp.store.purge import purge_segmenters
from cellapp.store.runs import create_run, delete_run, get_run, list_runs, purge_deleted, run_folder
from cellapp.store.segmenters import (
    add_segmenter,
    export_segmenter,
    get_segmenter,
    list_segmenters,
    remove_segmenter,
    restore_segmenter,
)
from cellapp.store.uploads import add_image
from tests.segmentation.phantoms import discs, glowing

TRUTH = discs((64, 64), [(20, 20), (44, 40)], 9) * 5
COUNT = AnalyseSettings(classify=ClassifySettings(head=None))


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    monkeypatch.setattr("cellapp.jobs.handlers._vectors_of", lambda *_: None)  # nothing here reads vectors


@pytest.fixture
def project(tmp_path):
    """A project of three images, with a file of labels of each beside them."""
    project = default_project()
    for shift, name in enumerate("abc"):
        pixels = np.roll((glowing(TRUTH)[0] * 255).astype(np.uint8), shift, axis=1)
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
        tifffile.imwrite(tmp_path / f"{name}_masks.tif", np.roll(TRUTH, shift, axis=1).astype(np.uint16))
        add_image(project.id, tmp_path / f"{name}.tif", f"{name}.tif")
    return project


def files(tmp_path):
    return sorted(tmp_path.glob("*_masks.tif"))


def work():
    """Do what is queued, as the worker does; return the result of the last job."""
    result = {}
    while (job := queue.claim("w")) is not None:
        result = HANDLERS[job.kind](dict(job.payload), lambda *_: None)
        queue.finish(job.id, result, worker_id="w")
    return result


def test_files_are_matched_by_name_and_what_does_not_fit_leaves_nothing(project, tmp_path):
    records = list_images(project.id)
    matched = match_files(records, files(tmp_path)[:2])
    assert matched.without == ("c.tif",)
    assert sorted(file.name for file in matched.files.values()) == ["a_masks.tif", "b_masks.tif"]
    tifffile.imwrite(tmp_path / "b_masks.tif", np.ones((3, 3), np.uint8))
    with pytest.raises(InputError, match=r"b\.tif: labels must have the size"):
        import_labels(project.id, files(tmp_path), COUNT)
    assert not list_runs(project.id)
    assert not queue.list_jobs(project.id)


def test_from_files_to_a_segmenter_of_the_project(project, tmp_path):
    run = import_labels(project.id, files(tmp_path), COUNT)
    work()
    run = get_run(run.id)
    assert [image.n_cells for image in run.images] == [2, 2, 2]
    stored = read_labels(run_folder(run.id) / "b" / "labels.tif")
    assert (stored == np.roll(TRUTH, 1, axis=1)).all()
    corrected = sorted(corrected_images(project.id), key=lambda one: one.image.name)
    assert [(one.image.name, one.n_edits) for one in corrected] == [("a.tif", 0), ("b.tif", 0), ("c.tif", 0)]

    (tmp_path / "base").mkdir()
    save_network(FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1)), tmp_path / "base")
    (tmp_path / "base" / "metrics.json").write_text("{}")
    base = add_segmenter(create_project("other").id, tmp_path / "base", "tiny")
    keys = [one.key for one in corrected]
    request = RetrainRequest(project_id=project.id, learn=keys[:2], score=keys[2:], base=base.identity, name="own",
                             settings={"steps": 2})  # fmt: skip
    with pytest.raises(InputError, match="no segmenter 'tiny@.*' here"):
        request_retraining(request)
    mine = add_segmenter(project.id, tmp_path / "base", "tiny")
    job = request_retraining(request)
    record = get_segmenter(work()["segmenter_id"])
    remove_segmenter(mine.id)
    assert purge_segmenters(older_than_s=-1) == 1
    assert not work_folder(job.payload["work"]).exists()
    assert (record.name, [row["image"] for row in record.metrics["held_out"]]) == ("own", ["c.tif"])
    assert "own" in load_model(record.identity).name
    other = create_run(project.id, [corrected[0].image.image_id], COUNT.model_copy(update={
        "segment": SegmentSettings(segmenter=record.identity)}))  # fmt: skip
    queue.submit("analyse", {"run_id": other.id}, project.id)
    work()
    assert get_run(other.id).images[0].n_cells is not None
    tree = json.loads((run_folder(other.id) / "a" / "run.json").read_text())
    assert f"{record.identity}/weights.safetensors" in tree["weights_sha256"]

    stream = io.BytesIO()
    export_segmenter(record, stream)
    assert {"config.json", "weights.safetensors", "metrics.json"} <= set(zipfile.ZipFile(stream).namelist())
    remove_segmenter(record.id)
    assert not list_segmenters(project.id)
    assert restore_segmenter(record.id).removed is None
    remove_segmenter(record.id)
    assert purge_segmenters(older_than_s=-1) == 1
    assert record.folder.is_dir(), "a run names it"
    delete_run(other.id)
    purge_deleted(older_than_s=-1)
    add_segmenter(project.id, record.folder, record.name)
    remove_segmenter(list_segmenters(project.id)[0].id)
    assert purge_segmenters(older_than_s=-1) == 1
    assert not record.folder.exists()
    with pytest.raises(InputError, match="no segmenter"):
        require_named(create_project("other").id, "segmenter", record.identity)


def test_images_edited_by_hand_are_corrected_ones(project, tmp_path):
    (image, *_) = list_images(project.id)
    settings = COUNT.model_copy(update={"segment": SegmentSettings(segmenter="classical")})
    run = create_run(project.id, [image.id], settings)
    queue.submit("analyse", {"run_id": run.id}, project.id)
    work()
    assert not corrected_images(project.id)
    edit_masks(run.id, image.id, [Edit(EditKind.DELETE, cells=(1,))])
    (one,) = corrected_images(project.id)
    assert (one.key, one.n_edits) == ((run.id, image.id), 1)
    (own,) = own_of(project.id, [one.key])
    assert set(np.unique(own.read_labels((64, 64)))) == {0, 2}, "what is learnt from is what was left"


def test_what_was_not_corrected_or_is_on_both_sides_is_refused(project, tmp_path):
    import_labels(project.id, files(tmp_path)[:2], COUNT)
    work()
    (one, two) = (image.key for image in corrected_images(project.id))
    for learn, score, says in (([one], [one], "not seen"), ([("x", "y")], [], "no corrected outlines")):
        with pytest.raises(InputError, match=says):
            request_retraining(RetrainRequest(project_id=project.id, learn=learn, score=score, name="n"))
    with pytest.raises(InputError, match="a segmenter needs a name"):
        request_retraining(RetrainRequest(project_id=project.id, learn=[two], name="a/b"))
    with pytest.raises(InputError, match="holds no segmenter"):
        add_segmenter(project.id, tmp_path, "n")
    assert not queue.list_jobs(project.id)
