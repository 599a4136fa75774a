"""Several slides of several tiles, of which an engine has two in hand, end as they do one after the other."""

import threading
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.compute.executor import Engine
from cellapp.errors import Cancelled
from cellapp.exports import image_folder
from cellapp.images.read import open_slide
from cellapp.pipeline import run_batch
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo

pytestmark = pytest.mark.slow

TILED = AnalyseSettings.model_validate(
    {"segment": {"segmenter": "classical", "tile_px": 256, "diameter": 56}, "classify": {"head": None}}
)
FILES = ("cells.csv", "cells.parquet", "labels.tif", "outlines.geojson", "overlay.png", "crops.zip")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Three slides and one that cannot be used, and what a run in this process makes of them."""
    folder = tmp_path_factory.mktemp("slides")
    paths = [
        write_demo(folder / str(seed), SyntheticSettings(height=512, width=300 + 100 * seed, seed=seed)).slide
        for seed in range(3)
    ]
    damaged = folder / "damaged.tif"
    tifffile.imwrite(damaged, np.full((1, 400, 400), np.nan, np.float32))
    images = [RunItem(f"image{n}", partial(open_slide, path)) for n, path in enumerate([paths[0], damaged, *paths[1:]])]
    out = tmp_path_factory.mktemp("serial")
    run_images(images, TILED, out)
    return images, out


def check_same(found, expected):
    summaries = [pd.read_csv(out / "summary.csv").drop(columns="seconds") for out in (found, expected)]
    pd.testing.assert_frame_equal(*summaries)
    assert summaries[0]["image"].tolist() == ["image0", "image2", "image3"]
    for stem in summaries[0]["image"]:
        for name in FILES:
            assert (found / stem / name).read_bytes() == (expected / stem / name).read_bytes(), f"{stem}/{name}"
    assert not [path for path in found.iterdir() if path.name.startswith(".")]


def test_the_files_are_those_of_one_after_the_other(tmp_path, several):
    from dask.distributed import LocalCluster

    images, expected = several
    fractions, ended = [], []
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        report = run_images(
            images,
            TILED,
            tmp_path,
            engine=Engine(cluster.scheduler_address),
            on_progress=lambda _, fraction: fractions.append(fraction),
            on_image=lambda result, _: ended.append(result.stem),
        )
    check_same(tmp_path, expected)
    assert [result.stem for result in report.results] == [image.stem for image in images]
    assert [result.stem for result in report.failed] == ["image1"]
    assert report.failed[0].unusable
    assert sorted(ended) == [image.stem for image in images]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_cancelled_run_goes_on_from_the_parts_of_both_slides_in_hand(tmp_path, several):
    images, expected = several

    def stop(step, _):
        if step.startswith("image2: Finding cells, tile 3"):
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled, match="stopped by the user"):
        run_images(images, TILED, tmp_path, engine=Engine("processes:2"), on_progress=stop)
    assert (tmp_path / ".image2.work").is_dir()
    run_images(images, TILED, tmp_path, engine=Engine("processes:2"), resume=True)
    check_same(tmp_path, expected)


def test_models_are_loaded_once_for_both(tmp_path, several, monkeypatch):
    loads, load = [], run_batch.load_run_models
    monkeypatch.setattr(run_batch, "load_run_models", lambda settings: loads.append(settings) or load(settings))
    run_images(several[0], TILED, tmp_path, engine=Engine("processes:1"))
    assert len(loads) == 1


@pytest.mark.parametrize("where", ["on_image", "on_progress"])
def test_what_the_caller_raises_ends_the_run_long_before_the_other_slide_in_hand(tmp_path, several, where):
    def stop(first, _):
        if where == "on_image" or first.startswith("image0: Finding cells, tile 2"):
            raise RuntimeError("the caller")

    before = {*threading.enumerate()}
    with pytest.raises(RuntimeError, match="the caller"):
        run_images(several[0], TILED, tmp_path, engine=Engine("processes:1"), **{where: stop})
    assert not (tmp_path / "image3").exists()
    assert not [thread for thread in {*threading.enumerate()} - before if "ThreadPool" in thread.name]


class Noting:
    """An engine that does parts when their results are asked for, and notes when it was given which, and asked."""

    parallel = True

    def __init__(self):
        self.events = []

    @contextmanager
    def open(self):
        """Give what hands out."""
        yield self._run

    def _run(self, task, items):
        name = type(getattr(task, "task", task)).__name__
        self.events.append(("given", name))
        return self._results(name, task, items)

    def _results(self, name, task, items):
        self.events.append(("asked", name))
        yield from map(task, items)


def test_workers_have_their_parts_before_this_process_waits_for_others_or_writes(tmp_path, several, monkeypatch):
    images, expected = several
    engine = Noting()
    write = image_folder.write_labels
    monkeypatch.setattr(
        image_folder, "write_labels", lambda *args, **how: (engine.events.append("labels.tif"), write(*args, **how))
    )
    run_images(images[2:3], TILED, tmp_path, engine=engine)
    for name in FILES:
        assert (tmp_path / "image2" / name).read_bytes() == (expected / "image2" / name).read_bytes(), name
    at = {event: engine.events.index(event) for event in engine.events}
    assert at["given", "TraceBatch"] < at["given", "DrawCrops"] < at["labels.tif"]
    assert at["labels.tif"] < at["asked", "TraceBatch"] < at["asked", "DrawCrops"]
