"""Descriptors follow what they are named after, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.cytoskeleton import DESCRIPTOR_NAMES, DESCRIPTORS, describe
from cellapp.cells.describe_cells import NUCLEAR, describe_cells, described
from cellapp.cells.measure import measure
from cellapp.types.cells import LabelMask

SIDE = 72


def disc(radius=30, at=(0, 0)):
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    return np.hypot(y - at[0], x - at[1]) <= radius


def lines(angle, *, every=8.0, noise=0.02, seed=0):
    """Bright parallel lines, 2 px wide, in a direction."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    across = y * np.cos(angle) - x * np.sin(angle)
    rng = np.random.default_rng(seed)
    return np.exp(-(((across + every / 2) % every - every / 2) ** 2) / 2) + rng.uniform(0, noise, (SIDE, SIDE))


def of(plane, inside=None):
    return dict(zip(DESCRIPTORS, describe(plane, disc() if inside is None else inside), strict=True))


@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 4, 2.0])
def test_parallel_fibres_are_ordered_in_any_direction_and_crossed_ones_are_not(angle):
    parallel, crossed = of(lines(angle)), of(lines(angle) + lines(angle + np.pi / 2))
    assert parallel["fibre_order"] > 0.9
    assert parallel["fibre_coherency"] > 0.9
    assert crossed["fibre_order"] < 0.2
    assert crossed["fibre_branching"] > parallel["fibre_branching"] + 2
    assert crossed["fibre_length"] < parallel["fibre_length"] / 2


def test_more_fibres_are_denser_and_even_brightness_has_no_order():
    assert of(lines(0.3, every=6))["fibre_density"] > 1.5 * of(lines(0.3, every=14))["fibre_density"]
    noise = np.random.default_rng(1).uniform(0.4, 0.6, (SIDE, SIDE))
    assert of(noise)["fibre_order"] < 0.2


def test_what_lies_at_the_edge_and_what_is_coarse_is_told():
    ring, core = disc(30) & ~disc(24), disc(8)
    assert of(ring.astype(float))["radial_mean"] > 1.2
    assert of(core.astype(float))["radial_mean"] < 0.6
    fine, coarse = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    fine[::4, ::4] = 1
    for y in range(4, SIDE, 12):
        for x in range(4, SIDE, 12):
            coarse[y : y + 6, x : x + 6] = 1
    assert of(fine)["granularity_1"] > 0.9
    assert of(coarse)["granularity_1"] < 0.3 < of(coarse)["granularity_4"] + of(coarse)["granularity_2"]
    rough = np.random.default_rng(2).random((SIDE, SIDE))
    smooth = np.linspace(0, 1, SIDE)[None].repeat(SIDE, axis=0)
    assert of(rough)["texture_contrast"] > 10 * of(smooth)["texture_contrast"]
    assert of(rough)["texture_entropy"] > of(smooth)["texture_entropy"]
    assert of(smooth)["texture_correlation"] > 0.9 > of(rough)["texture_correlation"] + 0.5


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 99),
    scale=st.sampled_from([0.01, 7.0, 60_000.0]),
    offset=st.sampled_from([0.0, 5.0]),
    turns=st.integers(0, 3),
)
def test_neither_exposure_nor_orientation_changes_a_descriptor(seed, scale, offset, turns):
    plane = lines(0.7, seed=seed, noise=0.4)
    changed = np.rot90(plane * scale + offset * scale, turns)
    inside = disc(27, at=(3, -2))
    found, other = describe(plane, inside), describe(changed, np.rot90(inside, turns))
    skeletal = [DESCRIPTORS.index(name) for name in ("fibre_length", "fibre_branching")]
    np.testing.assert_allclose(np.delete(other, skeletal), np.delete(found, skeletal), rtol=0.05, atol=1e-3)
    np.testing.assert_allclose(other[skeletal], found[skeletal], rtol=0.4, atol=1.5)  # thinning has a first direction


def test_what_is_outside_the_cell_counts_for_nothing():
    plane = lines(1.0)
    noisy = np.where(disc(), plane, np.random.default_rng(3).random((SIDE, SIDE)) * 9)
    np.testing.assert_allclose(describe(noisy, disc()), describe(plane, disc()))


@pytest.mark.parametrize("inside", [np.zeros((SIDE, SIDE), bool), disc(1), disc()])
def test_a_cell_without_contrast_or_pixels_has_nothing_to_describe(inside):
    assert np.isnan(describe(np.full((SIDE, SIDE), 7.0), inside)).all()
    assert set(DESCRIPTOR_NAMES) == set(DESCRIPTORS)


def slide():
    """Two cells, the second with two nuclei and the first with none."""
    labels = np.zeros((SIDE, 2 * SIDE), np.int32)
    labels[:, :SIDE][disc()] = 3
    labels[:, SIDE:][disc()] = 8
    nuclei = np.zeros_like(labels)
    nuclei[:, SIDE:][disc(8)] = 8
    nuclei[:, SIDE:][disc(4, at=(18, 0))] = 8
    pixels = np.stack([np.tile(lines(0.5), 2), np.tile(lines(0.5) + lines(2.0), 2)])
    return pixels, LabelMask(labels, ""), LabelMask(nuclei, "")


def test_the_table_has_a_row_per_cell_in_the_order_asked_for():
    pixels, mask, nuclei = slide()
    names = ("actin", "tubulin")
    cells = measure(pixels, mask, channels=names).loc[[8, 3]]
    table = describe_cells(pixels, mask, cells, channels=names, nuclei=nuclei)
    assert table.index.tolist() == [8, 3]
    assert table["n_nuclei"].tolist() == [2, 0]
    assert table.loc[8, "nucleus_area_px"] == (nuclei.labels == 8).sum()
    assert table.loc[8, "nucleus_to_cell"] == (nuclei.labels == 8).sum() / (mask.labels == 8).sum()
    assert table.loc[8, "nucleus_eccentricity"] < 0.1
    assert table.loc[3, ["nucleus_area_px", "nucleus_to_cell", "nucleus_eccentricity"]].isna().all()
    assert table["fibre_order_actin"].min() > 0.9 > 0.3 > table["fibre_order_tubulin"].max()
    assert set(described(table)) == set(table)
    assert described(table)["fibre_order_actin"] == "order of fibre directions (actin)"


def test_no_nuclei_and_no_cells_keep_the_columns():
    pixels, mask, _ = slide()
    cells = measure(pixels, mask, channels=("a", "b"))
    without = describe_cells(pixels, mask, cells.iloc[:0], channels=("a", "b"))
    assert without.shape == (0, 2 * len(DESCRIPTORS))
    assert not set(NUCLEAR) & set(without)
