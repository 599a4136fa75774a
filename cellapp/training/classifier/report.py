"""What lies beside a trained head: figures, held-out calls for an audit, the recipe and a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cellapp.training.calibration import reliability
from cellapp.training.metrics import figures_with_intervals
from cellapp.training.model_card import head_card

if TYPE_CHECKING:
    from cellapp.training.classifier.result import TrainedHead

BY_FILE = (
    "No groups were given: folds were split by file, so that cells of one slide lie on both sides and the figures are "
    "optimistic. Give index.csv a column with the slide or patient and name it with --group-column."
)


def write_head_report(trained: TrainedHead, identity: str, out: Path, *, seconds: int) -> dict[str, Any]:
    """Write ``metrics.json``, ``folds.csv``, ``recipe.toml`` and ``card.md``.

    Parameters
    ----------
    trained : TrainedHead
    identity : str
        Name and version of the head as saved.
    out : Path
    seconds : int
        What the training took.

    Returns
    -------
    dict
        See `head_metrics`.
    """
    metrics = head_metrics(trained, identity) | {"seconds": seconds}
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (out / "recipe.toml").write_text(trained.recipe.toml, encoding="utf-8")
    (out / "card.md").write_text(head_card(metrics, trained.head), encoding="utf-8")
    if trained.held_out is not None:
        held_out_table(trained).to_csv(out / "folds.csv", index=False)
    return metrics


def head_metrics(trained: TrainedHead, identity: str) -> dict[str, Any]:
    """Return all figures of a head as plain JSON values.

    Returns
    -------
    dict
        ``head``, ``encoder``, ``positive``, counts, ``validated`` (or ``reason``), ``grouped_by``, ``warning`` where
        figures flatter, ``left_out`` pictures, ``method`` of the head, ``methods`` (name -> figures with intervals, see
        `figures_with_intervals`; the head's own first) and ``reliability`` of the head.
    """
    head, pictures = trained.head, trained.dataset.pictures
    metrics: dict[str, Any] = {
        "head": identity,
        "encoder": head.encoder,
        "positive": head.positive,
        "n": len(pictures),
        **{f"n_{name}": list(pictures.labels).count(name) for name in head.classes},
        "n_groups": len(set(pictures.groups)),
        "grouped_by": pictures.grouped_by,
        "warning": None if pictures.grouped_by else BY_FILE,
        "left_out": list(trained.dataset.left_out),
        "validated": trained.held_out is not None,
        "reason": head.metrics.get("reason"),
        "n_folds": head.metrics.get("n_folds"),
        "regularisation": head.metrics.get("regularisation"),
        "method": trained.method,
    }
    if trained.held_out is None:
        return metrics | {"methods": {}, "reliability": []}
    said = {trained.method: trained.held_out.probabilities, **trained.baselines}
    codes, groups = trained.data.codes, trained.data.group_names
    at = head.classes.index(head.positive)
    return metrics | {
        "methods": {
            name: figures_with_intervals(p, codes, groups, classes=head.classes, positive=head.positive)
            for name, p in said.items()
        },
        "reliability": reliability(trained.held_out.probabilities[:, at], codes == at),
    }


def held_out_table(trained: TrainedHead) -> pd.DataFrame:
    """Return what was said of each picture while it was held out.

    Returns
    -------
    DataFrame
        One row per picture: file, sha256, group, fold (from 0), truth, p_<class>.
    """
    pictures, held_out = trained.dataset.pictures, trained.held_out
    table = pd.DataFrame(
        {
            "file": pictures.files,
            "sha256": trained.dataset.digests,
            "group": pictures.groups,
            "fold": held_out.fold_of,
            "truth": pictures.labels,
        }
    )
    return table.assign(**{f"p_{c}": held_out.probabilities[:, k] for k, c in enumerate(trained.head.classes)})
