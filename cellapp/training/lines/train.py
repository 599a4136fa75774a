"""Train and use a network that names cell lines from time series of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cellapp import __version__
from cellapp.errors import InputError
from cellapp.evaluation.growth import fit_growth
from cellapp.exports.tables import write_csv
from cellapp.files import atomic_write
from cellapp.models.load import load_model
from cellapp.pipeline.progress import part_of
from cellapp.training.lines.bags import Bag, make_bags
from cellapp.training.lines.fit import LineModel, LineRecipe, fit_lines
from cellapp.training.lines.network import LineNetwork
from cellapp.training.lines.sequences import read_sequences
from cellapp.training.lines.validate import validate_lines
from cellapp.types.image import OnStep

WEIGHTS, CARD = "lines.safetensors", "lines.json"
_ENCODING, _TESTING = 0.6, 0.95  # shares of the time


def train_lines(folder: Path, out: Path, recipe: LineRecipe, *, encoder: str, on_step: OnStep) -> dict[str, Any]:
    """Train on labelled sequences, measured on batches that were not seen.

    Parameters
    ----------
    folder : Path
        See `cellapp.training.lines.sequences.read_sequences`.
    out : Path
        Gets ``lines.safetensors``, ``lines.json``, ``metrics.json``, ``attention.csv`` (weights of patches) and
        ``growth.csv`` and ``doubling.csv`` (confluency over time, and how fast it doubles).
    recipe : LineRecipe
    encoder : str
        Name in `models list`, or an encoder's folder.
    on_step : callable
        Progress; may raise `Cancelled`.

    Returns
    -------
    dict
        Content of ``metrics.json``, see `cellapp.training.lines.validate.validate_lines`.

    Raises
    ------
    InputError
        When there are fewer than two lines, or a line is in one batch only.
    """
    sequences = read_sequences(folder)
    lines = tuple(sorted({one.line for one in sequences}))
    if len(lines) < 2:
        raise InputError(f"naming lines needs sequences of at least two; {str(folder)!r} holds {', '.join(lines)}")
    loaded = load_model(encoder)
    bags = make_bags(folder, sequences, loaded, part_of(on_step, 0, _ENCODING))
    metrics = validate_lines(bags, lines, recipe, part_of(on_step, _ENCODING, _TESTING))
    on_step("Training on all sequences", _TESTING)
    model = fit_lines(bags, lines, recipe)
    metrics |= {"lines": list(lines), "n_sequences": len(bags), "encoder": loaded.identity, "version": __version__}
    out.mkdir(parents=True, exist_ok=True)
    _write_model(model, out, {"encoder": encoder, "encoder_identity": loaded.identity, "recipe": recipe.model_dump()})
    _write_json(metrics, out / "metrics.json")
    write_tables(bags, model.call(bags)[1], out)
    return metrics


def predict_lines(folder: Path, model_folder: Path, out: Path, *, on_step: OnStep) -> pd.DataFrame:
    """Name the lines of sequences.

    Parameters
    ----------
    folder : Path
        Sequences; lines need not be known.
    model_folder : Path
        That `train_lines` wrote.
    out : Path
        Gets ``predictions.csv`` and the files of `write_tables`.
    on_step : callable

    Returns
    -------
    DataFrame
        One row per sequence: line (as the folder says, may be empty), batch, place, called, p_<line>…; sorted as read.

    Raises
    ------
    InputError
        When the folder is no model, or the encoder is another one than it was trained with.
    """
    model, card = read_lines(model_folder)
    loaded = load_model(card["encoder"])
    if loaded.identity != card["encoder_identity"]:
        raise InputError(
            f"these lines were learned with {card['encoder_identity']}, and {card['encoder']!r} is {loaded.identity}"
        )
    bags = make_bags(folder, read_sequences(folder, labelled=False), loaded, part_of(on_step, 0, 0.95))
    probabilities, weights = model.call(bags)
    table = pd.DataFrame(
        {
            "line": [bag.sequence.line for bag in bags],
            "batch": [bag.sequence.batch for bag in bags],
            "place": [bag.sequence.place for bag in bags],
            "called": [model.lines[k] for k in probabilities.argmax(axis=1)],
            **{f"p_{line}": probabilities[:, k].round(6) for k, line in enumerate(model.lines)},
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    write_csv(table, out / "predictions.csv")
    write_tables(bags, weights, out)
    return table


def write_tables(bags: Sequence[Bag], weights: Sequence[np.ndarray], out: Path) -> None:
    """Write ``attention.csv``, ``growth.csv`` and ``doubling.csv``.

    They hold file, y, x, time_h and weight of every patch; sequence, time_h and confluency of every image; and per
    sequence what `cellapp.evaluation.growth.fit_growth` says of its confluency.
    """
    attention = [
        pd.DataFrame(
            {
                "file": [bag.sequence.files[frame] for frame in bag.frames],
                "y": bag.corners[:, 0],
                "x": bag.corners[:, 1],
                "time_h": bag.times_h(),
                "weight": weight.astype(np.float64),
            }
        )
        for bag, weight in zip(bags, weights, strict=True)
    ]
    growth = [
        pd.DataFrame(
            {"sequence": bag.sequence.name, "time_h": bag.sequence.times_h, "confluency": bag.confluency.round(4)}
        )
        for bag in bags
    ]
    write_csv(pd.concat(attention, ignore_index=True), out / "attention.csv")
    write_csv(pd.concat(growth, ignore_index=True), out / "growth.csv")
    fits = [
        {"sequence": bag.sequence.name, "line": bag.sequence.line, "batch": bag.sequence.batch}
        | asdict(fit_growth(bag.sequence.times_h, bag.confluency))
        for bag in bags
    ]
    write_csv(pd.DataFrame(fits), out / "doubling.csv")


def read_lines(folder: Path) -> tuple[LineModel, dict[str, Any]]:
    """Read a model that `train_lines` wrote, with its card.

    Raises
    ------
    InputError
        When the folder holds none.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
        mean, deviation = (tensors.pop(name).numpy() for name in ("mean", "deviation"))
        network = LineNetwork(len(mean), len(card["lines"]))
        network.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{str(folder)!r} holds no network of lines ({error}); train one with `lines train`"
        ) from error
    return LineModel(network.eval(), mean, deviation, tuple(card["lines"])), card


def _write_model(model: LineModel, out: Path, card: dict[str, Any]) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in model.network.state_dict().items()}
    tensors |= {"mean": torch.from_numpy(model.mean), "deviation": torch.from_numpy(model.deviation)}
    with atomic_write(out / WEIGHTS) as part:
        save_file(tensors, part)
    _write_json({"lines": list(model.lines), **card}, out / CARD)


def _write_json(content: dict[str, Any], path: Path) -> None:
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False), encoding="utf-8")
