"""Held-out calls and folders of heads for tests."""

import json

import numpy as np
import pandas as pd

from cellapp.evaluation.held_out_calls import HeldOutCalls

CLASSES = ("cancer", "normal")


def random_calls(
    name="a", *, n_groups=12, per_group=20, skill=1.0, folds=4, seed=0, noise=0, classes=("cancer", "normal")
):
    """Calls of a head that is right the more often the greater `skill`; `seed` decides cells, `noise` the calls."""
    cells = np.random.default_rng(seed)
    n = n_groups * per_group
    codes = cells.integers(0, len(classes), n)
    groups = np.repeat(np.arange(n_groups), per_group)
    logits = np.random.default_rng([seed, noise]).normal(size=(n, len(classes)))
    logits[np.arange(n), codes] += skill
    odds = np.exp(logits)
    return HeldOutCalls(
        f"{name}@1",
        tuple(classes),
        classes[0],
        tuple(f"{k:05d}.tif" for k in range(n)),
        np.array([f"slide {g:03d}" for g in groups]),
        groups % folds,
        np.array(classes)[codes],
        odds / odds.sum(axis=1, keepdims=True),
    )


def write_calls(folder, calls):
    """Write what `compare` and `quantify` read of a head's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"head": calls.head, "positive": calls.positive}))
    columns = {"file": calls.cells, "group": calls.groups, "fold": calls.folds, "truth": calls.truth}
    columns |= {f"p_{name}": calls.probabilities[:, k] for k, name in enumerate(calls.classes)}
    pd.DataFrame(columns).to_csv(folder / "folds.csv", index=False)
    return folder


def calls_of_groups(n_groups, per_group, *, copies=1, seed=0):
    """Probabilities, codes and groups of two classes, one per group."""
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(n_groups) % 2, (per_group, 1)).T.ravel()
    p = 1 / (1 + np.exp(-(rng.normal(size=len(codes)) + 1.5 * (codes == 0) - 0.75)))
    groups = np.repeat(np.arange(n_groups), per_group).astype(str)
    return np.stack([p, 1 - p], axis=1).repeat(copies, axis=0), codes.repeat(copies), groups.repeat(copies)
