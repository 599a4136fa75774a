"""Train and use a network that names cell lines from time series of images, or labels of slides from their cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp import __version__
from cellapp.errors import InputError
from cellapp.exports.tables import write_csv
from cellapp.images.read import open_slide
from cellapp.models.load import load_model
from cellapp.pipeline.growth import OpenFrame
from cellapp.pipeline.progress import part_of
from cellapp.pipeline.time_series import PLAIN_NAMES, ImageSequence, Naming, read_sequences
from cellapp.settings import DEFAULT_ENCODER
from cellapp.training.lines.bags import Bag, make_bags
from cellapp.training.lines.files import METRICS, prediction_rows, read_lines, write_json, write_lines, write_tables
from cellapp.training.lines.fit import fit_lines
from cellapp.training.lines.recipe import LineRecipe
from cellapp.training.lines.slides import is_analysed, slide_bags
from cellapp.training.lines.validate import validate_lines
from cellapp.types.image import OnStep

_ENCODING, _TESTING = 0.6, 0.95  # shares of the time
_CELLS, _PATCHES = "cells", "patches"


def train_lines(
    folder: Path,
    out: Path,
    recipe: LineRecipe,
    *,
    encoder: str | None = None,
    table: Path | None = None,
    naming: Naming = PLAIN_NAMES,
    on_step: OnStep,
) -> dict[str, Any]:
    """Train on labelled sequences or slides below a folder, measured on batches that were not seen.

    Parameters
    ----------
    folder : Path
        See `cellapp.pipeline.time_series.read_sequences`; or, with a table, the folder that `analyse` wrote.
    out : Path
        See `train_bags`.
    recipe : LineRecipe
    encoder : str, optional
        Name in `models list`, or an encoder's folder; of slides it is the one their vectors are of.
    table : Path, optional
        See `cellapp.training.lines.slides.slide_bags`.
    naming : Naming
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When there are fewer than two lines, or a line is in one batch only.
    """
    if is_analysed(folder):
        if table is None:
            raise InputError(f"{str(folder)!r} holds slides; say with --table which line and batch each is")
        if encoder is not None:
            raise InputError("slides are read by the vectors that `analyse` made; leave --encoder out")
        _refuse_naming(folder, naming)
        bags, identity = slide_bags(folder, table, labelled=True)
        return train_bags(bags, out, recipe, {"of": _CELLS, "encoder_identity": identity}, on_step)
    _refuse_table(folder, table)
    sequences = read_sequences(folder, naming=naming)
    made = {"encoder": encoder or DEFAULT_ENCODER, "on_step": on_step}
    return train_sequences(lambda file: open_slide(folder / file), sequences, out, recipe, **made)


def train_sequences(
    open_frame: OpenFrame,
    sequences: Sequence[ImageSequence],
    out: Path,
    recipe: LineRecipe,
    *,
    encoder: str,
    on_step: OnStep,
) -> dict[str, Any]:
    """Train on labelled sequences, wherever their images are; see `train_bags`."""
    check_lines([one.line for one in sequences])
    loaded = load_model(encoder, kind="encoder")
    bags = make_bags(open_frame, sequences, loaded, part_of(on_step, 0, _ENCODING))
    card = {"of": _PATCHES, "encoder": encoder, "encoder_identity": loaded.identity}
    return train_bags(bags, out, recipe, card, part_of(on_step, _ENCODING, 1))


def train_bags(
    bags: Sequence[Bag], out: Path, recipe: LineRecipe, card: dict[str, Any], on_step: OnStep
) -> dict[str, Any]:
    """Train on bags.

    Parameters
    ----------
    bags : sequence of Bag
        With lines and batches.
    out : Path
        Gets ``lines.safetensors``, ``lines.json``, ``metrics.json``, ``held_out.csv`` (every bag as it is called
        when its batch is held out) and the files of `cellapp.training.lines.files.write_tables`.
    recipe : LineRecipe
    card : dict
        What bags are of and what made their vectors.
    on_step : callable

    Returns
    -------
    dict
        Content of ``metrics.json``, see `cellapp.training.lines.validate.validate_lines`.
    """
    lines = check_lines([bag.sequence.line for bag in bags])
    metrics, held_out = validate_lines(bags, lines, recipe, part_of(on_step, 0, _TESTING))
    on_step("Training on all sequences", _TESTING)
    model = fit_lines(bags, lines, recipe)
    metrics |= {"lines": list(lines), "n_sequences": len(bags), "encoder": card["encoder_identity"]}
    metrics |= {"of": card["of"], "version": __version__}
    out.mkdir(parents=True, exist_ok=True)
    write_lines(model, out, card | {"recipe": recipe.model_dump()})
    write_json(metrics, out / METRICS)
    write_csv(prediction_rows(bags, held_out, lines), out / "held_out.csv")
    write_tables(bags, model.call(bags)[1], out)
    return metrics


def check_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the lines, sorted; raises InputError for fewer than two."""
    names = tuple(sorted(set(lines)))
    if len(names) < 2:
        raise InputError(f"naming lines needs sequences of at least two; these are of {', '.join(names) or 'none'}")
    return names


def predict_lines(
    folder: Path,
    model_folder: Path,
    out: Path,
    *,
    table: Path | None = None,
    naming: Naming = PLAIN_NAMES,
    on_step: OnStep,
) -> pd.DataFrame:
    """Name the lines of sequences or slides.

    Parameters
    ----------
    folder : Path
        As in `train_lines`; lines need not be known.
    model_folder : Path
        That `train_lines` wrote.
    out : Path
        Gets ``predictions.csv`` and the files of `cellapp.training.lines.files.write_tables`.
    table, naming, on_step
        As in `train_lines`.

    Returns
    -------
    DataFrame
        See `cellapp.training.lines.files.prediction_rows`.

    Raises
    ------
    InputError
        When the folder is no model, or vectors are of another encoder than it was trained with.
    """
    _, card = read_lines(model_folder)
    if card.get("of") == _CELLS:
        if not is_analysed(folder):
            raise InputError(f"this network names slides by their cells, and {str(folder)!r} is no folder of `analyse`")
        _refuse_naming(folder, naming)
        bags, identity = slide_bags(folder, table, labelled=False)
        _check_encoder(card, identity, "the vectors of these cells")
        return predict_bags(bags, model_folder, out)
    _refuse_table(folder, table)
    sequences = read_sequences(folder, labelled=False, naming=naming)
    return predict_sequences(lambda file: open_slide(folder / file), sequences, model_folder, out, on_step)


def _refuse_table(folder: Path, table: Path | None) -> None:
    """Raise InputError where a table of slides is given with sequences, whose names say what it would."""
    if table is not None:
        raise InputError(
            f"a table has no effect on {str(folder)!r}, no folder of `analyse`: names or an index.csv in it say line "
            "and batch; leave --table out"
        )


def _refuse_naming(folder: Path, naming: Naming) -> None:
    """Raise InputError where it is said how names of images over time are read, and there are slides."""
    if naming != PLAIN_NAMES:
        raise InputError(
            f"--pattern and --every have no effect on {str(folder)!r}, whose slides have no time; leave them out"
        )


def predict_sequences(
    open_frame: OpenFrame,
    sequences: Sequence[ImageSequence],
    model_folder: Path,
    out: Path,
    on_step: OnStep,
) -> pd.DataFrame:
    """Name the lines of sequences, wherever their images are; see `predict_lines`."""
    _, card = read_lines(model_folder)
    loaded = load_model(card["encoder"], kind="encoder")
    _check_encoder(card, loaded.identity, card["encoder"])
    return predict_bags(make_bags(open_frame, sequences, loaded, part_of(on_step, 0, 0.95)), model_folder, out)


def predict_bags(bags: Sequence[Bag], model_folder: Path, out: Path) -> pd.DataFrame:
    """Name the lines of bags and write what was found, see `predict_lines`."""
    model, _ = read_lines(model_folder)
    probabilities, weights = model.call(bags)
    rows = prediction_rows(bags, probabilities, model.lines)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, out / "predictions.csv")
    write_tables(bags, weights, out)
    return rows


def _check_encoder(card: dict[str, Any], identity: str, of: str) -> None:
    if identity != card["encoder_identity"]:
        raise InputError(f"these lines were learned with {card['encoder_identity']}, and {of!r} is {identity}")
