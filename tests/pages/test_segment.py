import re

import numpy as np
import pytest
import tifffile

from cellapp.classification.head_io import save_head
from cellapp.errors import InputError
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.models.load import load_model
from cellapp.settings import CropMode, CropSettings, FeatureSettings, SegmentSettings
from cellapp.store import open_image, projects, runs, uploads
from cellapp.store.open_image import make_pyramid
from cellapp.store.records import Status
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Region
from cellapp.ui.segment.workbench import region_of
from tests.classification.heads import random_head
from tests.pages.seeding import seed_image

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/segment.py"


@pytest.fixture
def page(open_page, seeded):
    return open_page(PAGE)


def counted(app):
    return int(app.metric[0].value.replace(",", ""))


def add_pixels(folder, pixels, name="plain.tif"):
    tifffile.imwrite(folder / name, pixels, photometric="minisblack")
    return uploads.add_image(projects.default_project().id, folder / name, name)


def test_the_region_is_segmented_at_once_with_the_defaults(page):
    assert counted(page) > 0
    assert page.slider(key="segment_min_size_px").value == SegmentSettings().min_size_px
    assert not page.error


def test_a_head_that_makes_no_maps_is_not_asked_for_any(open_page, seeded, home):
    crop, reads = CropSettings(mode=CropMode.WINDOW), FeatureSettings(source="grid")
    save_head(random_head(crop=crop, reads=reads), home / "heads" / "fast")
    page = open_page(PAGE)
    assert any(widget.key == "explain_n" for widget in [*page.number_input, *page.slider])
    page.selectbox(key="classify_head").set_value(str(home / "heads" / "fast")).run()
    assert not page.exception
    assert not any(widget.key == "explain_n" for widget in [*page.number_input, *page.slider])
    assert any("makes no maps" in caption.value for caption in page.caption)


def test_a_larger_minimum_size_leaves_fewer_cells(page):
    before = counted(page)
    page.slider(key="segment_min_size_px").set_value(2000).run()
    assert not page.exception
    assert counted(page) < before


def test_thresholds_do_not_run_the_network_again(page, monkeypatch):
    from cellapp.segmentation.compact import CompactSegmenter

    def refuse(*_):
        raise AssertionError("flows were made again")

    monkeypatch.setattr(CompactSegmenter, "flows", refuse)
    page.slider(key="segment_cellprob_threshold").set_value(1.0).run()
    page.slider(key="segment_min_size_px").set_value(40).run()
    assert not page.exception


def test_the_page_says_how_long_its_answer_took(page):
    assert [caption for caption in page.caption if re.fullmatch(r"Answered in \d+\.\d\d s\.", caption.value)]


def test_an_image_without_cells_says_what_to_try(open_page, tmp_path):
    add_pixels(tmp_path, np.full((80, 80), 5, np.uint16))
    app = open_page(PAGE)
    assert counted(app) == 0
    assert "Nothing found" in " ".join(caption.value for caption in app.caption)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 40)])
def test_small_images_open(shape, open_page, tmp_path):
    add_pixels(tmp_path, np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
    assert not open_page(PAGE).error


def test_pixels_that_are_not_numbers_are_refused_in_one_sentence(open_page, tmp_path):
    add_pixels(tmp_path, np.full((40, 40), np.nan, np.float32))
    app = open_page(PAGE)
    assert len(app.error) == 1
    assert "\n" not in app.error[0].value


def test_a_diameter_can_be_typed(page):
    page.toggle(key="segment_auto").set_value(False).run()
    page.number_input(key="segment_diameter").set_value(20.0).run()
    assert not page.exception
    assert "20 px" in " ".join(caption.value for caption in page.caption)


def test_contradicting_percentiles_are_told_and_lose_nothing(page):
    page.slider(key="preprocess_clip_low").set_value(90.0).run()
    page.slider(key="preprocess_clip_high").set_value(50.0).run()
    assert not page.exception
    assert len(page.error) == 1
    page.slider(key="preprocess_clip_high").set_value(99.0).run()
    assert not page.error


def test_preprocessing_can_be_compared_with_the_raw_region(page):
    before = page.get("bidi_component")[0].proto.json
    page.segmented_control(key="segment_picture").set_value("Preprocessed").run()
    assert not page.exception
    assert page.get("bidi_component")[0].proto.json != before


def test_the_region_moves_by_numbers_and_stays_inside(page, seeded):
    key = f"region_{seeded.image.id}"
    page.number_input(key=f"{key}_height").set_value(64).run()
    page.number_input(key=f"{key}_y").set_value(9999).run()
    assert not page.exception
    assert page.session_state[key] == (192, 0, 64, 256)


def test_the_region_is_central_at_first(seeded):
    assert region_of(seeded.image) == Region(0, 0, 256, 256)


def test_rejected_cells_are_shown_by_reason(page):
    page.session_state["rejected_panel"] = True
    page.run()
    assert not page.exception
    assert "touches the image border" in " ".join(element.value for element in page.markdown)


def test_run_writes_the_settings_queues_the_job_and_asks_for_a_worker(page, seeded, no_worker):
    page.slider(key="segment_min_size_px").set_value(30).run()
    page.button(key="start_run").click().run()
    assert not page.exception
    run = runs.list_runs(seeded.project.id)[0]
    assert run.settings.segment.min_size_px == 30
    assert [row.image_id for row in run.images] == [seeded.image.id]
    assert [job.payload["run_id"] for job in queue.list_jobs(seeded.project.id)] == [run.id]
    assert no_worker
    assert page.query_params["run"] == run.id


def test_settings_left_alone_are_the_defaults(page, seeded):
    page.button(key="start_run").click().run()
    from cellapp.settings import AnalyseSettings

    chosen = runs.list_runs(seeded.project.id)[0].settings
    default = AnalyseSettings()
    assert (chosen.segment, chosen.preprocess, chosen.quality, chosen.crop) == (
        default.segment,
        default.preprocess,
        default.quality,
        default.crop,
    )


def test_a_run_takes_all_images_or_this_one(open_page, seeded, tmp_path):
    seed_image(tmp_path, name="second.tif", seed=2)
    app = open_page(PAGE, image=seeded.image.id)
    assert app.button(key="start_run").label == "Run on 2 images"
    app.segmented_control(key="run_images").set_value("This image").run()
    app.button(key="start_run").click().run()
    assert [row.image_id for row in runs.list_runs(seeded.project.id)[0].images] == [seeded.image.id]


def test_a_run_can_be_cancelled(page, seeded):
    page.button(key="start_run").click().run()
    page.button(key="cancel_run").click().run()
    assert not page.exception
    assert runs.list_runs(seeded.project.id)[0].status is Status.CANCELLED


def test_a_failed_image_keeps_its_sentence(open_page, seeded):
    from cellapp.settings import AnalyseSettings

    run = runs.create_run(seeded.project.id, [seeded.image.id], AnalyseSettings())
    runs.set_image_status(run.id, seeded.image.id, "failed", error="the pixels are all the same")
    runs.finish_run(run.id)
    app = open_page(PAGE)
    table = app.dataframe[-1].value
    assert table["problem"].tolist() == ["the pixels are all the same"]


@pytest.mark.parametrize("n", [1, 5])
def test_where_no_cells_were_found_is_told_in_full_and_of_many_images_folded(open_page, seeded, tmp_path, n):
    from cellapp.settings import AnalyseSettings

    more = [seed_image(tmp_path, seed=10 + k, name=f"{k}.tif").image.id for k in range(1, n)]
    run = runs.create_run(seeded.project.id, [seeded.image.id, *more], AnalyseSettings())
    for row in run.images:
        runs.set_image_status(run.id, row.image_id, "done", summary={"n_cells": 0, "note": "no cells were found"})
    runs.finish_run(run.id)
    app = open_page(PAGE)
    assert sum("no cells were found" in one.value for one in app.caption) == n
    assert any(one.label == f"Notes on {n} of {n} images" for one in app.expander) == (n > 3)
    assert "problem" not in app.dataframe[-1].value, "an image without cells has a result"


@pytest.fixture
def slow(monkeypatch):
    """The default segmenter, pretending to need a worker."""
    from cellapp.segmentation.compact import CompactSegmenter
    from cellapp.ui.segment import preview

    preview._segmenter.clear()
    monkeypatch.setattr(CompactSegmenter, "fast", False)
    yield
    preview._segmenter.clear()


def test_a_slow_segmenter_is_asked_for_once_and_shown_when_done(open_page, seeded, slow, monkeypatch):
    from cellapp.segmentation.preview import preview_flows
    from cellapp.settings import AnalyseSettings
    from cellapp.ui.segment import preview

    app = open_page(PAGE)
    assert not app.metric
    app.button(key="ask_preview").click().run()
    (job,) = queue.list_jobs(seeded.project.id)
    settings = AnalyseSettings.model_validate(job.payload["settings"])
    region = Region(*job.payload["region"])
    network = load_model(settings.segment.segmenter)
    found = preview_flows(open_image.open_slide(seeded.image.id), region, network, settings)
    queue.claim("tester")
    queue.finish(job.id, {"key": "kept"}, worker_id="tester")
    monkeypatch.setattr(preview, "load_preview", {"kept": found}.__getitem__)
    app.run()
    assert not app.exception
    assert counted(app) > 0


def test_a_failed_preview_says_why_and_can_be_asked_again(open_page, seeded, slow):
    app = open_page(PAGE)
    app.button(key="ask_preview").click().run()
    (job,) = queue.list_jobs(seeded.project.id)
    queue.claim("tester")
    queue.fail(job.id, "out of memory", worker_id="tester")
    app.run()
    assert "Out of memory" in app.error[0].value
    app.button(key="ask_preview").click().run()
    assert len(queue.list_jobs(seeded.project.id)) == 1


@pytest.fixture
def long_slide(tmp_path):
    """A flat slide of two tiles."""
    pixels, _, _ = render_field(SyntheticSettings(height=150, width=2100, seed=3, cell_diameter_um=15))
    return add_pixels(tmp_path, pixels, "long.tif")


def said(app):
    return " ".join(caption.value for caption in app.caption)


def waiting(image, kind):
    return [job for job in queue.list_jobs(image.project_id) if job.kind == kind]


def work_off(job):
    while (claimed := queue.claim("tester")) is not None and claimed.id != job.id:
        queue.requeue(claimed.id, worker_id="tester")
    result = HANDLERS[job.kind](dict(job.payload), lambda step, fraction: None)
    queue.finish(job.id, result, worker_id="tester")


def test_a_region_of_a_slide_in_tiles_goes_by_what_the_worker_finds_on_the_slide(open_page, long_slide, monkeypatch):
    app = open_page(PAGE, image=long_slide.id)
    assert not app.metric, "a page does not read a whole flat slide"
    (job,) = waiting(long_slide, "judge")
    make_pyramid(long_slide.id)
    app.run()
    assert "found in this region until the whole slide has been looked at" in said(app)
    assert [one.id for one in waiting(long_slide, "judge")] == [job.id]
    work_off(job)
    app.run()
    assert not app.exception
    assert "found on the whole image as a run does" in said(app)
    assert counted(app) > 0
    app.slider(key="segment_min_size_px").set_value(99).run()
    assert not waiting(long_slide, "judge"), "a threshold asks the worker nothing"


def test_a_slide_that_cannot_be_judged_says_why(open_page, long_slide):
    app = open_page(PAGE, image=long_slide.id)
    (job,) = waiting(long_slide, "judge")
    while queue.claim("tester").id != job.id:
        pass
    queue.fail(job.id, "1 NaN pixel", worker_id="tester")
    app.run()
    assert not app.exception
    assert "1 NaN pixel" in app.error[0].value


def test_where_the_diameter_was_found_is_said_only_where_it_was_looked_for(page, seeded):
    assert "found on the whole image as a run does" in said(page)
    page.session_state[f"region_{seeded.image.id}"] = (0, 0, 200, 200)
    page.run()
    assert "found in this region; a run looks at the whole image" in said(page)
    page.toggle(key="segment_auto").set_value(False).run()
    assert "found" not in said(page).split("Cell diameter, drawn")[1].split(".")[0]


def test_an_error_stands_above_the_settings_where_the_image_would(open_page, seeded, monkeypatch):
    def unread(*_):
        raise InputError("'slide.tif' is damaged")

    monkeypatch.setattr("cellapp.ui.segment.workbench.preview_region", unread)
    page = open_page(PAGE)
    kinds = [one.type for one in page.main]
    assert [error.value for error in page.error] == ["'slide\\.tif' is damaged\\."]
    assert kinds.index("error") < kinds.index("toggle"), "of the diameter, the first of the settings"
