"""A process of an engine opens an image and loads the models of a run once, for all parts it is given."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tifffile
import torch

from cellapp.images.read import open_slide
from cellapp.pipeline import remote_tasks
from cellapp.pipeline.remote_tasks import ImageTask, TileTask
from cellapp.pipeline.run_inputs import RunItem
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import save_network
from cellapp.settings import AnalyseSettings, SegmentSettings

COUNTING = AnalyseSettings.model_validate({"segment": {"segmenter": "classical"}, "classify": {"head": None}})


def echo(context, part):
    """The task of these tests: the image it was given, and the part."""
    return id(context), context.slide.digest, part


def weights_read(context, part):
    """A task that tells the digests of the models it works with."""
    return dict(context.models.weights)


def write_network(folder, seed):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(seed)
    save_network(FlowNetwork(NetworkSettings("residual", (8, 16), 1, 2, False)), folder)


@pytest.fixture
def opened(monkeypatch):
    """Names of the images opened by a process that has just started."""
    monkeypatch.setattr(remote_tasks, "_open_images", remote_tasks._OpenImages())
    remote_tasks._loaded.cache_clear()
    names = []

    def open_and_note(path):
        names.append(path.name)
        return open_slide(path)

    return names, open_and_note


def task_of(path, opening, settings=COUNTING, target=None):
    item = RunItem(path.stem, partial(opening, path), partial(opening, target) if target else None)
    return TileTask(echo, item, settings, (open_slide(path).digest,))


def test_parts_of_one_image_share_its_context(demo, opened):
    names, opening = opened
    results = [task_of(demo.slide, opening)(part) for part in range(3)]
    assert names == [demo.slide.name]
    assert len({context for context, *_ in results}) == 1
    assert [part for *_, part in results] == [0, 1, 2]


def test_another_image_or_other_settings_are_opened_anew(demo, empty_demo, opened):
    names, opening = opened
    other = COUNTING.model_copy(update={"seed": 1})
    tasks = [
        task_of(demo.slide, opening),
        task_of(empty_demo.slide, opening),
        task_of(empty_demo.slide, opening, other),
    ]
    digests = [task(0)[1] for task in tasks]
    assert len(names) == 3
    assert digests == [open_slide(path).digest for path in (demo.slide, empty_demo.slide, empty_demo.slide)]


def test_parts_of_two_images_in_turn_open_neither_again_and_a_third_closes_the_older(
    tmp_path, demo, empty_demo, opened
):
    names, opening = opened
    tifffile.imwrite(tmp_path / "third.tif", np.zeros((1, 64, 64), np.uint8))
    first, second, third = (task_of(path, opening) for path in (demo.slide, empty_demo.slide, tmp_path / "third.tif"))
    contexts = [task(0)[0] for task in (first, second, first, second, first)]
    assert len(names) == 2
    assert len(set(contexts)) == 2
    for task in (third, first):
        task(0)
    assert len(names) == 3
    second(0)
    assert len(names) == 4


def test_weights_that_changed_under_one_path_are_loaded_anew(demo, opened, tmp_path):
    names, opening = opened
    write_network(tmp_path / "mine", seed=1)
    named = COUNTING.model_copy(update={"segment": SegmentSettings(segmenter=str(tmp_path / "mine"))})
    task = replace(task_of(demo.slide, opening, named), task=weights_read)
    before = task(0)
    assert task(1) == before
    assert len(names) == 1
    write_network(tmp_path / "mine", seed=2)
    after = task(2)
    assert set(after) == set(before)
    assert after != before


def test_threads_of_one_process_open_an_image_once(demo, opened):
    names, opening = opened
    task = task_of(demo.slide, opening)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(task, range(8)))
    assert names == [demo.slide.name]
    assert sorted(part for *_, part in results) == list(range(8))


def test_a_target_is_opened_beside_its_reference(demo, opened):
    names, opening = opened
    task_of(demo.slide, opening, target=demo.slide)(0)
    assert names == [demo.slide.name] * 2


def test_tasks_travel_to_other_processes(demo, tmp_path):
    item = RunItem("demo", partial(open_slide, demo.slide))
    tile = pickle.loads(pickle.dumps(TileTask(echo, item, COUNTING, ("digest",))))
    assert (tile.item.stem, tile.settings, tile.digests) == ("demo", COUNTING, ("digest",))
    image = pickle.loads(pickle.dumps(ImageTask(COUNTING, tmp_path, resume=True)))
    assert image == ImageTask(COUNTING, tmp_path, resume=True)


def test_an_image_is_written_where_it_is_done_and_only_its_result_comes_back(empty_demo, tmp_path):
    result, analysis = ImageTask(COUNTING, tmp_path, resume=False)(
        RunItem("empty", partial(open_slide, empty_demo.slide))
    )
    assert analysis is None
    assert result.summary["n_cells"] == 0
    assert (tmp_path / "empty" / "cells.csv").is_file()
