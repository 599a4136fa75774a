"""One way of cutting: what is classified, explained and shown of a cell is the same place, cut the same way."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.models.bundle import RunModels
from cellapp.pipeline.context import make_context
from cellapp.pipeline.encoder_crops import encoder_crops, raw_crops
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings, CropMode, CropSettings, FeatureSettings, PreprocessSettings
from cellapp.types.image import Role
from tests.cells.toy import blobs, measured, noise, slide_of
from tests.classification.heads import random_head

PLAIN = PreprocessSettings(clip=False, normalise=False, clahe=False, denoise=False)
NAMES = ("nucleus", "actin")


@pytest.fixture(scope="module")
def cells():
    """Mask and table of seven cells, none at the border."""
    mask, _, table = measured(blobs(7), noise((120, 160), "uint8"))
    return mask, table


def context_of(pixels, **head):
    models = RunModels(Classical(), None, random_head(**head))
    return make_context(slide_of(pixels, NAMES), None, models, AnalyseSettings())


def cut(context, mask, table):
    return encoder_crops(context, mask, table, context.head_preprocessor)


def cut_raw(context, mask, table):
    crop, source = context.models.head.crop, context.source
    return raw_crops(source, mask, table, crop, channels=source.info.channels, roles=context.roles)


@pytest.mark.parametrize("mode", [CropMode.WINDOW, CropMode.PADDED, CropMode.MASKED])
def test_raw_and_processed_crops_show_the_same_pixels(cells, mode):
    mask, table = cells
    context = context_of(noise((120, 160), "uint8"), crop=CropSettings(mode=mode, size_px=48), preprocess=PLAIN)
    crops, raw = cut(context, mask, table), cut_raw(context, mask, table)
    assert crops.cell_ids.tolist() == table.index.tolist()
    for processed, one in zip(crops.pixels, raw, strict=True):
        height, width = processed.shape[1:]
        top, left = (one.pixels.shape[1] - height) // 2, (one.pixels.shape[2] - width) // 2
        within = one.pixels[:, top : top + height, left : left + width]
        np.testing.assert_allclose(processed, within / 255, atol=1e-6)
        assert one.pixels.shape[1] == one.pixels.shape[2] == one.inside.shape[0]


def test_inside_is_the_cell_and_has_its_area(cells):
    mask, table = cells
    context = context_of(noise((120, 160), "uint8"), crop=CropSettings(mode=CropMode.PADDED, size_px=64))
    areas = [int(one.inside.sum()) for one in cut_raw(context, mask, table)]
    assert areas == [int((mask.labels == cell_id).sum()) for cell_id in table.index]


def test_crops_fitted_by_themselves_do_not_depend_on_the_rest_of_the_slide(cells):
    mask, table = cells
    pixels = noise((120, 160), "uint8")
    brighter = pixels.copy()
    brighter[:, mask.labels == 0] = 255
    crop = CropSettings(mode=CropMode.MASKED)
    alone = FeatureSettings(fit_to="crop")
    for reads, same in ((alone, True), (FeatureSettings(), False)):
        one, other = (
            cut(context_of(p, crop=crop, reads=reads, preprocess=PreprocessSettings()), mask, table).pixels
            for p in (pixels, brighter)
        )
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)) == same


def test_the_order_of_the_table_is_kept_and_no_cells_are_no_crops(cells):
    mask, table = cells
    context = context_of(noise((120, 160), "uint8"))
    backwards = cut(context, mask, table[::-1])
    assert backwards.cell_ids.tolist() == table.index[::-1].tolist()
    np.testing.assert_array_equal(backwards.pixels[-1], cut(context, mask, table).pixels[0])
    assert len(cut(context, mask, table.iloc[:0])) == len(cut_raw(context, mask, table.iloc[:0])) == 0


@pytest.mark.parametrize("mode", [*CropMode])
@pytest.mark.parametrize("angle", [0.0, 30.0])
def test_a_nucleus_is_cut_where_its_cell_is_and_neighbours_keep_theirs(cells, mode, angle):
    """Here the nuclei are the whole cells: what is cut as nucleus is what is cut as cell."""
    mask, table = cells
    settings, source = CropSettings(mode=mode, size_px=48), slide_of(noise((120, 160), "uint8"), NAMES)
    given = {"channels": NAMES, "roles": (Role.NUCLEUS, Role.OTHER), "angle_deg": angle}
    for one in raw_crops(source, mask, table, settings, nuclei=mask.labels, **given):
        assert one.core.shape == one.inside.shape
        assert not (one.core & ~one.inside).any()
        assert one.core.sum() >= 0.9 * one.inside.sum()
    none = np.zeros_like(mask.labels)
    assert not any(one.core.any() for one in raw_crops(source, mask, table, settings, nuclei=none, **given))
    assert all(one.core is None for one in raw_crops(source, mask, table, settings, **given))


def test_a_dropped_channel_is_dark_in_both(cells):
    mask, table = cells
    context = context_of(noise((120, 160), "uint8"), crop=CropSettings(drop_channels=("nucleus",)))
    assert not any(pixels[0].any() for pixels in cut(context, mask, table).pixels)
    assert not any(one.pixels[0].any() for one in cut_raw(context, mask, table))
    renamed = replace(context, roles=(Role.OTHER, Role.NUCLEUS))
    assert not any(pixels[0].any() for pixels in cut(renamed, mask, table).pixels), "names come before roles"
