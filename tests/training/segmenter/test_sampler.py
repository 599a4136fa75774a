"""Which images a batch is drawn from."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.compute import torchvision_shim
from cellapp.errors import InputError

torchvision_shim.install()
torch = pytest.importorskip("torch")

from cellapp.training.segmenter import sampler  # noqa: E402
from cellapp.training.segmenter.recipe import SegmenterRecipe  # noqa: E402
from cellapp.training.segmenter.sampler import Batches  # noqa: E402
from cellapp.training.segmenter.source_images import Kind  # noqa: E402
from tests.training.segmenter.test_augment import example  # noqa: E402

RECIPE = SegmenterRecipe(batch=4, crop_px=32, shares={Kind.FLUORESCENCE: 3.0, Kind.PHASE: 1.0})
CPU = torch.device("cpu")


def drawn(examples, recipe=RECIPE, n=150, monkeypatch=None):
    """Count how often each example is drawn."""
    counts = dict.fromkeys(map(id, examples), 0)

    def note(chosen, side_px, rng):
        counts[id(chosen)] += 1
        return original(chosen, side_px, rng)

    original = sampler.draw_sample
    monkeypatch.setattr(sampler, "draw_sample", note)
    loader = Batches(recipe, examples)
    for seed in range(n):
        loader.draw(np.random.default_rng(seed), CPU)
    return list(counts.values())


def test_a_batch_has_the_form_the_network_reads():
    planes, targets = Batches(RECIPE, [example()]).draw(np.random.default_rng(0), CPU)
    assert planes.shape == (4, 2, 32, 32)
    assert targets.shape == (4, 5, 32, 32)


def test_kinds_come_by_their_shares_and_absent_ones_are_passed_over(monkeypatch):
    counts = drawn([example(), example(Kind.PHASE), example(Kind.STAINED)], monkeypatch=monkeypatch)
    assert counts[0] / sum(counts) == pytest.approx(0.75, abs=0.07)
    assert counts[2] == 0


def test_a_rare_image_size_is_drawn_more_often_than_its_number(monkeypatch):
    common = [example() for _ in range(8)]
    rare = replace(example(), **{name: getattr(common[0], name)[..., :120] for name in ("planes", "labels", "flows")})
    rare = replace(rare, emphasis=common[0].emphasis[:, :120])
    counts = drawn([*common, rare], monkeypatch=monkeypatch)
    assert counts[-1] > 1.3 * np.mean(counts[:-1])


def test_no_example_of_a_wanted_kind_is_refused():
    with pytest.raises(InputError, match="shares"):
        Batches(RECIPE, [example(Kind.STAINED)])
