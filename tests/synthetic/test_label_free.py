"""Images of cells without stain, by seed."""

import numpy as np
import pytest

from cellapp.synthetic.label_free import Contrast, render_label_free
from cellapp.synthetic.outlines import Culture


@pytest.mark.parametrize("contrast", Contrast)
def test_seeds_repeat_and_differ(contrast):
    pixels, labels = render_label_free(contrast, 7, 96)
    again, same = render_label_free(contrast, 7, 96)
    assert pixels.shape == (1, 96, 96)
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels, again)
    assert np.array_equal(labels, same)
    assert not np.array_equal(pixels, render_label_free(contrast, 8, 96)[0])


def test_contrasts_do_not_share_their_cells():
    fields = [render_label_free(contrast, 3, 96)[1] for contrast in Contrast]
    assert not any(np.array_equal(fields[0], other) for other in fields[1:])


@pytest.mark.parametrize("contrast", Contrast)
def test_the_image_varies_more_at_cells_than_beside_them(contrast, monkeypatch):
    """Whatever the contrast, the truth is where the image differs from its background."""
    culture = Culture(radius_px=16, density=0.25, spikes=0)
    monkeypatch.setattr("cellapp.synthetic.label_free.draw_culture", lambda rng: culture)
    ratios = []
    for seed in range(4):
        pixels, labels = render_label_free(contrast, seed, 128)
        plane = pixels[0].astype(float) - np.median(pixels[0][labels == 0])
        ratios.append(np.abs(plane[labels > 0]).mean() / np.abs(plane[labels == 0]).mean())
    assert np.median(ratios) > 1.2
