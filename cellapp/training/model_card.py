"""The model card of a trained head, drafted from its figures; the origin of the pictures is to be added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellapp.classification.head import LinearHead
from cellapp.evaluation.intervals import FIGURES


def head_card(metrics: Mapping[str, Any], head: LinearHead) -> str:
    """Write the card in Markdown.

    Parameters
    ----------
    metrics : mapping
        See `cellapp.training.classifier.report.head_metrics`.
    head : LinearHead
    """
    return (
        "\n\n".join(
            [
                f"# {head.name}",
                "**Research use only, not for diagnosis.**",
                head.trained_on,
                _method(head, metrics),
                *([f"**{metrics['warning']}**"] if metrics["warning"] else []),
                *_figures(metrics),
                _facts(head, metrics),
            ]
        )
        + "\n"
    )


def _method(head: LinearHead, metrics: Mapping[str, Any]) -> str:
    if head.own_encoder is not None:
        tuning = metrics["fine_tuning"]
        return (
            f"An encoder of its own, `{head.encoder}`, and a linear layer that tells {_apart(head.classes)}, "
            f"trained together: {tuning['encoder_weights_trained']:,} weights of the last blocks of `{tuning['from']}` "
            f"for {tuning['epochs']} epochs, the median of what was best on validation groups inside the training part "
            "of each fold. Beside it the same linear layer on the encoder as it was (`embedding`)."
        )
    views = "averaged over the eight turned and mirrored views of the cell" if head.reads.views > 1 else "of the cell"
    shape = ", and measurements of size, shape and brightness of the object in each plane" if head.reads.shape else ""
    shape += ", and descriptors of the cytoskeleton in each plane" if head.reads.cytoskeleton else ""
    return (
        f"A calibrated logistic regression that tells {_apart(head.classes)} by the vectors of "
        f"`{head.encoder}` {views}{shape}. Regularisation (C = {metrics['regularisation']} for the weights kept) was "
        "chosen on groups inside the training part of each fold."
    )


def _apart(classes: Sequence[str]) -> str:
    return f"{', '.join(classes[:-1])} and {classes[-1]} apart" if len(classes) > 2 else " from ".join(classes)


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    if not metrics["validated"]:
        return [f"Figures: none, {metrics['reason']}."]
    unit = metrics["grouped_by"] or "file"
    intro = (
        f"Figures on held-out cells, {metrics['n_folds']} folds grouped by {unit}, positive class "
        f'"{metrics["positive"]}", with 95 % bootstrap intervals over {metrics["n_groups"]:,} groups:'
    )
    return [
        intro,
        methods_table(metrics["methods"]),
        "Probability of the positive class, said and found:",
        _bins(metrics),
    ]


def methods_table(methods: Mapping[str, Any]) -> str:
    """Write figures with their intervals as a Markdown table, a row per method.

    Parameters
    ----------
    methods : mapping of str to mapping
        ``methods`` of `cellapp.training.classifier.report.head_metrics`.
    """
    names = [name.replace("_", " ") for name in FIGURES]
    rows = [f"| {name} | " + " | ".join(_cell(row[f]) for f in FIGURES) + " |" for name, row in methods.items()]
    return "\n".join([f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows])


def _cell(figure: Mapping[str, float | None]) -> str:
    if figure["value"] is None:
        return "none"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"


def _bins(metrics: Mapping[str, Any]) -> str:
    rows = [
        f"| {row['low']:.1f} to {row['high']:.1f} | {row['n']:,} | {row['said']:.3f} | {row['was']:.3f} |"
        for row in metrics["reliability"]
    ]
    return "\n".join(["| probability | cells | mean said | found |", "|---|---|---|---|", *rows])


def _facts(head: LinearHead, metrics: Mapping[str, Any]) -> str:
    lines = [
        _data(head, metrics),
        f"- Cut: {head.crop.mode.value}, {head.crop.size_px} px; each crop is scaled by {_scale(head)} intensities.",
        '- "Unlike training": farther from the class means than 99 % of held-out cells.',
        "- Calibration: one temperature from held-out cells; figures use that of the other folds.",
        "- Made by: `python -m cellapp train` with recipe.toml; figures in metrics.json, held-out calls in folds.csv.",
        "- Licence of the data: to be added by whoever shares this head.",
    ]
    return "\n".join(lines)


def _data(head: LinearHead, metrics: Mapping[str, Any]) -> str:
    n_left_out = len(metrics["left_out"])
    if "cells_sha256" in head.training:
        digest = head.training["cells_sha256"][:12]
        return f"- Cells of analysed images: sha256 of all of them {digest}, each in folds.csv; left out: {n_left_out}."
    digest = head.training["pictures_sha256"][:12]
    return (
        f"- Pictures: sha256 of all of them {digest}, each in folds.csv; {n_left_out} could not be read and were left "
        "out."
    )


def _scale(head: LinearHead) -> str:
    return "its own" if head.reads.fit_to == "crop" else "its slide's"
