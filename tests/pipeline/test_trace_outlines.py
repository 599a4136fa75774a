"""Outlines traced in parts give the file that outlines traced at once do, and none is traced twice."""

import pickle

import numpy as np
import pytest

from cellapp.exports import geojson
from cellapp.exports.geojson import write_geojson
from cellapp.pipeline import trace_outlines as module
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.trace_outlines import TraceBatch, trace_outlines
from tests.exports.toy import toy_analysis

CLASSES = ("cancer", "normal")


def run_backwards(task, parts):
    """Do the parts as other processes would, the last first."""
    return (pickle.loads(pickle.dumps(task))(None, part) for part in parts[::-1])


@pytest.fixture
def of_toy():
    """Return what opens a checkpoint with the labels of an analysis."""

    def opened(analysis, checkpoint):
        with checkpoint.new_labels(analysis.mask.labels.shape) as kept:
            kept[:] = analysis.mask.labels
        return checkpoint

    with temporary_checkpoint() as checkpoint:
        yield lambda analysis: opened(analysis, checkpoint)


@pytest.mark.parametrize("n_cells", [0, 1, 9])
@pytest.mark.parametrize("batch", [1, 4, 256])
def test_parts_in_any_order_give_the_bytes_of_the_whole(tmp_path, monkeypatch, of_toy, n_cells, batch):
    monkeypatch.setattr(module, "_BATCH", batch)
    analysis, _ = toy_analysis(n_cells)
    expected = write_geojson(analysis.mask, analysis.cells, tmp_path / "whole.geojson", classes=CLASSES).read_bytes()
    traced = trace_outlines(analysis.cells, of_toy(analysis), run_backwards, no_progress)
    assert len([*traced.values()]) == len(analysis.cells)
    monkeypatch.setattr(geojson, "polygons_of", None)  # none is traced again
    path = write_geojson(analysis.mask, analysis.cells, tmp_path / "parts.geojson", classes=CLASSES, kept=traced)
    assert path.read_bytes() == expected
    assert [*traced] == analysis.cells.index.tolist()
    assert len(traced) == len(analysis.cells)


def test_finished_parts_are_not_traced_again(monkeypatch, of_toy):
    monkeypatch.setattr(module, "_BATCH", 2)
    analysis, _ = toy_analysis(9)
    checkpoint, asked = of_toy(analysis), []

    def run(task, parts):
        asked.append([number for number, *_ in parts])
        return run_backwards(task, parts)

    n_parts = -(-len(analysis.cells) // 2)
    ids, boxes = analysis.cells.index.to_numpy(np.int32), analysis.cells[module.BOX_COLUMNS].to_numpy()
    TraceBatch(checkpoint)(None, (1, ids[2:4], boxes[2:4]))
    for _ in range(2):
        assert len([*trace_outlines(analysis.cells, checkpoint, run, no_progress).values()]) == len(analysis.cells)
    assert asked == [[0, *range(2, n_parts)], []]


def test_cells_of_one_part_are_in_memory_at_a_time(monkeypatch, of_toy):
    monkeypatch.setattr(module, "_BATCH", 2)
    analysis, _ = toy_analysis(9)
    checkpoint, read = of_toy(analysis), []
    traced = trace_outlines(analysis.cells, checkpoint, run_backwards, no_progress)
    monkeypatch.setattr(type(checkpoint), "read", _counted(type(checkpoint).read, read))
    assert [traced[cell_id] for cell_id in analysis.cells.index] == [*traced.values()]
    assert len(read) == 2 * -(-len(analysis.cells) // 2)
    assert traced._part.cache_info().currsize == 1


def _counted(function, calls):
    def counted(self, name, *fields):
        calls.append(name)
        return function(self, name, *fields)

    return counted
