import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile

from cellapp.errors import InputError, StoreError
from cellapp.exports.image_folder import read_analysis
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.worker import run_worker
from cellapp.models.load import load_model
from cellapp.segmentation.preview_files import load_preview
from cellapp.segmentation.slide_parameters import load_slide_parameters
from cellapp.settings import AnalyseSettings, SegmentSettings
from cellapp.store import cells, images, labels, open_image, projects, runs, uploads
from cellapp.store.blobs import digest_path
from cellapp.store.open_image import lacks_pyramid
from cellapp.store.records import Status
from cellapp.store.schema import now
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.paths import ROOT

pytestmark = pytest.mark.slow

COUNTING = AnalyseSettings.model_validate({"classify": {"head": None}})


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """Three small slides, the second without cells."""
    folder = tmp_path_factory.mktemp("slides")
    return [
        write_demo(folder / str(n), SyntheticSettings(height=256, width=256, seed=n, density=d)).slide
        for n, d in enumerate((0.4, 0.0, 0.4))
    ]


@pytest.fixture
def project(slides):
    project = projects.default_project()
    for n, path in enumerate(slides):
        uploads.add_image(project.id, path, f"slide {n}.tif")
    return project


def submit(project, settings=COUNTING, **choice):
    ids = [image.id for image in reversed(images.list_images(project.id))]
    run = runs.create_run(project.id, ids, settings, **choice)
    return run, queue.submit("analyse", {"run_id": run.id}, project.id)


def cells_of(run_id):
    folder = runs.run_folder(run_id)
    return {path.parent.name: pd.read_parquet(path) for path in sorted(folder.glob("*/cells.parquet"))}


def test_a_run_fills_the_store_and_its_folder(project):
    run, job = submit(project)
    run_worker(once=True)
    assert queue.get_job(job.id).status is Status.DONE
    done = runs.get_run(run.id)
    assert done.status is Status.DONE
    assert [image.n_cells for image in done.images][1] == 0
    for image in done.images:
        kept = cells.load_cells(run.id, image.image_id)
        assert kept.index.tolist() == cells_of(run.id)[image.stem].index.tolist()
        assert len(kept) == image.n_cells == image.summary["n_cells"]
    names = {path.name for path in runs.run_folder(run.id).iterdir()}
    assert {"summary.csv", "report.html"} <= names


def test_a_broken_image_fails_alone(project, home):
    run, job = submit(project)
    lost = images.get_image(run.images[0].image_id)
    digest_path(lost.digest).unlink()
    run_worker(once=True)
    done = runs.get_run(run.id)
    assert done.status is Status.PARTIAL
    assert [image.status for image in done.images] == [Status.FAILED, Status.DONE, Status.DONE]
    assert lost.name in done.images[0].error
    assert queue.get_job(job.id).result["n_failed"] == 1


def test_a_run_whose_images_all_fail_ends_as_failed(project):
    run, _ = submit(project)
    for image in run.images:
        digest_path(images.get_image(image.image_id).digest).unlink()
    run_worker(once=True)
    done = runs.get_run(run.id)
    assert done.status is Status.FAILED
    assert all(image.error for image in done.images)


def test_roles_picked_on_the_page_are_those_of_the_run(project):
    image = images.list_images(project.id)[0]
    images.set_channels(image.id, ("a", "b", "c"), ("other", "nucleus", "cytoplasm"))
    run = runs.create_run(project.id, [image.id], COUNTING)
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    analysis = read_analysis(runs.run_folder(run.id) / runs.get_run(run.id).images[0].stem)
    assert analysis.roles == ("other", "nucleus", "cytoplasm")
    assert analysis.info.channels == ("a", "b", "c")


def test_after_kill_9_the_next_worker_ends_with_the_same_cells(project):
    undisturbed, _ = submit(project, name="undisturbed")
    run_worker(once=True)

    run, job = submit(project, name="disturbed")
    worker = subprocess.Popen([sys.executable, "-m", "cellapp", "worker"], cwd=ROOT, env=os.environ)
    try:
        first = runs.run_folder(run.id) / run.images[0].stem / "run.json"
        _wait_for(first.exists)
    finally:
        family = psutil.Process(worker.pid).children(recursive=True)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        psutil.wait_procs(family, timeout=60)
    assert runs.get_run(run.id).status is not Status.DONE, "the run ended before it could be disturbed"
    written = first.stat().st_mtime_ns

    lost_after_s = 0.1
    time.sleep(2 * lost_after_s)  # no word of it is younger
    run_worker(once=True, lost_after_s=lost_after_s)
    assert queue.get_job(job.id).attempts == 2
    assert runs.get_run(run.id).status is Status.DONE
    assert first.stat().st_mtime_ns == written, "a finished image was done again"
    expected, found = cells_of(undisturbed.id), cells_of(run.id)
    assert expected.keys() == found.keys()
    for stem, table in expected.items():
        pd.testing.assert_frame_equal(found[stem], table)
    pd.testing.assert_frame_equal(
        cells.load_cells(run.id).drop(columns="image_id"), cells.load_cells(undisturbed.id).drop(columns="image_id")
    )


def test_a_preview_of_a_fast_segmenter_needs_no_job(project):
    image = images.list_images(project.id)[0]
    classical = COUNTING.model_copy(update={"segment": SegmentSettings(segmenter="classical")})
    payload = {"image_id": image.id, "region": [0, 0, 64, 64], "settings": classical.model_dump(mode="json")}
    with pytest.raises(Exception, match="only Cellpose flows"):
        HANDLERS["preview"](payload, lambda step, fraction: None)


def _wait_for(happened, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_large_image_gets_its_pyramid_from_a_job(tmp_path):
    project = projects.default_project()
    tifffile.imwrite(tmp_path / "wide.tif", np.ones((8, 3000), np.uint8))
    image = uploads.add_image(project.id, tmp_path / "wide.tif", "wide.tif")
    job = queue.submit("pyramid", {"image_id": image.id}, project.id)
    run_worker(once=True)
    assert queue.get_job(job.id).status is Status.DONE
    assert not lacks_pyramid(image)


def test_previews_of_a_slide_in_tiles_share_what_is_decided_on_it(tmp_path):
    path = write_demo(tmp_path, SyntheticSettings(height=200, width=300, seed=2, cell_diameter_um=14)).slide
    image = uploads.add_image(projects.default_project().id, path, "slide.tif")
    settings = AnalyseSettings.model_validate({"segment": {"tile_px": 256}})
    payload = {"image_id": image.id, "settings": settings.model_dump(mode="json")}
    steps = []
    assert HANDLERS["judge"](payload, lambda step, fraction: steps.append(step)) == {}
    assert "whole slide" in steps[0]
    parameters = load_slide_parameters(
        open_image.open_slide(image.id), load_model(settings.segment.segmenter), settings
    )
    for region in ([0, 0, 128, 128], [60, 150, 128, 140]):
        done = HANDLERS["preview"](payload | {"region": region}, lambda step, fraction: None)
        assert load_preview(done["key"]).diameter_px == parameters.fit.diameter_px


@pytest.fixture
def classified(slides):
    """A run of a slide with classes, its image's id and folder."""
    image = uploads.add_image(projects.default_project().id, slides[0], "slide.tif")
    run = runs.create_run(image.project_id, [image.id], AnalyseSettings())
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    return run.id, image.id, runs.run_folder(run.id) / runs.get_run(run.id).images[0].stem


def relabel(run_id, labels):
    return HANDLERS["relabel"]({"run_id": run_id, "labels": labels}, lambda step, fraction: None)


def test_manual_classes_reach_store_files_and_summary_and_can_be_taken_back(classified):
    run_id, image_id, folder = classified
    before, ids = read_analysis(folder).cells, cells.load_cells(run_id).index.tolist()
    relabel(run_id, {image_id: {str(ids[0]): "debris", str(ids[1]): "normal"}})  # JSON has text for keys
    for table in (read_analysis(folder).cells, cells.load_cells(run_id)):
        assert table.loc[ids[:2], "manual_label"].tolist() == ["debris", "normal"]
        assert (table.loc[ids[2:], "manual_label"].fillna("") == "").all()
    assert runs.get_run(run_id).images[0].summary["n_debris"] == 1
    relabel(run_id, {image_id: {str(ids[0]): "", str(ids[1]): ""}})
    pd.testing.assert_frame_equal(read_analysis(folder).cells, before)
    assert "n_debris" not in runs.get_run(run_id).images[0].summary


@pytest.mark.parametrize(("image", "cell", "error"), [("nowhere", 1, StoreError), (None, 99_999, InputError)])
def test_a_manual_class_of_a_cell_that_is_not_there_changes_nothing(classified, image, cell, error):
    run_id, image_id, folder = classified
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(error):
        relabel(run_id, {image or image_id: {str(cell): "cancer"}})
    assert contents == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert (cells.load_cells(run_id)["manual_label"].fillna("") == "").all()


class _Worker:
    """What a handler is given by a worker: progress that knows when the job was asked for."""

    def __init__(self):
        self.submitted = now()

    def __call__(self, step, fraction):
        pass


def test_a_job_done_again_does_not_override_a_newer_word(classified):
    """Its worker was killed behind the store, and somebody changed their mind before the next one took it."""
    run_id, image_id, folder = classified
    worker, (first, second) = _Worker(), cells.load_cells(run_id).index[:2].tolist()
    job = {"run_id": run_id, "labels": {image_id: {str(first): "debris", str(second): "debris"}}}
    HANDLERS["relabel"](job, worker)
    labels.relabel(run_id, image_id, {first: "normal", second: ""})
    for _ in range(2):
        HANDLERS["relabel"](job, worker)
        for table in (read_analysis(folder).cells, cells.load_cells(run_id)):
            assert table.loc[[first, second], "manual_label"].fillna("").tolist() == ["normal", ""]


def test_words_of_two_people_and_two_workers_reach_store_and_files(classified):
    run_id, image_id, folder = classified
    ids = cells.load_cells(run_id).index.tolist()
    given = [dict.fromkeys(ids[part::2], name) for part, name in enumerate(("debris", "normal"))]

    def person(words, who):
        for cell, name in words.items():
            labels.relabel(run_id, image_id, {cell: name}, who=who)
        HANDLERS["relabel"]({"run_id": run_id, "images": [image_id]}, lambda *_: None)

    with ThreadPoolExecutor() as people:
        list(people.map(person, given, ("Ada", "Ben")))
    expected = given[0] | given[1]
    for table in (read_analysis(folder).cells, cells.load_cells(run_id)):
        assert table["manual_label"].to_dict() == expected


def test_the_demo_slide_is_added_to_its_project():
    project, steps = projects.default_project(), []
    done = HANDLERS["demo"]({"project_id": project.id}, lambda step, fraction: steps.append(fraction))
    assert [image.id for image in images.list_images(project.id)] == [done["image_id"]]
    assert steps == sorted(steps)


def test_a_run_of_the_queue_has_its_map_of_cells(classified):
    run_id, *_ = classified
    done = HANDLERS["project"]({"run_id": run_id, "method": "pca"}, lambda step, fraction: None)
    assert done["n_cells"] == int((cells.load_cells(run_id)["label"] != "").sum())


def test_every_kind_the_pages_queue_has_a_handler():
    known = set(HANDLERS)
    queued = set()
    for path in [*(ROOT / "cellapp").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        queued |= set(re.findall(r"queue\.submit\(\s*[\"'](\w+)[\"']", path.read_text(encoding="utf-8")))
    assert {"analyse", "demo"} <= queued <= known
