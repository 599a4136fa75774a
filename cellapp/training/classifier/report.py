"""Files beside a trained head: figures, held-out calls for an audit, the recipe and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.classification.head import LinearHead
from cellapp.evaluation.curves import reliability
from cellapp.evaluation.intervals import figures_with_intervals
from cellapp.evaluation.mixtures import mixture_rmse, target_shares
from cellapp.evaluation.scores import class_counts
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.training.model_card import head_card

BY_FILE = (
    "No groups were given: folds were split by file, so that cells of one slide lie on both sides and the figures are "
    "optimistic. Give index.csv a column with the slide or patient and name it with --group-column."
)


def write_head_report(
    out: Path, head: LinearHead, recipe: HeadRecipe, metrics: Mapping[str, Any], calls: pd.DataFrame | None
) -> None:
    """Write ``metrics.json``, ``recipe.toml``, ``card.md`` and, where there are held-out calls, ``folds.csv``.

    Parameters
    ----------
    out : Path
        Folder of the head.
    head : LinearHead
        As saved.
    recipe : HeadRecipe
    metrics : mapping
        See `head_metrics`.
    calls : DataFrame, optional
        See `held_out_table`.
    """
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (out / "recipe.toml").write_text(recipe.toml, encoding="utf-8")
    (out / "card.md").write_text(head_card(metrics, head), encoding="utf-8")
    if calls is not None:
        calls.to_csv(out / "folds.csv", index=False)


def head_metrics(
    head: LinearHead, dataset: EncodedDataset, method: str, probabilities: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Return all figures of a head as plain JSON values.

    Parameters
    ----------
    head : LinearHead
        As saved.
    dataset : EncodedDataset
    method : str
        The head's own.
    probabilities : mapping of str to ndarray of shape (N, K)
        Held-out probabilities by method, the head's own first; none when the groups could not be split.

    Returns
    -------
    dict
        ``head``, ``encoder``, ``positive``, counts (with ``groups_per_class``), ``validated`` (or ``reason``),
        ``grouped_by``, ``warning`` where figures flatter, ``left_out`` pictures, ``method`` of the head, ``methods``
        (name -> figures with intervals, see
        `figures_with_intervals`; the head's own first) and ``reliability`` of the head; of fields of known mixtures
        ``n_mixtures`` and, by method, ``mixture_rmse``.
    """
    crops = dataset.crops
    pure, shares = crops.pure, target_shares(crops.labels, head.classes)
    codes, groups = shares[pure].argmax(axis=1), np.asarray(crops.groups, str)[pure]
    positive = head.classes.index(head.positive)
    return {
        "head": head.identity,
        "encoder": head.encoder,
        "positive": head.positive,
        "n": len(crops),
        **class_counts({name: list(crops.labels).count(name) for name in head.classes}),
        "n_groups": len(set(crops.groups)),
        "groups_per_class": {name: len(set(groups[codes == k])) for k, name in enumerate(head.classes)},
        "grouped_by": crops.grouped_by,
        "warning": None if crops.grouped_by else BY_FILE,
        "left_out": list(dataset.left_out),
        "validated": bool(probabilities),
        "reason": head.metrics.get("reason"),
        "n_folds": head.metrics.get("n_folds"),
        "regularisation": head.metrics.get("regularisation"),
        "method": method,
        "methods": {
            name: figures_with_intervals(p[pure], codes, groups, classes=head.classes, positive=head.positive)
            for name, p in probabilities.items()
        },
        "reliability": reliability(probabilities[method][pure, positive], codes == positive) if probabilities else [],
        **_mixture_figures(probabilities, shares),
    }


def _mixture_figures(probabilities: Mapping[str, np.ndarray], shares: np.ndarray) -> dict[str, Any]:
    mixed = shares.max(axis=1) < 1
    if not mixed.any():
        return {}
    return {
        "n_mixtures": int(mixed.sum()),
        "mixture_rmse": {name: mixture_rmse(p[mixed], shares[mixed]) for name, p in probabilities.items()},
    }


def held_out_table(
    dataset: EncodedDataset, fold_of: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return the held-out call of each picture.

    Parameters
    ----------
    dataset : EncodedDataset
    fold_of : ndarray of shape (N,), int
    probabilities : ndarray of shape (N, K)
    classes : tuple of str
        K class names.

    Returns
    -------
    DataFrame
        One row per picture: file, sha256, group, fold (from 0), truth, p_<class>.
    """
    columns = {
        "file": dataset.crops.files,
        "sha256": dataset.digests,
        "group": dataset.crops.groups,
        "fold": fold_of,
        "truth": dataset.crops.labels,
    }
    return pd.DataFrame(columns | {f"p_{name}": probabilities[:, k] for k, name in enumerate(classes)})
