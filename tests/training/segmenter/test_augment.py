"""Crops keep picture and truth together, however they are turned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellapp.errors import InputError
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.training.segmenter import augment
from cellapp.training.segmenter.augment import BatchSampler, draw_sample
from cellapp.training.segmenter.dataset import Example, median_diameter, pixel_weights
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.recipe import SegmenterRecipe
from tests.segmentation.phantoms import discs, glowing


def example(kind=Kind.FLUORESCENCE, channels=1, radius_px=12):
    truth = discs((160, 160), [(40, 40), (110, 50), (80, 120)], radius_px)
    planes = np.repeat(glowing(truth, noise=0), channels, axis=0).astype(np.float16)
    flows = mask_flows(truth).astype(np.float16)
    return Example(
        kind=kind,
        planes=planes,
        labels=truth.astype(np.uint16),
        flows=flows,
        weights=pixel_weights(truth),
        diameter_px=median_diameter(truth),
        mixing=np.full(channels, 1 / channels),
        inverted=False,
    )


def test_the_same_seed_draws_the_same_crop():
    a, b = (draw_sample(example(), 96, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(a.planes, b.planes)
    assert torch.equal(a.targets, b.targets)


@pytest.mark.parametrize("kind", list(Kind))
def test_shapes_and_ranges(kind):
    drawn = [draw_sample(example(kind, channels=3), 64, np.random.default_rng(seed)) for seed in range(12)]
    for sample in drawn:
        assert sample.planes.shape == (2, 64, 64)
        assert sample.targets.shape == (5, 64, 64)
        assert torch.isfinite(sample.planes).all()
        assert set(sample.targets[2].unique().tolist()) <= {0.0, 1.0}
        assert torch.linalg.vector_norm(sample.targets[:2], dim=0).max() <= 1.01


def test_flows_turn_with_the_picture():
    """Following the flows of any crop leads to where they end: a cell's middle, inside the cell."""
    n_cells = 0
    for seed in range(10):
        targets = draw_sample(example(), 160, np.random.default_rng(seed)).targets.numpy()
        y, x = (axis.astype(float) for axis in np.nonzero(targets[2]))
        if not len(y):
            continue
        n_cells += 1
        for _ in range(80):
            at = np.clip(np.rint([y, x]).astype(int), 0, 159)
            y, x = y + 0.5 * targets[0][*at], x + 0.5 * targets[1][*at]
        ends = np.clip(np.rint([y, x]).astype(int), 0, 159)
        assert targets[2][*ends].mean() > 0.97
        assert np.linalg.norm(targets[:2, *ends], axis=0).mean() < 0.9
    assert n_cells > 5


def test_the_size_target_is_the_size_in_the_crop():
    off = []
    for seed in range(30):
        targets = draw_sample(example(), 160, np.random.default_rng(seed)).targets.numpy()
        areas = median_diameter(targets[2].astype(int))
        if 0.2 < targets[2].mean() < 0.5 or areas == 0:
            continue
        expected = 30 * 2 ** targets[3, 0, 0]
        whole = np.pi / 4 * expected**2 * 3  # three cells, some cut by the edge
        off.append(targets[2].sum() <= whole * 1.1)
    assert all(off)
    assert len(off) > 10


def test_an_inverted_example_shows_bright_cells():
    bright = example()
    dark = replace(bright, planes=1 - bright.planes, inverted=True)
    shown = [draw_sample(dark, 96, np.random.default_rng(seed)) for seed in range(40)]
    contrast = [float(s.planes[0][s.targets[2] > 0].mean() - s.planes[0][s.targets[2] == 0].mean()) for s in shown]
    assert np.mean(np.array(contrast) > 0) > 0.75


def test_some_cells_fade_and_none_vanishes():
    """Between crops of one place a cell's contrast varies; beside the median of the background it stays seen."""
    contrasts = []
    for seed in range(60):
        sample = draw_sample(example(), 128, np.random.default_rng(seed))
        cell = sample.targets[2] > 0
        if 0 < int(cell.sum()) < cell.numel():
            spread = sample.planes[0][cell].quantile(0.9) - sample.planes[0][cell].quantile(0.1)
            contrasts.append(float(spread))
    assert len(contrasts) > 30
    assert max(contrasts) > 4 * float(np.median(contrasts))


def test_no_nucleus_of_tissue_fades():
    """There dim nuclei are background: a labelled one that fades would be taught as both."""
    drawn = [augment._draw_gains(example(Kind.TISSUE), np.random.default_rng(seed)) for seed in range(20)]
    assert all(gains is None for gains in drawn)
    assert any(augment._draw_gains(example(), np.random.default_rng(seed)) is not None for seed in range(20))


def test_nothing_counts_outside_the_picture():
    small = example()
    counted = [draw_sample(small, 256, np.random.default_rng(seed)).targets[4] for seed in range(10)]
    assert any((weights == 0).any() for weights in counted)
    assert all((weights > 0).any() for weights in counted)


RECIPE = SegmenterRecipe(batch=4, crop_px=32, shares={Kind.FLUORESCENCE: 3.0, Kind.PHASE: 1.0})
CPU = torch.device("cpu")


def drawn(examples, recipe=RECIPE, n=150, monkeypatch=None):
    """Count how often each example is drawn."""
    counts = dict.fromkeys(map(id, examples), 0)

    def note(chosen, side_px, rng):
        counts[id(chosen)] += 1
        return original(chosen, side_px, rng)

    original = augment.draw_sample
    monkeypatch.setattr(augment, "draw_sample", note)
    loader = BatchSampler(recipe, examples)
    for seed in range(n):
        loader.draw(np.random.default_rng(seed), CPU)
    return list(counts.values())


def test_a_batch_has_the_form_the_network_reads():
    planes, targets = BatchSampler(RECIPE, [example()]).draw(np.random.default_rng(0), CPU)
    assert planes.shape == (4, 2, 32, 32)
    assert targets.shape == (4, 5, 32, 32)


def test_kinds_come_by_their_shares_and_absent_ones_are_skipped(monkeypatch):
    counts = drawn([example(), example(Kind.PHASE), example(Kind.STAINED)], monkeypatch=monkeypatch)
    assert counts[0] / sum(counts) == pytest.approx(0.75, abs=0.07)
    assert counts[2] == 0


def test_a_rare_image_size_is_drawn_more_often_than_its_number(monkeypatch):
    common = [example() for _ in range(8)]
    rare = replace(example(), **{name: getattr(common[0], name)[..., :120] for name in ("planes", "labels", "flows")})
    rare = replace(rare, weights=common[0].weights[:, :120])
    counts = drawn([*common, rare], monkeypatch=monkeypatch)
    assert counts[-1] > 1.3 * np.mean(counts[:-1])


def test_no_example_of_a_wanted_kind_is_refused():
    with pytest.raises(InputError, match="shares"):
        BatchSampler(RECIPE, [example(Kind.STAINED)])
