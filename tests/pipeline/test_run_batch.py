import json
from functools import partial

import pandas as pd
import pytest

from cellapp.compute.executor import Engine
from cellapp.errors import Cancelled
from cellapp.images.read import open_slide
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings

pytestmark = pytest.mark.slow

TILED = AnalyseSettings.model_validate({"segment": {"segmenter": "classical", "tile_px": 256, "diameter": 56}})
COUNTING = TILED.model_copy(
    update={
        "segment": TILED.segment.model_copy(update={"tile_px": 2048}),
        "classify": TILED.classify.model_copy(update={"head": None}),
    }
)


def items_of(*files):
    return [RunItem(f"image{n}", partial(open_slide, path)) for n, path in enumerate(files)]


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.tif"
    path.write_text("not an image")
    return path


def test_a_failed_image_is_reported_and_the_others_go_on(tmp_path, demo, empty_demo, broken):
    report = run_images(items_of(demo.slide, broken, empty_demo.slide), COUNTING, tmp_path / "out")
    assert [result.stem for result in report.results] == ["image0", "image1", "image2"]
    assert [result.stem for result in report.failed] == ["image1"]
    assert report.failed[0].unusable
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert summary["image"].tolist() == ["image0", "image2"]
    assert not (tmp_path / "out" / "image1").exists()


def test_a_run_in_which_nothing_can_be_read_leaves_nothing_behind(tmp_path, broken):
    report = run_images(items_of(broken), COUNTING, tmp_path / "out")
    assert len(report.failed) == 1
    assert not (tmp_path / "out").exists()


def test_resume_keeps_what_is_finished_with_the_same_settings_and_bytes(tmp_path, demo, empty_demo):
    out = tmp_path / "out"
    run_images(items_of(demo.slide), COUNTING, out)
    before = (out / "image0" / "run.json").stat().st_mtime_ns
    again = run_images(items_of(demo.slide, empty_demo.slide), COUNTING, out, resume=True)
    assert [result.resumed for result in again.results] == [True, False]
    assert (out / "image0" / "run.json").stat().st_mtime_ns == before
    assert len(pd.read_csv(out / "summary.csv")) == 2
    other = COUNTING.model_copy(update={"seed": 1})
    assert not run_images(items_of(demo.slide), other, out, resume=True).results[0].resumed
    assert not run_images(items_of(empty_demo.slide), other, out, resume=True).results[0].resumed


def test_cancel_keeps_finished_images(tmp_path, demo, empty_demo):
    def stop_at_second(step, fraction):
        if step.startswith("image1"):
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        run_images(items_of(empty_demo.slide, demo.slide), COUNTING, tmp_path / "out", on_progress=stop_at_second)
    assert json.loads((tmp_path / "out" / "image0" / "run.json").read_text())
    assert not (tmp_path / "out" / "image1").exists()


def test_progress_never_goes_back_and_ends_at_one(tmp_path, demo, empty_demo):
    told = []
    run_images(
        items_of(demo.slide, empty_demo.slide), COUNTING, tmp_path, on_progress=lambda _, part: told.append(part)
    )
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, demo, empty_demo):
    """Two small images and one of several tiles, and what a run in this process makes of them."""
    out = tmp_path_factory.mktemp("serial")
    images = items_of(demo.slide, empty_demo.slide)
    run_images(images, TILED, out)
    return images, out


def check_same_files(found, expected):
    summaries = [pd.read_csv(out / "summary.csv").drop(columns="seconds") for out in (found, expected)]
    pd.testing.assert_frame_equal(*summaries)
    for stem in ("image0", "image1"):
        for name in ("cells.csv", "labels.tif", "outlines.geojson", "overlay.png", "crops.zip", "embeddings.npz"):
            assert (found / stem / name).read_bytes() == (expected / stem / name).read_bytes(), f"{stem}/{name}"
    assert not [path for path in found.iterdir() if path.name.startswith(".")]


def test_processes_give_the_same_files(tmp_path, mixed):
    images, expected = mixed
    told = []
    run_images(images, TILED, tmp_path, engine=Engine("processes:2"), on_progress=lambda step, _: told.append(step))
    check_same_files(tmp_path, expected)
    assert any("tile 3 of 4" in step for step in told)


def test_a_cluster_gives_the_same_files(tmp_path, mixed):
    from dask.distributed import LocalCluster

    images, expected = mixed
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        run_images(images, TILED, tmp_path, engine=Engine(cluster.scheduler_address))
    check_same_files(tmp_path, expected)


def test_a_broken_image_fails_alone_wherever_it_is_done(tmp_path, demo, broken):
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        report = run_images(items_of(broken, demo.slide), COUNTING, tmp_path, engine=Engine(cluster.scheduler_address))
    assert [result.stem for result in report.failed] == ["image0"]
    assert report.failed[0].unusable
    assert (tmp_path / "image1" / "run.json").exists()


@pytest.mark.parametrize("tile_px", [256, 2048])
def test_a_run_cancelled_at_any_step_goes_on_from_there_and_ends_with_the_same_cells(tmp_path, demo, tile_px):
    chosen = COUNTING.model_copy(update={"segment": COUNTING.segment.model_copy(update={"tile_px": tile_px})})
    images, steps = items_of(demo.slide), []
    run_images(images, chosen, tmp_path / "whole", on_progress=lambda step, _: steps.append(step))

    def stop_half_way(step, fraction):
        if step == steps[len(steps) // 2]:
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        run_images(images, chosen, tmp_path / "parts", on_progress=stop_half_way)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [".image0.work"]
    run_images(images, chosen, tmp_path / "parts", resume=True)
    for name in ("cells.csv", "labels.tif", "crops.zip"):
        assert (tmp_path / "parts" / "image0" / name).read_bytes() == (
            tmp_path / "whole" / "image0" / name
        ).read_bytes()
    assert not (tmp_path / "parts" / ".image0.work").exists()


def test_other_settings_do_not_go_on_from_finished_tiles(tmp_path, demo):
    def stop(step, fraction):
        if "tile 3" in step:
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        run_images(items_of(demo.slide), TILED, tmp_path, on_progress=stop)
    told, other = [], TILED.model_copy(update={"seed": 1})
    run_images(items_of(demo.slide), other, tmp_path, resume=True, on_progress=lambda step, _: told.append(step))
    assert any("tile 1 of 4" in step for step in told)


def test_a_model_that_cannot_be_had_is_said_of_each_image(tmp_path, demo):
    missing = COUNTING.model_copy(update={"classify": COUNTING.classify.model_copy(update={"head": "no-such-head"})})
    report = run_images(items_of(demo.slide), missing, tmp_path / "out")
    assert "no-such-head" in report.failed[0].error
    assert report.failed[0].unusable, "a name of no model is unusable, like a file that is no image"
    assert not (tmp_path / "out").exists()
