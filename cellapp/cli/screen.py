"""`screen`: what treatments do to the cells of plates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, emit, note

_MOST_LINES = 20


def screen(
    runs: list[Path] = typer.Argument(..., metavar="RUN_OUT...", help="--out of analyse, or folders of images in it."),
    plate: Path = typer.Option(
        ..., "--plate", help="Table: treatment, well or image; plate, dose, unit, control where there are any."
    ),
    out: Path = typer.Option(..., "--out", help="Folder to write to.", file_okay=False),
    measure: str = typer.Option(
        None, help="A class, for its share; cells, for their number; or a column of cells.csv. Else the positive class."
    ),
    control: str = typer.Option(None, help="Treatment that is the negative control; else the table says it."),
    positive_control: str = typer.Option(None, help="Treatment that is the positive control."),
    alpha: float = typer.Option(0.05, help="A hit has an adjusted p-value of this or less."),
    least_effect: float = typer.Option(0.0, help="A hit differs from the controls by this much or more."),
    min_cells: int = typer.Option(20, help="A well with fewer cells to measure has no value."),
    seed: int = typer.Option(0, **SEED, help="The same seed gives the same p-values of dose responses."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Say which treatments change the cells of their wells, at which dose, and whether cells were lost.

    Wells are compared with the negative controls of their own plate.
    """
    from cellapp.pipeline.screen_runs import screen_runs
    from cellapp.population.screen import ScreenSettings
    from cellapp.settings_io import validated

    chosen = {"measure": measure, "alpha": alpha, "least_effect": least_effect, "min_cells": min_cells, "seed": seed}
    settings = validated(ScreenSettings, chosen)
    found = screen_runs(runs, plate, out, settings, control=control, positive_control=positive_control)
    for sentence in found["notes"]:
        note(f"cellapp: {sentence}")
    emit({"out": str(out), **found}, as_json, _lines(found))


def _lines(found: dict[str, Any]) -> list[str]:
    from cellapp.population.screen import treatment_words

    unfit = (
        [f"The classes are no answer: {found['answer_reason']}."]
        if found["by_class"] and found["answer"] == "unfit"
        else []
    )
    hits = [f"{treatment_words(row)}: {_effect(row)}" for row in found["hits"]]
    more = [f"and {len(hits) - _MOST_LINES} more in effects.csv"] if len(hits) > _MOST_LINES else []
    shown = [row for row in found["dose_response"] if row["q"] <= found["settings"]["alpha"]]
    doses = [f"{row['treatment']}: {row['sentence']}" for row in shown]
    n = len(found["dose_response"]) - len(shown)
    doses += [f"{n} more treatment{'s' * (n != 1)} without a response to the dose that could be shown"] if n else []
    return [*unfit, found["sentence"], *hits[:_MOST_LINES], *more, *doses]


def _effect(row: dict[str, Any]) -> str:
    value = f"{row['value']:.3g} against {row['control']:.3g}"
    effect = f"{row['effect']:+.3g} ({row['low']:+.3g} to {row['high']:+.3g})"
    noted = f"; {row['note']}" if row["note"] else ""
    return f"{value}, {effect}, adjusted p {row['q']:.2g}, {row['n_wells']} well{'s' * (row['n_wells'] != 1)}{noted}"
