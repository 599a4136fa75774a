"""`compare`, `ensemble` and `quantify`: which head is better, one head of several, and fractions of populations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, emit, note


def compare(
    heads: list[Path] = typer.Argument(..., metavar="HEAD HEAD...", help="Folders of heads trained on the same folds."),
    score: str = typer.Option("balanced_accuracy", help="balanced_accuracy, accuracy, f1_weighted or auc."),
    reference: str = typer.Option(None, help="Compare this head with the others; else each with each."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Compare heads on the same folds: paired t-test with Holm, corrected resampled t-test, bootstrap over groups."""
    from cellapp.evaluation.comparison import compare_heads
    from cellapp.evaluation.held_out_calls import read_held_out

    result = compare_heads([read_held_out(folder) for folder in heads], score, reference)
    lines = [
        f"{row['head']}: {score} {row['mean']:.3f}, standard deviation {row['std']:.3f}" for row in result["heads"]
    ]
    if len(result["comparisons"]) > 1:
        lines += [f"{' - '.join(row['heads'])}: {_tests(row)}" for row in result["comparisons"]]
    else:
        lines.append(_tests(result))
    emit(result, as_json, [*lines, result["sentence"]])


def ensemble(
    heads: list[Path] = typer.Argument(..., metavar="HEAD HEAD...", help="Folders of trained heads."),
    out: Path = typer.Option(..., "--out", help="Folder for the ensemble; its name is the head's.", file_okay=False),
    weights: str = typer.Option("mean", help="mean, accuracy or f1: what decides the weight of each head."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Average the probabilities of several heads; the folder is used like that of any head."""
    from cellapp.training.classifier.ensemble import make_ensemble

    metrics = make_ensemble(heads, out, weights)
    if metrics["reason"]:
        note(f"cellapp: not validated: {metrics['reason']}")
    lines = [f"{head}: weight {weight:.3f}" for head, weight in metrics["members"].items()]
    lines += [
        f"{name}: balanced accuracy {_interval(row['balanced_accuracy'])}" for name, row in metrics["methods"].items()
    ]
    emit(metrics | {"out": str(out)}, as_json, [*lines, f"{metrics['head']}: for {metrics['used_by']}"])


def quantify(
    runs: list[Path] = typer.Argument(..., metavar="RUN_OUT...", help="--out of analyse, or folders of images in it."),
    head: Path = typer.Option(..., "--head", help="Folder of the head they were analysed with."),
    known: Path = typer.Option(None, "--known", help="Table: image, and known ratio per class or condition."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Estimate class fractions per image, with a 95 % interval that holds the classifier's error."""
    from cellapp.pipeline.quantify_runs import quantify_runs

    result = quantify_runs(runs, head, known)
    parts = {**result["images"], **{f"condition {name}": rows for name, rows in result["conditions"].items()}}
    lines = [_fractions(name, rows) for name, rows in {**parts, "all": result["all"]}.items()]
    if "rmse" in result:
        errors = (f"{name} {'none' if value is None else f'{value:.4f}'}" for name, value in result["rmse"].items())
        lines.append(f"error against known ratios: {', '.join(errors)}")
    emit(result, as_json, lines)


def _fractions(name: str, rows: dict[str, dict[str, float | None]]) -> str:
    if next(iter(rows.values()))["plain"] is None:
        return f"{name}: no classified cells"
    said = (
        f"{c} {row['em']:.1%} ({row['low']:.1%} to {row['high']:.1%}; adjusted {row['adjusted']:.1%}, counted "
        f"{row['plain']:.1%})"
        for c, row in rows.items()
    )
    return f"{name}: {'; '.join(said)}"


def _interval(figure: dict[str, float | None]) -> str:
    spread = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{spread}"


def _tests(row: dict[str, Any]) -> str:
    return (
        f"difference {row['difference']:+.3f}, p (Holm) {row['paired_t']['p_holm']:.3g} paired, "
        f"{row['corrected_t']['p_holm']:.3g} corrected, p {row['bootstrap']['p']:.3g} bootstrap over groups"
    )
