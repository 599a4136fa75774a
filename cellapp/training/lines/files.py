"""Files of a network of lines: weights and card, and the tables of attention and growth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cellapp.errors import InputError, why_unread
from cellapp.exports.growth import write_growth_tables
from cellapp.exports.tables import write_csv
from cellapp.files import atomic_write
from cellapp.training.lines.bags import Bag
from cellapp.training.lines.fit import LineModel
from cellapp.training.lines.network import LineNetwork

WEIGHTS, CARD, METRICS = "lines.safetensors", "lines.json", "metrics.json"


def write_tables(bags: Sequence[Bag], weights: Sequence[np.ndarray], out: Path) -> None:
    """Write ``attention.csv``, ``growth.csv``, ``doubling.csv`` and ``doubling_by_condition.csv``.

    Attention holds file, y, x, time_h and weight of every patch, or of every cell with its cell_id, and the sequence.
    The others are those of `cellapp.exports.growth.write_growth_tables`.
    """
    attention = [_attention(bag, weight) for bag, weight in zip(bags, weights, strict=True)]
    write_csv(pd.concat(attention, ignore_index=True), out / "attention.csv")
    write_growth_tables([bag.growth() for bag in bags], out)


def _attention(bag: Bag, weights: np.ndarray) -> pd.DataFrame:
    files, keys = bag.sequence.files, bag.sequence.opened_by
    table = pd.DataFrame(
        {
            "file": [files[frame] for frame in bag.frames],
            "y": bag.corners[:, 0],
            "x": bag.corners[:, 1],
            "time_h": bag.times_h(),
            "weight": weights.astype(np.float64),
        }
    )
    if bag.cell_ids is not None:
        table["cell_id"] = bag.cell_ids
    elif keys != files:
        table["image_id"] = [keys[frame] for frame in bag.frames]
        table["sequence"] = bag.sequence.name
    return table


def prediction_rows(bags: Sequence[Bag], probabilities: np.ndarray, lines: Sequence[str]) -> pd.DataFrame:
    """Return one row per bag: line (as it was said), batch, place, called, p_<line> of each line, and sequence."""
    return pd.DataFrame(
        {
            "line": [bag.sequence.line for bag in bags],
            "batch": [bag.sequence.batch for bag in bags],
            "place": [bag.sequence.place for bag in bags],
            "called": [lines[k] for k in probabilities.argmax(axis=1)],
            **{f"p_{line}": probabilities[:, k].round(6) for k, line in enumerate(lines)},
            "sequence": [bag.sequence.name for bag in bags],
        }
    )


def read_lines(folder: Path) -> tuple[LineModel, dict[str, Any]]:
    """Read a model that `write_lines` wrote, with its card.

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
            f"{str(folder)!r} holds no network of lines ({why_unread(error)}); train one with `lines train`"
        ) from error
    return LineModel(network.eval(), mean, deviation, tuple(card["lines"])), card


def write_lines(model: LineModel, out: Path, card: Mapping[str, Any]) -> None:
    """Write weights and card of a network."""
    tensors = {name: tensor.contiguous() for name, tensor in model.network.state_dict().items()}
    tensors |= {"mean": torch.from_numpy(model.mean), "deviation": torch.from_numpy(model.deviation)}
    with atomic_write(out / WEIGHTS) as part:
        save_file(tensors, part)
    write_json({"lines": list(model.lines), **card}, out / CARD)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write plain values, whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False), encoding="utf-8")
