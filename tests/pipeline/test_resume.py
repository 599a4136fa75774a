"""Whatever is killed, the cells are the same, and what was finished is not done again."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from cellapp.compute.executor import Engine
from cellapp.images.read import open_slide
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings
from tests.paths import ROOT

pytestmark = pytest.mark.slow

COUNTING = AnalyseSettings.model_validate(
    {"segment": {"segmenter": "classical", "tile_px": 256, "diameter": 56}, "classify": {"head": None}}
)
FILES = ("cells.csv", "labels.tif", "outlines.geojson", "crops.zip")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, demo):
    out = tmp_path_factory.mktemp("undisturbed")
    run_images([RunItem("demo", partial(open_slide, demo.slide))], COUNTING, out)
    return out / "demo"


def check_same_files(found, expected):
    for name in FILES:
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name


def wait_for(happened, seconds=120):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_after_kill_9_the_command_goes_on_from_finished_tiles(tmp_path, demo, undisturbed):
    chosen, out = tmp_path / "settings.json", tmp_path / "out"
    chosen.write_text(json.dumps(COUNTING.model_dump(mode="json")))
    command = [sys.executable, "-m", "cellapp", "analyse", demo.slide, "--out", out, "--settings", chosen]
    running = subprocess.Popen([*command, "--engine", "processes:1"], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: list(out.glob(".demo.work/tile-*.npz")))
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert not (out / "demo").exists(), "the run ended before it could be disturbed"
    n_left = len(list(out.glob(".demo.work/tile-*.npz")))

    told = []
    item = RunItem("demo", partial(open_slide, demo.slide))
    run_images([item], COUNTING, out, resume=True, on_progress=lambda step, _: told.append(step))
    tiles = [step for step in told if "tile" in step]
    assert n_left >= 1
    assert f"tile {min(n_left + 1, 4)} of 4" in tiles[0]
    assert len(tiles) <= 5 - n_left
    check_same_files(out / "demo", undisturbed)
    assert not list(out.glob(".*"))


def test_a_cluster_that_loses_a_worker_gives_the_same_cells(tmp_path, demo, undisturbed):
    from dask.distributed import Client, LocalCluster

    killed = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            victims = list(client.run(os.getpid).values())

        def kill_one(step, fraction):
            if "tile 2" in step and not killed:
                killed.append(victims[0])
                os.kill(victims[0], signal.SIGKILL)

        item = RunItem("demo", partial(open_slide, demo.slide))
        run_images([item], COUNTING, tmp_path, engine=Engine(cluster.scheduler_address), on_progress=kill_one)
    assert killed
    check_same_files(tmp_path / "demo", undisturbed)
    assert not list(tmp_path.glob(".*"))
