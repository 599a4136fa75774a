"""The heads of a cross-validation, each with the calls of the fold it had not seen: members of an ensemble of folds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.evaluation.held_out_calls import CALLS, METRICS
from cellapp.evaluation.scores import measure_calls
from cellapp.training.calibration import fit_temperature
from cellapp.training.classifier.cross_validation import LIMIT_PERCENTILE, HeldOut
from cellapp.training.classifier.report import held_out_table
from cellapp.training.encode_dataset import EncodedDataset

FOLDS = "folds"


def write_fold_heads(out: Path, dataset: EncodedDataset, held_out: HeldOut, name: str) -> None:
    """Write each head of a cross-validation as a folder ``folds/1``, ``folds/2`` ...

    Parameters
    ----------
    out : Path
        Folder of the head that was fitted to all cells.
    dataset : EncodedDataset
    held_out : HeldOut
        Its cross-validation.
    name : str
        Its name.
    """
    for k, head in enumerate(_calibrated(held_out, dataset.crops.pure), 1):
        folder, here = out / FOLDS / str(k), held_out.fold_of == np.unique(held_out.fold_of)[k - 1]
        rows = here & dataset.crops.pure
        codes = np.searchsorted(head.classes, np.asarray(dataset.crops.labels, str)[rows])
        figures = measure_calls(held_out.probabilities[rows], codes, head.classes, head.positive)
        head = save_head(replace(head, name=f"{name}-fold-{k}", metrics={**figures, "validated": True}), folder)
        metrics = {"head": head.identity, "positive": head.positive, "fold": k, **figures, "validated": True}
        (folder / METRICS).write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        calls = held_out_table(dataset, held_out.fold_of, held_out.probabilities, head.classes)
        calls[here].to_csv(folder / CALLS, index=False)


def _calibrated(held_out: HeldOut, pure: np.ndarray) -> Iterator[LinearHead]:
    """Give each head the temperature and the limit of novelty that the other folds say, as its figures have them."""
    for fold, head in zip(np.unique(held_out.fold_of), held_out.heads, strict=True):
        rest = pure & (held_out.fold_of != fold)
        limit = float(np.percentile(held_out.distances[rest], LIMIT_PERCENTILE))
        temperature = fit_temperature(held_out.scores[rest], held_out.codes[rest])
        yield replace(head, temperature=temperature, calibrated=True, novelty=replace(head.novelty, limit=limit))
