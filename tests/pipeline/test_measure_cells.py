"""Cells measured in parts are cells measured at once."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.cells.measure import measure
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline import measure_cells
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask


@pytest.mark.parametrize("n_cells", [0, 7, 40])
def test_parts_give_the_table_of_the_whole_and_are_not_measured_twice(demo, monkeypatch, n_cells):
    monkeypatch.setattr(measure_cells, "_BATCH", 6)
    context = make_context(
        open_slide(demo.slide), None, RunModels(load_model("classical")), AnalyseSettings(um_per_px=0.5)
    )
    labels = tifffile.imread(demo.labels).astype(np.int32)
    labels[labels > n_cells] = 0
    asked = []

    def run_tasks(task, parts):
        asked.append(len(parts))
        return run_serially(context)(task, parts[::-1])

    whole = measure(context.source, LabelMask(labels, "truth"), channels=context.source.info.channels, um_per_px=0.5)
    with temporary_checkpoint() as checkpoint:
        with checkpoint.new_labels(labels.shape) as kept:
            kept[:] = labels
        mask = LabelMask(checkpoint.labels(), "truth")
        for _ in range(2):
            found = measure_cells.measure_cells(context, mask, checkpoint, run_tasks)
            pd.testing.assert_frame_equal(found, whole)
    assert asked == [max(-(-len(whole) // 6), 1), 0]
