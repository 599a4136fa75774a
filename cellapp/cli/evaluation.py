"""`compare`: which of several trained heads is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, emit


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


def _tests(row: dict[str, Any]) -> str:
    return (
        f"difference {row['difference']:+.3f}, p (Holm) {row['paired_t']['p_holm']:.3g} paired, "
        f"{row['corrected_t']['p_holm']:.3g} corrected, p {row['bootstrap']['p']:.3g} bootstrap over groups"
    )
