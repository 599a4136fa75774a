"""What the held-out calls of a head say: for metrics.json, errors.csv and curves.json beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.classification.head import LinearHead
from cellapp.evaluation.evidence import beside_leaky, curves, evidence, worst_errors
from cellapp.evaluation.held_out_calls import calls_of_table
from cellapp.evaluation.verdict import not_validated, verdict
from cellapp.settings import ClassifySettings
from cellapp.training.classifier.batch_effects import batch_report
from cellapp.training.classifier.cross_validation import HeadSpec, HeldOut, hold_out
from cellapp.training.classifier.grid import balance_of, grid_of
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.leakage import leaky_scores
from cellapp.training.classifier.learning_curve import learning_curve
from cellapp.training.classifier.recipe import HeadRecipe

ERRORS, CURVES = "errors.csv", "curves.json"


@dataclass(frozen=True, eq=False)
class Validation:
    """Figures of held-out calls, and the tables beside them; without calls the last two are None."""

    metrics: Mapping[str, Any]
    errors: pd.DataFrame | None = None
    curves: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> None:
        """Write ``errors.csv`` and ``curves.json`` where there were held-out calls."""
        if self.errors is not None:
            self.errors.to_csv(folder / ERRORS, index=False)
            text = json.dumps(self.curves, indent=1, allow_nan=False)
            (folder / CURVES).write_text(text + "\n", encoding="utf-8")


def measure_beside(
    data: LabelledVectors, spec: HeadSpec, recipe: HeadRecipe, head: LinearHead, held_out: HeldOut
) -> tuple[dict[str, float | None] | None, list[dict[str, Any]]]:
    """Return what stands beside the honest score of a linear head: that of a split by cell, and the learning curve.

    Neither is there where effects of batches are taken out, which needs all groups and their names.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    recipe : HeadRecipe
    head : LinearHead
        Trained on all of `data`.
    held_out : HeldOut
        Its honest score: folds, and probabilities of the cells of each by a head that has not seen them.
    """
    if recipe.batch_effects != "none":
        return None, []
    shared = {"seed": recipe.seed, "balance": balance_of(head) or recipe.balance}
    leaky = leaky_scores(data, spec, head.positive, folds=recipe.folds, **shared)
    strength = head.metrics["regularisation"]
    return leaky, learning_curve(data, held_out.fold_of, held_out.probabilities, strength, **shared)


def notes_of(
    data: LabelledVectors, spec: HeadSpec, recipe: HeadRecipe, head: LinearHead, held_out: HeldOut | None
) -> dict[str, Any]:
    """Return what was chosen on a grid, and figures before and after taking batch effects out, as far as it was done.

    Parameters are those of `measure_beside`; `held_out` is None where nothing was held out.

    Returns
    -------
    dict
        ``grid`` and ``batch_effects`` of metrics.json, see `cellapp.training.classifier.batch_effects.batch_report`.
    """
    notes = grid_of(head)
    if held_out is not None and recipe.batch_effects != "none":
        without = hold_out(data, spec, held_out.fold_of, seed=recipe.seed, balance=recipe.balance).probabilities
        after = held_out.probabilities
        notes["batch_effects"] = batch_report(data, recipe.effects, without, after, head.positive)
    return notes


def validate(
    calls: pd.DataFrame | None,
    metrics: Mapping[str, Any],
    leaky: Mapping[str, Any] | None = None,
    learning_curve: Sequence[Mapping[str, Any]] = (),
) -> Validation:
    """Measure a head by its held-out calls.

    Parameters
    ----------
    calls : DataFrame, optional
        See `cellapp.training.classifier.report.held_out_table`; None where the groups could not be split.
    metrics : mapping
        See `cellapp.training.classifier.report.head_metrics`.
    leaky : mapping, optional
        See `cellapp.training.classifier.leakage.leaky_scores`.
    learning_curve : sequence of mapping
        See `cellapp.training.classifier.learning_curve.learning_curve`.

    Returns
    -------
    Validation
        Its ``metrics``: those of `cellapp.evaluation.evidence.evidence` and `beside_leaky`, ``learning_curve``, and
        ``sentence`` and ``doubts`` of `cellapp.evaluation.verdict`.
    """
    grouped_by = metrics.get("grouped_by")
    if calls is None:
        found = {"scores": {}, "grouped": None, "leaky": None, "gap": None, "learning_curve": []}
        judged = not_validated(str(metrics["reason"]), grouped_by, metrics.get("groups_per_class") or {})
        return Validation({**found, "sentence": judged.sentence, "doubts": list(judged.doubts)})
    held_out = calls_of_table(metrics, calls)
    held_out = held_out.subset(held_out.pure)
    found = evidence(held_out, error_rate=ClassifySettings().error_rate)
    found |= beside_leaky(found["scores"], leaky) | {"learning_curve": [dict(point) for point in learning_curve]}
    judged = verdict(held_out, grouped_by, found)
    found |= {"sentence": judged.sentence, "doubts": list(judged.doubts)}
    drawn = curves(held_out) | {"learning": found["learning_curve"]}
    return Validation(found, worst_errors(held_out), drawn)
