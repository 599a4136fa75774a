"""Thresholds of a plane, and planes that show nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.segmentation.foreground import (
    LOGIT_SPAN,
    find_foreground,
    find_threshold,
    is_illumination_gradient,
    is_noise,
    noise_width,
)
from tests.segmentation.phantoms import discs, glowing, grid_of_discs

LABELS = grid_of_discs(10, n=3)


def white_noise(width, seed=0, shape=(120, 120)):
    return (0.5 + np.random.default_rng(seed).normal(0, width, shape)).astype(np.float32)


def slope(shape=(120, 120)):
    return np.broadcast_to(np.linspace(0.2, 0.8, shape[1], dtype=np.float32), shape)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_bright_discs_are_the_foreground(noise):
    mask = find_foreground(glowing(LABELS, noise)[0], 1.5).mask()
    truth = LABELS > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


@given(gain=st.floats(0.1, 5), offset=st.floats(0, 3))
@settings(max_examples=15, deadline=None)
def test_gain_and_offset_do_not_move_the_mask(gain, offset):
    plane = glowing(LABELS, 0.01)[0]
    mask = find_foreground(plane, 1.5).mask()
    scaled = find_foreground((gain * plane + offset).astype(np.float32), 1.5).mask()
    assert (mask != scaled).mean() < 0.01


def test_a_higher_limit_only_removes_pixels():
    foreground = find_foreground(glowing(LABELS)[0], 1.5)
    masks = [foreground.mask(limit) for limit in (-3, 0, 2, 4)]
    assert all((larger >= smaller).all() for larger, smaller in zip(masks, masks[1:], strict=False))
    assert masks[0].sum() > masks[-1].sum() > 0


def test_the_means_of_cells_and_background_are_12_logits_apart():
    logit = find_foreground(glowing(LABELS, 0.01)[0], 1.0).logit
    assert logit[logit > 0].mean() - logit[logit <= 0].mean() == pytest.approx(2 * LOGIT_SPAN, rel=1e-3)


@pytest.mark.parametrize("plane", [np.full((50, 50), 0.3, np.float32), white_noise(0.1), white_noise(0.001), slope()])
def test_planes_without_objects_are_empty(plane):
    foreground = find_foreground(plane, 1.5)
    assert foreground.empty
    assert not foreground.mask().any()
    assert find_threshold(plane, 1.5).empty


def test_a_threshold_of_the_slide_segments_a_part_as_the_whole():
    plane = glowing(LABELS, 0.03)[0]
    threshold = find_threshold(plane, 1.5)
    whole = find_foreground(plane, 1.5, threshold=threshold)
    part = find_foreground(plane[:40, :40], 1.5, threshold=threshold)
    np.testing.assert_allclose(part.logit[:30, :30], whole.logit[:30, :30], rtol=1e-4, atol=1e-3)


def test_an_empty_part_of_a_slide_with_cells_stays_without_cells():
    threshold = find_threshold(glowing(LABELS, 0.02)[0], 1.5)
    background = (0.1 + np.random.default_rng(1).normal(0, 0.02, (60, 60))).astype(np.float32)
    assert not find_foreground(background, 1.5, threshold=threshold).mask().any()


def test_a_local_threshold_separates_cells_on_uneven_illumination():
    labels = grid_of_discs(8, n=4)
    plane = 0.25 * (labels > 0) + np.linspace(0, 0.6, labels.shape[1])[None, :] ** 2
    plane = plane.astype(np.float32)
    truth = labels > 0
    overlap = []
    for block_px in (None, 48.0):
        mask = find_foreground(plane, 1.0, block_px).mask()
        overlap.append((mask & truth).sum() / (mask | truth).sum())
    assert overlap[1] > overlap[0]


@given(width=st.floats(0.01, 1), seed=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_the_width_of_white_noise_is_estimated_within_a_tenth(width, seed):
    assert noise_width(white_noise(width, seed)) == pytest.approx(width, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (2, 300_000), (300_000, 2), (3, 300_000), (1200, 900)])
def test_the_noise_of_a_plane_of_any_shape_is_a_number(shape):
    noise = np.random.default_rng(0).normal(0, 0.3, shape).astype(np.float32)
    assert noise_width(noise) == (pytest.approx(0.3, rel=0.1) if min(shape) > 2 else pytest.approx(0.3, abs=0.3))


def test_cells_hardly_change_the_estimate_of_the_noise():
    plane = glowing(discs((200, 200), [(60, 60), (130, 140)], 15), noise=0.0)[0]
    noisy = plane + np.random.default_rng(0).normal(0, 0.05, plane.shape)
    assert noise_width(noisy) == pytest.approx(0.05, rel=0.1)


def test_a_contrast_is_noise_only_up_to_a_multiple_of_the_noise():
    plane = white_noise(0.1)
    smooth = ndimage.gaussian_filter(plane, 2.0)
    above = smooth > np.median(smooth)
    contrast = float(smooth[above].mean() - smooth[~above].mean())
    assert is_noise(plane, 2.0, contrast)
    assert not is_noise(plane, 2.0, 10 * contrast)


def test_a_gradient_is_told_from_an_edge():
    gradient, edge = slope(), np.where(np.arange(120) < 60, 0.2, 0.8)[None, :].repeat(120, axis=0)
    for plane, expected in ((gradient, True), (edge, False)):
        above = plane > 0.5
        contrast = float(plane[above].mean() - plane[~above].mean())
        assert is_illumination_gradient(plane, above, contrast) is expected
