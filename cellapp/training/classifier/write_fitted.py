"""Write a head that was fitted with its evidence, whatever it was fitted to."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.files import move_into_place
from cellapp.training.classifier.cross_validation import HeldOut
from cellapp.training.classifier.fold_heads import write_fold_heads
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import head_metrics, held_out_table, write_head_report
from cellapp.training.classifier.validation import validate
from cellapp.training.encode_dataset import EncodedDataset

CHECKPOINTS = "checkpoints"
"""Folder in the head's in which an interrupted fine-tuning waits to go on."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head and its evidence."""

    head: LinearHead
    held_out: HeldOut | None  # None when the groups could not be split
    method: str
    probabilities: Mapping[str, np.ndarray]  # held-out, by method, the head's own first
    notes: Mapping[str, Any] = field(default_factory=dict)  # more for metrics.json
    beside: tuple[Any, ...] = ()  # of a linear head, see `cellapp.training.classifier.validation.measure_beside`


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A head that was written, with what is known of it."""

    head: LinearHead
    held_out: HeldOut | None  # None where groups could not be split
    metrics: Mapping[str, Any]  # as written to metrics.json


def write_fitted(
    folder: Path, fitted: Fitted, dataset: EncodedDataset, recipe: HeadRecipe, start: float
) -> TrainedHead:
    """Write all files of a head.

    Parameters
    ----------
    folder : Path
    fitted : Fitted
    dataset : EncodedDataset
        Pictures or cells that it was fitted to.
    recipe : HeadRecipe
    start : float
        `time.perf_counter` when the training began.
    """
    head, held_out = save_head(fitted.head, folder), fitted.held_out
    metrics = head_metrics(head, dataset, fitted.method, fitted.probabilities)
    calls = held_out and held_out_table(dataset, held_out.fold_of, held_out.probabilities, head.classes)
    validation = validate(calls, metrics, *fitted.beside)
    metrics |= dict(fitted.notes) | validation.metrics | {"seconds": round(time.perf_counter() - start)}
    write_head_report(folder, head, recipe, metrics, calls)
    validation.write(folder)
    if recipe.keep_folds and held_out:
        write_fold_heads(folder, dataset, held_out, head.name)
    return TrainedHead(head, held_out, metrics)


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Give a temporary folder whose files go to `out` when the block ends without an error; others there stay."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=out.parent) as scratch:
        yield Path(scratch)
        out.mkdir(exist_ok=True)
        for file in sorted(Path(scratch).iterdir()):
            if file.is_dir():  # of an earlier head; a folder is replaced only when it is empty
                shutil.rmtree(out / file.name, ignore_errors=True)
            move_into_place(file, out / file.name)
