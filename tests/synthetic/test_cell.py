"""One rendered cell: inside its patch, of its size, and of the appearance of its class."""

import dataclasses

import numpy as np
import pytest

from cellapp.synthetic.appearance import CANCER, NORMAL, appearance_of
from cellapp.synthetic.cell import render_cell
from cellapp.synthetic.layout import PlacedCell
from cellapp.synthetic.settings import CHANNELS, SyntheticSettings

SETTINGS = SyntheticSettings(n_channels=4)


def placed(seed=0, *, cancer=False, radius_px=28.0, y=200.3, x=150.8):
    return PlacedCell(1, (seed, 0, 0, 0), y, x, radius_px, cancer)


@pytest.mark.parametrize("cancer", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_cell_lies_whole_inside_its_patch_around_its_centre(seed, cancer):
    cell = placed(seed, cancer=cancer)
    rendered = render_cell(SETTINGS, cell)
    inside = rendered.radius < 1
    edge = np.ones_like(inside)
    edge[1:-1, 1:-1] = False
    assert not inside[edge].any()
    y, x = np.nonzero(inside)
    assert y.mean() + rendered.y == pytest.approx(cell.y, abs=cell.radius_px / 4)
    assert x.mean() + rendered.x == pytest.approx(cell.x, abs=cell.radius_px / 4)


@pytest.mark.parametrize("radius_px", [20.0, 28.0, 36.0])
def test_its_area_is_about_that_of_the_disc_of_its_radius(radius_px):
    areas = [(render_cell(SETTINGS, placed(seed, radius_px=radius_px)).radius < 1).sum() for seed in range(6)]
    assert np.mean(areas) == pytest.approx(np.pi * radius_px**2, rel=0.1)


def test_a_cell_is_drawn_by_its_key_and_moves_with_its_centre():
    one = render_cell(SETTINGS, placed())
    np.testing.assert_array_equal(one.channels, render_cell(SETTINGS, placed()).channels)
    moved = render_cell(SETTINGS, placed(y=300.3, x=110.8))
    assert (moved.y - one.y, moved.x - one.x) == (100, -40)
    np.testing.assert_allclose(moved.radius, one.radius, atol=1e-4)
    assert not np.array_equal(one.channels, render_cell(SETTINGS, placed(1)).channels)


@pytest.mark.parametrize("n_channels", [3, 4])
def test_it_has_the_channels_of_the_slide(n_channels):
    rendered = render_cell(SETTINGS.model_copy(update={"n_channels": n_channels}), placed())
    assert rendered.channels.shape == (n_channels, *rendered.radius.shape)
    np.testing.assert_array_equal(rendered.channels, render_cell(SETTINGS, placed()).channels[:n_channels])


def test_the_nucleus_is_in_the_middle_and_small():
    rendered = render_cell(SETTINGS, placed())
    dna = rendered.channels[CHANNELS.index("nucleus")]
    bright = dna > dna.max() / 3
    assert bright.sum() < 0.5 * (rendered.radius < 1).sum()
    assert rendered.radius[bright].max() < 0.9


def test_cancer_cells_are_rougher():
    def roughness(cancer):
        ratios = []
        for seed in range(8):
            inside = render_cell(SETTINGS, placed(seed, cancer=cancer)).radius < 1
            perimeter = (inside[1:] != inside[:-1]).sum() + (inside[:, 1:] != inside[:, :-1]).sum()
            ratios.append(perimeter / np.sqrt(inside.sum()))
        return np.mean(ratios)

    assert CANCER.smoothness < NORMAL.smoothness
    assert roughness(True) > roughness(False) * 0.98
    assert CANCER.nucleus_roughness > NORMAL.nucleus_roughness


def test_appearances_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NORMAL.bend = 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("part", "stained"), [("nucleus", "nucleus"), ("cytoskeleton", "actin")])
def test_classes_that_differ_by_a_part_differ_in_its_stain_alone(part, stained, seed):
    settings = SETTINGS.model_copy(update={"differ_by": part})
    normal, cancer = (render_cell(settings, placed(seed, cancer=is_cancer)) for is_cancer in (False, True))
    np.testing.assert_array_equal(normal.radius, cancer.radius)
    for name, one, other in zip(CHANNELS, normal.channels, cancer.channels, strict=True):
        assert np.array_equal(one, other) == (name != stained)
    assert not (normal.cause & (normal.radius >= 1)).any()
    assert normal.cause.any()


def test_fibres_differ_on_the_cause_and_nowhere_else_by_much():
    settings = SETTINGS.model_copy(update={"differ_by": "cytoskeleton"})
    normal, cancer = (render_cell(settings, placed(2, cancer=is_cancer)) for is_cancer in (False, True))
    change = np.abs(normal.channels[0] - cancer.channels[0])
    assert change[normal.cause | cancer.cause].sum() > 0.8 * change.sum()


@pytest.mark.parametrize("part", ["all", "nucleus", "cytoskeleton"])
def test_normal_cells_look_the_same_whatever_tells_the_classes_apart(part):
    settings = SETTINGS.model_copy(update={"differ_by": part})
    assert appearance_of(settings, cancer=False) is NORMAL
    assert appearance_of(settings, cancer=True) != NORMAL
