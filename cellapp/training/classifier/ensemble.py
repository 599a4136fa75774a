"""Make one head of several, and measure it on the cells that its members were held out from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from cellapp.classification.conformal import fit_conformal
from cellapp.classification.ensemble import EnsembleHead, Head, arranged, reading_of
from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import load_head, save_head
from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import CALLS, METRICS, HeldOutCalls, calls_table, read_held_out
from cellapp.evaluation.intervals import figures_with_intervals
from cellapp.evaluation.mixtures import mixture_rmse, target_shares
from cellapp.evaluation.scores import measure_calls
from cellapp.training.classifier.ensemble_weights import Weighting, held_out_average, member_weights, weights_by_score
from cellapp.training.model_card import methods_table

METHOD = "ensemble"
"""Name of the ensemble among the methods of its metrics."""


def make_ensemble(folders: Sequence[str | Path], out: str | Path, weighting: Weighting = "mean") -> dict[str, Any]:
    """Make an ensemble of trained heads and write it as a folder that is used like that of any head.

    The order of the heads does not matter.

    Parameters
    ----------
    folders : sequence of str or Path
        At least two folders of trained heads or ensembles; the members of an ensemble are taken with their weights.
    out : str or Path
        Gets ``head.json``, ``head.safetensors``, ``metrics.json``, ``card.md`` and, where all heads were validated on
        the same folds, ``folds.csv``; its name is the ensemble's.
    weighting : {"mean", "accuracy", "f1"}

    Returns
    -------
    dict
        As written to ``metrics.json``: with ``members`` (head -> weight) and ``methods``, figures of the ensemble first
        and then of each head on the same cells.

    Raises
    ------
    InputError
        When there are fewer than two heads, a class is missing in one, or weights need held-out calls that are absent.
    """
    if weighting not in get_args(Weighting):
        raise InputError(f"no weights by {weighting!r}; choose one of: {', '.join(get_args(Weighting))}")
    heads = sorted(((load_head(Path(folder)), Path(folder)) for folder in folders), key=lambda pair: pair[0].identity)
    if len({head.identity for head, _ in heads}) < max(len(heads), 2):
        raise InputError("an ensemble needs at least two different heads")
    calls, why_not = _read_calls([folder for _, folder in heads], needed=weighting != "mean")
    weights = member_weights(weighting, calls) if calls else weights_by_score([1.0] * len(heads))
    ensemble = _join([head for head, _ in heads], weights, weighting, Path(out).resolve().name)
    ensemble = save_head(ensemble, Path(out))
    held_out, why_not = _held_out(calls, weighting, ensemble.identity, why_not)
    metrics = _measure(ensemble, [head for head, _ in heads], weights, held_out, calls, why_not)
    if held_out is not None:
        limits = fit_conformal(held_out.probabilities[held_out.pure], held_out.codes[held_out.pure])
        ensemble = replace(ensemble, metrics=_short(held_out, metrics), conformal=limits)
        save_head(ensemble, Path(out))
        calls_table(held_out).to_csv(Path(out) / CALLS, index=False)
    (Path(out) / METRICS).write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (Path(out) / "card.md").write_text(_card(ensemble, metrics), encoding="utf-8")
    return metrics


def _read_calls(folders: Sequence[Path], *, needed: bool) -> tuple[list[HeldOutCalls], str]:
    """Return the held-out calls of all heads, or none and why; raise where weights are made of them."""
    try:
        return [read_held_out(folder) for folder in folders], ""
    except InputError as error:
        if needed:
            raise InputError(f"weights by a score need held-out calls: {error}, or use --weights mean") from error
        return [], str(error)


def _held_out(
    calls: Sequence[HeldOutCalls], weighting: Weighting, name: str, why_not: str
) -> tuple[HeldOutCalls | None, str]:
    if not calls:
        return None, why_not
    if not set.intersection(*(set(one.cells) for one in calls)):
        return None, (
            "each of its heads learnt from the cells that others were scored on, as those of folds do; measure the "
            "ensemble on images that none of them has seen"
        )
    try:
        return held_out_average(calls, weighting, name), ""
    except InputError as error:
        return None, str(error)


def _join(heads: Sequence[Head], weights: Sequence[float], weighting: Weighting, name: str) -> EnsembleHead:
    """Make the ensemble; the members of ensembles among the heads share the weight of theirs."""
    _require_same_classes(heads)
    members: list[tuple[LinearHead, float]] = []
    for head, weight in zip(heads, weights, strict=True):
        parts = zip(head.members, head.weights, strict=True) if isinstance(head, EnsembleHead) else [(head, 1.0)]
        members += [(arranged(member, heads[0].classes), weight * share) for member, share in parts]
    n_readings = len({reading_of(member) for member, _ in members})
    return EnsembleHead(
        name=name,
        members=tuple(member for member, _ in members),
        weights=tuple(weight for _, weight in members),
        weighting=weighting,
        positive=heads[0].positive,
        trained_on=_sentence(heads, weighting, n_readings),
        metrics={"validated": False, "reason": "not measured yet"},
        training={"members": [head.identity for head in heads]},
    )


def _require_same_classes(heads: Sequence[Head]) -> None:
    first = heads[0]
    for head in heads[1:]:
        if set(head.classes) != set(first.classes):
            raise InputError(
                f"head {head.name!r} knows {', '.join(head.classes)}, and {first.name!r} {', '.join(first.classes)}; "
                "take heads of the same classes"
            )


def _sentence(heads: Sequence[Head], weighting: Weighting, n_readings: int) -> str:
    how = {"mean": "the mean", "accuracy": "the mean by accuracy", "f1": "the mean by F1"}[weighting]
    several = f" They read {n_readings} different kinds of vectors." if n_readings > 1 else ""
    return f"Gives {how} of {len(heads)} heads: {', '.join(head.name for head in heads)}.{several} Not for diagnosis."


def _measure(
    ensemble: EnsembleHead,
    heads: Sequence[Head],
    weights: Sequence[float],
    held_out: HeldOutCalls | None,
    calls: Sequence[HeldOutCalls],
    why_not: str,
) -> dict[str, Any]:
    metrics = {
        "head": ensemble.identity,
        "encoder": ensemble.encoder,
        "positive": ensemble.positive,
        "weighting": ensemble.weighting,
        "members": {head.identity: weight for head, weight in zip(heads, weights, strict=True)},
        "used_by": "predict, analyse and the pages" if ensemble.reads_alike else "predict",
        "validated": held_out is not None,
        "reason": why_not or None,
        "method": METHOD,
        "methods": {},
    }
    return metrics if held_out is None else metrics | _held_out_figures(ensemble, held_out, calls)


def _held_out_figures(ensemble: EnsembleHead, held_out: HeldOutCalls, calls: Sequence[HeldOutCalls]) -> dict[str, Any]:
    """Measure the ensemble and each of its heads on the same held-out cells."""
    rows = held_out.pure
    each = {METHOD: held_out, **{one.head: one.arranged(held_out.classes, held_out.positive) for one in calls}}
    about = {"classes": held_out.classes, "positive": ensemble.positive}
    figures = {
        name: figures_with_intervals(one.probabilities[rows], one.codes[rows], one.groups[rows], **about)
        for name, one in each.items()
    }
    counts = {"n": int(rows.sum()), "n_groups": len(np.unique(held_out.groups[rows]))}
    if not rows.all():
        known = target_shares(held_out.truth[~rows].tolist(), held_out.classes)
        counts["mixture_rmse"] = {name: mixture_rmse(one.probabilities[~rows], known) for name, one in each.items()}
    return counts | {"n_folds": len(np.unique(held_out.folds)), "methods": figures}


def _short(held_out: HeldOutCalls, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that go into head.json."""
    rows, positive = held_out.pure, metrics["positive"]
    figures = measure_calls(held_out.probabilities[rows], held_out.codes[rows], held_out.classes, positive)
    return {**figures, "validated": True, "n_groups": metrics["n_groups"], "n_folds": metrics["n_folds"]}


def _card(ensemble: EnsembleHead, metrics: dict[str, Any]) -> str:
    members = "\n".join(f"- `{head}`: weight {weight:.3f}" for head, weight in metrics["members"].items())
    figures = f"Figures: none, {metrics['reason']}"
    if metrics["validated"]:
        figures = (
            f"Figures on held-out cells of {metrics['n_groups']:,} groups, {metrics['n_folds']} folds, each with the "
            f'weights of the other folds; positive class "{metrics["positive"]}":'
        )
        figures += f"\n\n{methods_table(metrics['methods'])}"
    head = f"# {ensemble.name}\n\n**Research use only, not for diagnosis.**\n\n{ensemble.trained_on}"
    return f"{head}\n\n{members}\n\n{figures}\n\nUsed by: {metrics['used_by']}.\n"
