"""Cells cut some at a time are those cut one by one, in whatever order they lie in the image."""

import numpy as np
import pytest

from cellapp.pipeline import cell_planes
from cellapp.pipeline.encoder_crops import encoder_planes
from tests.cells.toy import blobs, measured, noise
from tests.pipeline.test_encoder_crops import context_of


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_are_the_cells_in_the_order_of_the_table(monkeypatch, batch):
    pixels = noise((120, 160), "uint8")
    mask, _, table = measured(blobs(7), pixels)
    context, shuffled = context_of(pixels), table.sample(frac=1, random_state=3)
    monkeypatch.setattr(cell_planes, "_BATCH", batch)
    batches = list(cell_planes.plane_batches(context, mask, shuffled, 24))
    assert max(len(at) for at, _ in batches) <= batch
    assert sorted(np.concatenate([at for at, _ in batches])) == list(range(7))
    planes = cell_planes.cell_planes(context, mask, shuffled, 24)
    for i in range(7):
        alone = encoder_planes(context, mask, shuffled.iloc[[i]], context.head_preprocessor, 24)
        np.testing.assert_array_equal(planes[i], np.rint(255 * alone[0]).astype(np.uint8))
    assert cell_planes.cell_planes(context, mask, shuffled[:0], 24).shape == (0, 3, 24, 24)
