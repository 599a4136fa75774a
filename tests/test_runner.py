import json
from functools import partial

import pandas as pd
import pytest

from cellapp.engine import Engine
from cellapp.errors import Cancelled, InputError
from cellapp.images.read import open_slide
from cellapp.runner import RunItem, run_images
from cellapp.settings import AnalyseSettings

COUNTING = AnalyseSettings.model_validate({"classify": {"head": None}})


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


def test_a_cluster_gives_the_same_files(tmp_path, demo, empty_demo):
    from dask.distributed import LocalCluster

    images = items_of(demo.slide, empty_demo.slide)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        remote = run_images(images, COUNTING, tmp_path / "dask", engine=Engine(cluster.scheduler_address))
    local = run_images(images, COUNTING, tmp_path / "serial")
    for there, here in zip(remote.results, local.results, strict=True):
        assert {**there.summary, "seconds": 0} == {**here.summary, "seconds": 0}
    for stem in ("image0", "image1"):
        for name in ("cells.csv", "labels.tif", "outlines.geojson", "crops.zip"):
            files = [tmp_path / engine / stem / name for engine in ("dask", "serial")]
            assert files[0].read_bytes() == files[1].read_bytes(), name


@pytest.mark.parametrize("address", ["parallel", "", "host:1"])
def test_an_engine_is_serial_or_an_address(address):
    with pytest.raises(InputError, match="serial or tcp"):
        Engine(address)


def test_a_cluster_that_is_not_there_is_said_plainly():
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://127.0.0.1:1"):
        list(Engine("tcp://127.0.0.1:1").map(str, [1]))
