"""A class decided by a bright square at a random place: which methods find it is what docs/explanation.md says."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.methods import METHODS, explain
from cellapp.explanation.sanity import rank_correlations, shuffled
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder
from tests.paths import ROOT

SIDE, PATCH, SQUARE, TARGET = 64, 8, 12, "cancer"
IDS = np.arange(4, dtype=np.int32)


def documented():
    """Return by method whether the table says that it finds the square."""
    text = (ROOT / "docs" / "explanation.md").read_text(encoding="utf-8")
    return {name: found == "yes" for name, found in re.findall(r"^\| `([\w+-]+)` \|.*\| (yes|no) \|$", text, re.M)}


def planted(n, seed):
    """Return crops, every other with the square, and where it is on the grid."""
    rng = np.random.default_rng(seed)
    crops = rng.random((n, 3, SIDE, SIDE), dtype=np.float32) * 0.02
    on = np.zeros((n, SIDE // PATCH, SIDE // PATCH), bool)
    for crop, where in zip(crops[::2], on[::2], strict=True):
        y, x = rng.integers(2, SIDE - SQUARE - 2, 2)
        crop[:, y : y + SQUARE, x : x + SQUARE] = 0.9
        where[y // PATCH : (y + SQUARE - 1) // PATCH + 1, x // PATCH : (x + SQUARE - 1) // PATCH + 1] = True
    return crops, on


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A random network, and a head trained to see the square through it."""
    folder = write_encoder(tmp_path_factory.mktemp("square"), image_size=SIDE)
    encoder = HubEncoder(folder, name="tiny", revision="1")
    crops, on = planted(120, seed=1)
    features, labels = encoder.embed(crops, np.arange(120)).features, on.any(axis=(1, 2))
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-3
    fitted = LogisticRegression(C=0.1, max_iter=500).fit((features - mean) / std, labels)
    weight = np.concatenate([fitted.coef_, -fitted.coef_]).astype(np.float32) / 2
    bias = np.array([1, -1], np.float32) * fitted.intercept_[0] / 2
    changes = {"weight": weight, "bias": bias, "mean": mean, "std": std, "temperature": 1.0}
    return encoder, random_head(encoder.dim, encoder=encoder.identity, **changes)


@pytest.fixture(scope="module")
def unseen():
    crops, on = planted(8, seed=7)
    return crops[::2], on[::2]


def test_every_method_is_in_the_table():
    assert documented().keys() == METHODS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_the_square_is_found_by_the_methods_of_which_it_is_documented(trained, unseen, method):
    crops, on = unseen
    explained = explain(*trained, crops, IDS, TARGET, method=method)
    assert (explained.logits > 0).all()  # called right, so that there is something to explain
    positive = np.maximum(explained.maps, 0)
    share = ((positive * on).sum(axis=(1, 2)) / np.maximum(positive.sum(axis=(1, 2)), 1e-9)).mean()
    assert (share >= 0.8) == documented()[method]


@pytest.mark.parametrize("method", ["exact", "gradcam", "layercam", "class-token", "guided-backpropagation"])
def test_shuffled_weights_lose_the_square(trained, unseen, method):
    encoder, head = trained
    crops, on = unseen
    maps = [explain(one, head, crops, IDS, TARGET, method=method).maps for one in (encoder, shuffled(encoder, 3))]
    assert abs(rank_correlations(*maps).mean()) < 0.5
