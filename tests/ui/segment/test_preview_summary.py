"""What a preview says of its diameter, and the strips of its rejected cells."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cellapp.rendering.composition import Composition
from cellapp.segmentation.preview import PreviewFlows
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from cellapp.ui.segment.preview import RegionPreview
from cellapp.ui.segment.preview_summary import contact_sheet, diameter_sentence

SHOWN = Composition(("#FF0000",), ((0.0, 255.0),))


def preview_of(labels, *, region=None, slide_job=None):
    height, width = labels.shape
    raw = np.full((1, height, width), 100, np.uint8)
    flows = PreviewFlows(region or Region(0, 0, height, width), raw, raw.astype(np.float32), None, 20.0)
    return RegionPreview(flows, LabelMask(labels, "t@1"), pd.DataFrame(), 0.1, None, slide_job)


def image_of(um_per_px=None, side=64):
    return SimpleNamespace(um_per_px=um_per_px, info=SimpleNamespace(shape=(1, side, side), pixels=side * side))


@pytest.mark.parametrize(
    ("region", "segment", "where"),
    [
        (None, {}, "found on the whole image as a run does"),
        (Region(0, 0, 32, 64), {}, "found in this region; a run looks at the whole image"),
        (None, {"diameter": 20.0}, None),
    ],
)
def test_the_sentence_says_where_a_diameter_was_found_unless_it_was_typed(region, segment, where):
    settings = AnalyseSettings.model_validate({"segment": segment})
    text = diameter_sentence(preview_of(np.zeros((64, 64), np.int32), region=region), image_of(), settings)
    assert "20 px" in text
    assert ("found" in text) == (where is not None)
    assert where is None or where in text


def test_a_diameter_is_given_in_micrometres_where_the_scale_is_known():
    preview = preview_of(np.zeros((64, 64), np.int32))
    assert "20 px (10.0 µm)" in diameter_sentence(preview, image_of(um_per_px=0.5), AnalyseSettings())


@pytest.mark.parametrize(("n", "rows", "columns"), [(1, 1, 1), (12, 1, 12), (13, 2, 12), (36, 3, 12)])
def test_a_contact_sheet_has_a_tile_for_each_cell(n, rows, columns):
    labels = np.zeros((40, 10 * n), np.int32)
    boxes = []
    for i in range(n):
        labels[10:18, 10 * i + 1 : 10 * i + 9] = i + 1
        boxes.append((10, 10 * i + 1, 18, 10 * i + 9))
    cells = pd.DataFrame(boxes, columns=["bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"], index=range(1, n + 1))
    cells = cells.assign(centroid_y_px=14.0, centroid_x_px=cells[["bbox_x0_px", "bbox_x1_px"]].mean(axis=1), area_px=64)
    sheet = contact_sheet(preview_of(labels), cells, SHOWN, ("a",))
    tile = sheet.shape[0] // rows
    assert sheet.shape == (rows * tile, columns * tile, 3)
    drawn = [
        bool(sheet[y : y + tile, x : x + tile].any())
        for y in range(0, sheet.shape[0], tile)
        for x in range(0, sheet.shape[1], tile)
    ]
    assert drawn == [True] * n + [False] * (rows * columns - n)
