"""Which of two networks an image is for."""

import json

import numpy as np
import pytest

from cellapp.errors import ModelError
from cellapp.segmentation.contrast import COLOUR_STATISTICS, GRAY_STATISTICS
from cellapp.segmentation.network_choice import NetworkChoice, read_windows
from cellapp.types.image import ImageInfo, Role, Slide
from tests.segmentation.phantoms import discs


def slide_of(pixels):
    info = ImageInfo("a", "tiff", pixels.shape, str(pixels.dtype), tuple(f"c{i}" for i in range(len(pixels))), None,
                     (pixels.shape[1:],), pixels.nbytes)  # fmt: skip
    return Slide(info, "a", (pixels,))


@pytest.fixture
def choice(tmp_path):
    """Rules that go by the level of the background of gray images and by the red of colour ones."""
    content = {}
    for name, statistics, by in (("gray", GRAY_STATISTICS, "background"), ("colour", COLOUR_STATISTICS, "red")):
        weights = [10.0 * (one == by) for one in statistics]
        ones, zeros = [1.0] * len(statistics), [0.0] * len(statistics)
        content[name] = {"mean": zeros, "scale": ones, "weights": weights, "intercept": -5.0 if name == "gray" else 0}
    path = tmp_path / "choice.json"
    path.write_text(json.dumps(content))
    return NetworkChoice.read(path)


TRUTH = discs((200, 220), [(50, 50), (120, 160), (150, 60)], 20) > 0
SHADOW = np.roll(TRUTH, 9, axis=1) & ~TRUTH
GRAIN = np.random.default_rng(0).integers(0, 4, TRUTH.shape)
GLOWING = (60 * TRUTH + 10 + GRAIN).astype(np.uint8)[None]
RELIEF = (150 - 90 * TRUTH + 50 * SHADOW + GRAIN).astype(np.uint8)[None]
"""Darker and brighter than the background, which is in the brighter half."""


def test_gray_images_go_by_the_gray_rule(choice):
    assert choice.is_label_free(slide_of(RELIEF), (Role.OTHER,))
    assert not choice.is_label_free(slide_of(255 - RELIEF), (Role.OTHER,))


def test_contrast_on_one_side_of_the_background_alone_is_a_stain(choice):
    for pixels in (GLOWING, 255 - GLOWING):
        assert not choice.is_label_free(slide_of(pixels), (Role.OTHER,))


def test_a_photograph_goes_by_its_colours_and_a_gray_one_as_gray(choice):
    photo = np.concatenate([GLOWING, 255 - GLOWING, 255 - GLOWING])
    roles = (Role.COLOUR,) * 3
    assert choice.is_label_free(slide_of(photo), roles)
    assert not choice.is_label_free(slide_of(photo[[1, 1, 0]]), roles)
    assert choice.is_label_free(slide_of(RELIEF[[0, 0, 0]]), roles)
    assert not choice.is_label_free(slide_of(GLOWING[[0, 0, 0]]), roles)


def test_no_pixel_is_read_where_a_stain_is_known(choice):
    slide = Slide(slide_of(GLOWING).info, "a", (None,))
    assert not choice.is_label_free(slide, (Role.NUCLEUS,))


def test_a_large_slide_is_judged_by_few_windows(choice):
    side = 4000
    large = np.tile(RELIEF, (1, side // 200 + 1, side // 220 + 1))[:, :side, :side]
    windows = read_windows(slide_of(large))
    assert len(windows) == 4
    assert all(window.shape == (1, 512, 512) for window in windows)
    assert choice.is_label_free(slide_of(large), (Role.OTHER,))
    empty = np.random.default_rng(1).integers(10, 14, (1, 512, 512)).astype(np.uint8)
    assert choice.log_odds([empty, RELIEF], (Role.OTHER,)) == choice.log_odds([RELIEF], (Role.OTHER,))


@pytest.mark.parametrize("content", ["", "{}", '{"gray": {"mean": "x"}}'])
def test_damaged_rules_are_refused(tmp_path, content):
    path = tmp_path / "choice.json"
    path.write_text(content)
    with pytest.raises(ModelError, match="no rules"):
        NetworkChoice.read(path)
    with pytest.raises(ModelError, match="restore"):
        NetworkChoice.read(tmp_path / "absent.json")
