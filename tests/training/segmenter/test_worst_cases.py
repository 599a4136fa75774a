"""Pictures of the worst images."""

import numpy as np
import pytest
from PIL import Image

from cellapp.segmentation.classical import Classical
from cellapp.training.segmenter.source_images import Kind, read_labelled_images
from cellapp.training.segmenter.worst_cases import FOUND_RGB, TRUE_RGB, draw_failure, worst_pictures


@pytest.fixture
def pictures(data):
    return [*read_labelled_images(data, "train", 1), *read_labelled_images(data, "val", 1)]


def test_the_worst_of_each_kind_is_chosen(pictures):
    ap50 = {picture: 0.9 - at / 10 for at, picture in enumerate(pictures)}
    worst = worst_pictures(ap50)
    assert worst.keys() == {picture.kind for picture in pictures}
    for kind, picture in worst.items():
        assert ap50[picture] == min(value for other, value in ap50.items() if other.kind is kind)


def test_a_picture_is_small_and_shows_both_outlines(pictures, tmp_path):
    synthetic = next(picture for picture in pictures if picture.kind is Kind.SYNTHETIC)
    draw_failure(Classical(), synthetic, tmp_path / "new" / "worst.png")
    path = tmp_path / "new" / "worst.png"
    assert path.stat().st_size < 60_000
    shown = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    for colour in (TRUE_RGB, FOUND_RGB):
        assert (shown == colour).all(axis=1).any()


def test_an_image_smaller_than_the_window_is_shown_whole(pictures, tmp_path):
    draw_failure(Classical(), pictures[0], tmp_path / "worst.png")
    assert Image.open(tmp_path / "worst.png").size == (192, 192)
