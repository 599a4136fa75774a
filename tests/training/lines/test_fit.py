"""Weights of a bag sum to 1 and find the patch that matters; mixed batches flatter, and that is said."""

import numpy as np
import pytest
import torch

from cellapp.errors import InputError
from cellapp.pipeline.time_series import ImageSequence
from cellapp.training.lines.bags import Bag
from cellapp.training.lines.fit import fit_lines
from cellapp.training.lines.network import POOLINGS, LineNetwork
from cellapp.training.lines.recipe import LineRecipe
from cellapp.training.lines.validate import validate_lines

LINES = ("A", "B")
RECIPE = LineRecipe(epochs=40)


def bag(line, batch, place, vectors, per_frame=4):
    frames = np.repeat(np.arange(len(vectors) // per_frame), per_frame)
    n = int(frames.max()) + 1
    sequence = ImageSequence(line, batch, place, tuple(f"{line}{batch}{place}{t}" for t in range(n)), tuple(range(n)))
    return Bag(sequence, vectors.astype(np.float32), frames, np.zeros((len(vectors), 2), int), np.zeros(n))


def marked(n=48, seed=0):
    """Bags of noise; those of line A hold one marked patch, whose number is given, those of B none (-1)."""
    generator, bags, at = np.random.default_rng(seed), [], []
    for k in range(n):
        vectors = generator.normal(size=(12, 6))
        at.append(int(generator.integers(12)) if k % 2 == 0 else -1)
        vectors[at[-1], 0] += 9 * (at[-1] >= 0)
        bags.append(bag(LINES[k % 2], f"batch {k % 4}", str(k), vectors))
    return bags, at


def batches(line_effect, batch_effect, seed=0, per_batch=6):
    """Each batch holds mostly one line and has a colour of its own; the line has another."""
    generator, bags = np.random.default_rng(seed), []
    for number in range(4):
        colour = generator.normal(size=6) * batch_effect
        for k in range(per_batch):
            code = number % 2 if k else 1 - number % 2
            vectors = generator.normal(size=(8, 6)) + colour
            vectors[:, 0] += line_effect * code
            bags.append(bag(LINES[code], f"batch {number}", str(k), vectors))
    return bags


@pytest.mark.parametrize("pooling", POOLINGS)
def test_weights_sum_to_one_and_the_order_of_patches_does_not_matter(pooling):
    torch.manual_seed(0)
    network = LineNetwork(5, 3, pooling).eval()
    vectors, there = torch.randn(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)
    there[1, 4:] = False
    logits, weights = network(vectors, there)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2))
    assert not weights[1, 4:].any()
    changed = vectors.clone()
    changed[1, 4:] = 100
    torch.testing.assert_close(network(changed, there)[0], logits)
    order = torch.tensor([3, 1, 0, 2, 6, 5, 4])
    torch.testing.assert_close(network(vectors[:1, order], there[:1])[0], logits[:1], rtol=1e-4, atol=1e-5)


def test_the_marked_patch_gets_the_top_weight():
    bags, at = marked()
    model = fit_lines(bags, LINES, LineRecipe(epochs=120, segments=3))
    probabilities, weights = model.call(bags)
    assert np.mean(probabilities.argmax(axis=1) == np.arange(len(bags)) % 2) > 0.9
    of_a = [weight.argmax() == place for weight, place in zip(weights, at, strict=True) if place >= 0]
    assert np.mean(of_a) > 0.9
    np.testing.assert_allclose([weight.sum() for weight in weights], 1, rtol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_the_same_seed_gives_the_same_network():
    bags, _ = marked(8)
    first, second = (fit_lines(bags, LINES, LineRecipe(epochs=5)).call(bags)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_batch_effect_flatters_mixed_batches_and_is_said():
    report, held_out = validate_lines(batches(0.0, 4.0), LINES, RECIPE, lambda step, part: None)
    assert report["batch_stratified"]["accuracy"] > 0.75
    assert report["batch_separated"]["accuracy"] < 0.6
    assert report["gap"] > 0.15
    assert "what it knows of the batches" in report["sentence"]
    assert report["tells_batch"]
    assert "the batch, not the line" in report["sentence"]
    np.testing.assert_allclose(held_out.sum(axis=1), 1)


def test_lines_that_differ_are_named_in_batches_that_were_not_seen():
    said = []
    report, held_out = validate_lines(batches(6.0, 0.3), LINES, RECIPE, lambda step, part: said.append(part))
    assert report["batch_separated"]["accuracy"] > 0.9
    assert abs(report["gap"]) < 0.1
    assert "mixing batches makes no better score" in report["sentence"]
    assert np.mean(held_out.argmax(axis=1) == [LINES.index(bag.sequence.line) for bag in batches(6.0, 0.3)]) > 0.9
    assert np.sum(report["confusion"]) == 24
    assert set(report["baselines"]) == {"mean", "max", "vote"}
    assert set(report["per_batch"]) == {f"batch {k}" for k in range(4)}
    assert all(0 <= part <= 1 for part in said)


def test_a_line_of_one_batch_is_refused():
    bags = [one for one in batches(1, 1) if one.sequence.line == "A" or one.sequence.batch == "batch 1"]
    with pytest.raises(InputError, match="line 'B' is in 1 batch, so that it cannot be told from the batch"):
        validate_lines(bags, LINES, RECIPE, lambda step, part: None)
