"""A synthetic slide belongs to its seed and its places, and shows what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.synthetic.field import render_field, render_region
from cellapp.synthetic.layout import place_cells
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Region

pytestmark = pytest.mark.slow

SMALL = SyntheticSettings(height=300, width=420, seed=3)


@pytest.fixture(scope="module")
def small_field():
    return render_field(SMALL)


@settings(max_examples=12, deadline=None)
@given(y=st.integers(0, 299), x=st.integers(0, 419), height=st.integers(1, 200), width=st.integers(1, 200))
def test_any_rectangle_is_the_same_as_in_the_whole(small_field, y, x, height, width):
    region = Region(y, x, min(height, 300 - y), min(width, 420 - x))
    pixels, labels = render_region(SMALL, region)
    np.testing.assert_array_equal(labels, small_field[1][region.slices])
    np.testing.assert_array_equal(pixels, small_field[0][(slice(None), *region.slices)])


def test_equal_settings_give_equal_fields_and_another_seed_does_not(small_field):
    again = render_field(SMALL)
    np.testing.assert_array_equal(again[0], small_field[0])
    assert again[2] == small_field[2]
    assert not np.array_equal(render_field(SMALL.model_copy(update={"seed": 4}))[0], small_field[0])


@pytest.mark.parametrize(("dtype", "n_channels"), [("uint8", 3), ("uint16", 4)])
def test_dtype_and_channels_are_as_asked(dtype, n_channels):
    chosen = SyntheticSettings(height=64, width=80, dtype=dtype, n_channels=n_channels)
    pixels, labels, _ = render_field(chosen)
    assert pixels.dtype == dtype
    assert pixels.shape == (n_channels, 64, 80)
    assert labels.shape == (64, 80)


def test_every_label_has_a_class_and_is_one_piece(small_field):
    _, labels, classes = small_field
    assert set(np.unique(labels)) - {0} == set(classes)
    assert set(classes.values()) == {"cancer", "normal"}
    pieces = [ndimage.label(labels == cell_id)[1] for cell_id in classes]
    assert pieces == [1] * len(classes)


def test_no_density_is_an_empty_slide_with_noise():
    pixels, labels, classes = render_field(SyntheticSettings(height=64, width=64, density=0))
    assert classes == {}
    assert not labels.any()
    assert pixels.std() > 0


def test_one_pixel_is_a_slide():
    pixels, labels, _ = render_field(SyntheticSettings(height=1, width=1))
    assert pixels.shape == (3, 1, 1)
    assert labels.shape == (1, 1)


def test_density_is_the_covered_share():
    covered = [
        (render_field(SyntheticSettings(height=512, width=512, density=d, seed=2))[1] > 0).mean() for d in (0.15, 0.45)
    ]
    assert covered == pytest.approx([0.15, 0.45], rel=0.2)


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, {"normal"}), (1.0, {"cancer"})])
def test_cancer_fraction_decides_the_classes(fraction, expected):
    _, _, classes = render_field(SyntheticSettings(height=200, width=200, cancer_fraction=fraction))
    assert set(classes.values()) == expected


def test_cancer_fraction_holds_on_average():
    chosen = SyntheticSettings(height=4000, width=4000, cancer_fraction=0.3, seed=1)
    cells = place_cells(chosen, Region(0, 0, 4000, 4000))
    assert len(cells) > 2000
    assert np.mean([cell.cancer for cell in cells]) == pytest.approx(0.3, abs=0.03)


def test_more_touching_gives_more_contacts():
    def contacts(touching: float) -> float:
        chosen = SyntheticSettings(height=512, width=512, touching=touching, density=0.3, seed=5)
        labels = render_field(chosen)[1]
        meet = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
        return meet.sum()

    assert contacts(0.0) < contacts(0.8) / 2


def test_each_channel_shows_its_part_of_the_cell(small_field):
    pixels, labels, _ = small_field
    actin, cytoplasm, nucleus = (plane.astype(float) for plane in pixels)
    rim = (labels > 0) & (ndimage.distance_transform_edt(labels > 0) < 3)
    core = ndimage.distance_transform_edt(labels > 0) > 18
    assert cytoplasm[labels > 0].mean() > 3 * cytoplasm[labels == 0].mean()
    assert nucleus[core].mean() > 5 * nucleus[rim].mean()
    assert actin[rim].mean() > 2 * actin[labels == 0].mean()


def test_uneven_light_darkens_places_and_noise_roughens_the_background():
    flat = SyntheticSettings(height=256, width=256, density=0, illumination=0, noise=0)
    noisy = flat.model_copy(update={"noise": 1.0})
    rough, smooth = (render_field(chosen)[0].std(axis=(1, 2)) for chosen in (noisy, flat))
    assert (rough > 3 * smooth).all()
    lit, dim = (
        render_field(flat.model_copy(update={"density": 0.4, "illumination": value}))[0].astype(float)
        for value in (0.0, 0.8)
    )
    assert (dim <= lit).all()
    assert dim.mean() < 0.9 * lit.mean()
