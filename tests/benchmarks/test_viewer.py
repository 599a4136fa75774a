"""The viewer's benchmark on a small slide, and the slide it is made of."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import viewer, wide_slide
from cellapp.segmentation.label_image import read_labels
from cellapp.store import open_image, runs

pytestmark = pytest.mark.slow

SHAPE = (700, 2100)


def test_every_kind_of_tile_is_timed(home):
    figures = viewer.measure(home, SHAPE, 20)
    assert figures["requests"] == 20
    for kind in ("without_pyramid", "drawn", "kept", "many"):
        assert 0 < figures[f"{kind}_ms_median"] <= figures[f"{kind}_ms_p95"] <= figures[f"{kind}_ms_max"]


def test_labels_and_table_of_a_wide_slide_say_the_same(tmp_path):
    image = wide_slide.seed_image(tmp_path, SHAPE, 2)
    run = wide_slide.seed_run(image)
    folder = runs.run_folder(run.id) / run.images[0].stem
    labels, table = read_labels(folder / "labels.tif", SHAPE), pd.read_parquet(folder / "cells.parquet")
    assert set(np.unique(labels)) - {0} == set(table.index)
    np.testing.assert_array_equal(np.bincount(labels.ravel())[table.index], table["area_px"])
    slide = open_image.open_slide(image.id)
    assert slide.info.shape == (2, *SHAPE)
    assert slide.region()[:, labels > 0].mean() > slide.region()[:, labels == 0].mean()
