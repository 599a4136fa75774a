"""Cells get their vectors from the windows of the slide they lie in, whoever asks and for whichever of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.measure import measure
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.encoders.slide_windows import grid_windows, pool_cells, pool_patches, zero_sums
from cellapp.errors import InputError
from cellapp.images.preprocess import Preprocessor
from cellapp.settings import CropMode, CropSettings, PreprocessSettings
from cellapp.types.cells import Crops, LabelMask
from cellapp.types.image import Region, Role
from tests.encoders.tiny import tiny_encoder
from tests.images.slides import slide_of

SIDE = 48
WINDOWS = CropSettings(mode=CropMode.WINDOW, size_px=SIDE)
ROLES = (Role.NUCLEUS, Role.CYTOPLASM)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def scene():
    """A slide whose sides are no multiples of the window's, with cells on a seam, in a corner and at the border."""
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 110, 130)).astype(np.uint16)
    labels = np.zeros((110, 130), np.int32)
    labels[5:25, 8:30], labels[40:60, 38:60], labels[90:110, 100:130], labels[70, 70] = 4, 2, 9, 30
    slide, mask = slide_of(pixels, channels=("dna", "actin")), LabelMask(labels, "test@1")
    return slide, mask, measure(slide, mask, channels=("dna", "actin"))


def pooled(encoder, scene, cells=None, *, crop=WINDOWS, mask=None):
    slide, known, table = scene
    chain = Preprocessor.fit(slide, PreprocessSettings())
    some = table if cells is None else cells
    return pool_cells(slide, mask or known, some, ROLES, chain, encoder=encoder, crop=crop)


def test_every_cell_has_a_vector_without_a_class_token(encoder, scene):
    found = pooled(encoder, scene)
    assert found.cell_ids.tolist() == [2, 4, 9, 30]
    assert found.cls.shape == (4, 0)
    assert found.features.shape == (4, 2 * encoder.dim)
    assert np.isfinite(found.features).all()
    assert (found.source, found.encoder) == ("grid", encoder.identity)


def test_a_cell_that_fills_its_window_has_the_vector_of_that_crop(encoder, scene):
    slide, mask, _ = scene
    labels = np.zeros_like(mask.labels)
    labels[SIDE : 2 * SIDE, :SIDE] = 1
    full = LabelMask(labels, "test@1")
    cells = measure(slide, full, channels=("dna", "actin"))
    found = pooled(encoder, scene, cells, mask=full)
    planes = Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())[:, SIDE : 2 * SIDE, :SIDE]
    crop = encoder_input(Crops([planes], np.zeros(1, np.int32), ("dna", "actin")), ROLES, encoder.input_px)
    expected = encoder.embed(crop, np.zeros(1, np.int32))
    np.testing.assert_allclose(found.mean_patch, expected.mean_patch, atol=1e-5)


def test_a_vector_does_not_depend_on_who_else_is_asked_for(encoder, scene):
    together, table = pooled(encoder, scene), scene[2]
    for row, cell in enumerate(table.index):
        alone = pooled(encoder, scene, table.loc[[cell]])
        np.testing.assert_allclose(alone.features[0], together.features[row], atol=1e-5)


def test_the_order_of_the_table_is_kept_and_memory_bounded(encoder, scene, monkeypatch):
    monkeypatch.setattr("cellapp.encoders.slide_windows._WINDOWS", 2)
    table = scene[2].iloc[[3, 0, 2, 1]]
    found = pooled(encoder, scene, table)
    assert found.cell_ids.tolist() == table.index.tolist()
    monkeypatch.undo()
    at_once = pooled(encoder, scene)
    np.testing.assert_allclose(found.features, at_once.features[[3, 0, 2, 1]], atol=1e-5)


def test_dropped_channels_are_dark(encoder, scene):
    slide, mask, table = scene
    dark = slide_of(slide.region() * np.array([0, 1], np.uint16)[:, None, None], channels=slide.info.channels)
    without = pooled(encoder, scene, crop=WINDOWS.model_copy(update={"drop_channels": ("nucleus",)}))
    np.testing.assert_allclose(without.features, pooled(encoder, (dark, mask, table)).features, atol=1e-5)


def test_no_cells_are_no_rows(encoder, scene):
    assert pooled(encoder, scene, scene[2].iloc[:0]).features.shape == (0, 2 * encoder.dim)


def test_a_cell_of_another_image_is_refused(encoder, scene):
    stranger = scene[2].iloc[:1].rename(index={2: 77})
    with pytest.raises(InputError, match="cell 77 is not in this label image"):
        pooled(encoder, scene, stranger)


def test_windows_lie_on_a_grid_that_depends_on_nothing_but_their_side():
    boxes = pd.DataFrame(
        [[0, 0, 10, 10], [8, 8, 12, 22]], columns=["bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"]
    )
    assert grid_windows(boxes, 10) == [
        Region(y, x, 10, 10) for y, x in [(0, 0), (0, 10), (0, 20), (10, 0), (10, 10), (10, 20)]
    ]
    assert grid_windows(boxes.iloc[:1], 10) == [Region(0, 0, 10, 10)]
    assert grid_windows(boxes.iloc[:0], 10) == []


GRID, DIM = (4, 4), 3
FEW = settings(max_examples=25, deadline=None)


def patches(n_windows=2, *, seed=0):
    return np.random.default_rng(seed).normal(size=(n_windows, GRID[0] * GRID[1], DIM)).astype(np.float32)


@st.composite
def labelled(draw):
    """Label images of two windows with sides that are no multiples of the grid, and the ids in them."""
    side = draw(st.integers(5, 18))
    seed = draw(st.integers(0, 10_000))
    labels = np.random.default_rng(seed).choice([0, 3, 7, 1000], size=(2, side, side), p=[0.4, 0.3, 0.2, 0.1])
    return labels, np.unique(labels[labels > 0])


@pytest.mark.parametrize("side", [4, 7, 16])
def test_a_cell_that_covers_everything_has_the_plain_mean_and_spread(side):
    found = pool_patches(patches(), np.full((2, side, side), 5), np.array([5]), GRID)
    flat = patches().reshape(-1, DIM)
    np.testing.assert_allclose(found.mean[0], flat.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.spread[0], flat.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.n_patches, [2 * GRID[0] * GRID[1]])


def test_a_patch_counts_by_the_share_of_it_that_is_covered():
    labels = np.zeros((1, 8, 8), int)
    labels[0, :2, :2], labels[0, :2, 2] = 1, 1  # the first patch whole, half of the second
    found = pool_patches(patches(1), labels, np.array([1]), GRID)
    first, second = patches(1)[0, :2]
    np.testing.assert_allclose(found.n_patches, [1.5])
    np.testing.assert_allclose(found.mean[0], (first + second / 2) / 1.5, atol=1e-6)


@FEW
@given(labelled(), st.permutations([0, 1, 2]))
def test_cells_may_be_asked_for_in_any_order(drawn, order):
    labels, ids = drawn
    order = [row for row in order if row < len(ids)]
    there, back = pool_patches(patches(), labels, ids, GRID), pool_patches(patches(), labels, ids[order], GRID)
    np.testing.assert_allclose(back.tokens, there.tokens[order])
    np.testing.assert_allclose(back.n_patches, there.n_patches[order])


@FEW
@given(labelled())
def test_a_cell_does_not_depend_on_other_cells(drawn):
    labels, ids = drawn
    together = pool_patches(patches(), labels, ids, GRID)
    for row, cell in enumerate(ids):
        alone = pool_patches(patches(), np.where(labels == cell, 9, 0), np.array([9]), GRID)
        np.testing.assert_allclose(alone.mean[0], together.mean[row], atol=1e-6)
        np.testing.assert_allclose(alone.spread[0], together.spread[row], atol=1e-6)


@FEW
@given(labelled())
def test_windows_can_be_added_one_by_one(drawn):
    labels, ids = drawn
    added = zero_sums(len(ids), DIM)
    for window in range(2):
        added += pool_patches(patches()[window : window + 1], labels[window : window + 1], ids, GRID)
    at_once = pool_patches(patches(), labels, ids, GRID)
    np.testing.assert_allclose(added.mean, at_once.mean, atol=1e-6)
    np.testing.assert_allclose(added.spread, at_once.spread, atol=1e-5)


def test_a_cell_of_one_pixel_has_the_token_of_its_patch():
    labels = np.zeros((1, 16, 16), int)
    labels[0, 5, 9] = 2
    found = pool_patches(patches(1), labels, np.array([2]), GRID)
    np.testing.assert_allclose(found.mean[0], patches(1)[0, 1 * GRID[1] + 2], atol=1e-6)
    np.testing.assert_allclose(found.spread[0], 0, atol=1e-5)


@pytest.mark.parametrize("ids", [[], [4]], ids=["nobody asked for", "nobody there"])
def test_no_cell(ids):
    found = pool_patches(patches(), np.zeros((2, 8, 8), int), np.array(ids, np.int32), GRID)
    assert found.tokens.shape == found.squares.shape == (len(ids), DIM)
    assert not found.n_patches.any()
