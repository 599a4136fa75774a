"""Fine-tune an encoder with its head, measured on groups that neither training nor early stopping saw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from cellapp.classification.head import LinearHead
from cellapp.classification.own_encoder import FOLDER, OwnEncoder
from cellapp.encoders.hf_folder import local_revision
from cellapp.models.load import load_encoder_of
from cellapp.training.calibration import cross_calibrate
from cellapp.training.classifier.baselines import EMBEDDING
from cellapp.training.classifier.cross_validation import (
    HeldOut,
    LabelledVectors,
    with_figures,
)
from cellapp.training.classifier.epoch_time import epoch_sentence, time_epoch
from cellapp.training.classifier.fit_head import FitOptions, HeadSpec, fit_head
from cellapp.training.classifier.fit_network import Cells, Fit, best_epoch, fit_network
from cellapp.training.classifier.interrupted import claim, write_json
from cellapp.training.classifier.learner import Learner, class_weights
from cellapp.training.classifier.network_head import network_head
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.write_fitted import Fitted
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder

EPOCHS = "epochs.json"
FINE_TUNED = "fine-tuned"
_CHUNK = 256  # crops turned to float32 at once


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A head with an encoder of its own, and its evidence."""

    head: LinearHead
    held_out: HeldOut | None  # None when the groups could not be split
    frozen: np.ndarray | None  # (N, K) held-out probabilities of a linear head on the frozen encoder
    notes: Mapping[str, Any]  # for metrics.json

    @property
    def fitted(self) -> Fitted:
        """The head as it is written, beside the linear head on the frozen encoder."""
        own = {FINE_TUNED: self.held_out.probabilities, EMBEDDING: self.frozen} if self.held_out else {}
        return Fitted(self.head, self.held_out, FINE_TUNED, own, {"fine_tuning": dict(self.notes)})


class Trainings:
    """All trainings of one head: one per fold, and one on all cells.

    Each fold keeps some groups of its training part for early stopping, where there is any, so that the groups it is
    measured on are read once. The head that is kept is trained on all cells for the median of the folds' best epochs.

    Parameters
    ----------
    dataset : EncodedDataset
        With its crops.
    vectors : LabelledVectors
        Of the frozen encoder.
    encoder : Encoder
        Trained in place.
    recipe : HeadRecipe
    spec : HeadSpec
    out : Path
        Folder of the head, which gets ``epochs.json`` before the first and after every epoch.
    work : Path
        Folder for checkpoints, which a call that was interrupted goes on from, and for the encoder.
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    OtherTraining
        When the checkpoints in `work` are of another recipe, encoder or other pictures.
    """

    def __init__(
        self,
        dataset: EncodedDataset,
        vectors: LabelledVectors,
        encoder: Encoder,
        recipe: HeadRecipe,
        spec: HeadSpec,
        *,
        out: Path,
        work: Path,
        on_step: OnStep,
    ) -> None:
        self.cells, self.vectors = Cells(dataset.planes, vectors.codes), vectors
        self.encoder, self.recipe, self.spec = encoder, recipe, spec
        self.out, self.work, self.on_step = out, work, on_step
        self.curves: list[dict[str, Any]] = []
        self.n_fits = 1
        self._epoch_s: tuple[float, float] | None = None  # of an epoch; None where training goes on
        self._tail = nn.ModuleList(encoder.tail(recipe.finetune.blocks))
        self._untouched = {name: tensor.clone() for name, tensor in self._tail.state_dict().items()}
        claim(self.work, recipe, encoder, dataset)

    def run(self) -> FineTuned:
        """Train and measure."""
        data, recipe = self.vectors, self.recipe
        fold_of = data.split(recipe.folds, recipe.seed)
        if isinstance(fold_of, str):
            head = self._train_on_all(recipe.finetune.epochs)
            head = replace(head, metrics={"validated": False, "reason": fold_of})
            return FineTuned(head, None, None, self._notes([], recipe.finetune.epochs))
        held_out, frozen, best = self._cross_validate(fold_of)
        epochs = round(float(np.median(best)))
        head = with_figures(self._train_on_all(epochs), data, held_out, regularisation=None)
        return FineTuned(head, held_out, frozen, self._notes(best, epochs))

    def _cross_validate(self, fold_of: np.ndarray) -> tuple[HeldOut, np.ndarray, list[int]]:
        """Return the calls of each fold's test groups, those of the frozen encoder, and the best epochs."""
        data, folds, best = self.vectors, np.unique(fold_of), []
        self.n_fits = 1 + len(folds)
        scores, frozen = (np.zeros((len(data.codes), len(data.classes))) for _ in range(2))
        distances = np.zeros(len(data.codes))
        for number, fold in enumerate(folds):
            test, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            frozen[test] = self._probe(rest).scores(data.features[test])
            fit = Fit(self.cells, *self._set_aside(rest), self.recipe.finetune.epochs, (self.recipe.seed, number))
            start, learner, epoch = self._train(f"fold {number + 1}", fit)
            head = network_head(start, learner.learning["head"], self._embed(self.encoder, rest), data.codes[rest])
            vectors = self._embed(self.encoder, test)
            scores[test], distances[test] = head.scores(vectors), head.novelty.distance(head.standardise(vectors))
            best.append(epoch)
        probabilities = cross_calibrate(scores, data.codes, fold_of)
        held_out = HeldOut(fold_of, scores, probabilities, distances, data.codes, ())  # encoders of folds are not kept
        return held_out, cross_calibrate(frozen, data.codes, fold_of), best

    def _train_on_all(self, epochs: int) -> LinearHead:
        """Train on all cells, write the encoder and return the head on its vectors, read back from the files."""
        rows = np.arange(len(self.vectors.codes))
        fit = Fit(self.cells, rows, rows[:0], epochs, (self.recipe.seed, self.n_fits - 1))
        start, learner, _ = self._train("all cells", fit)
        encoder = self.encoder
        encoder.write(self.work / FOLDER)
        dtype = "float32" if encoder.dtype == "float32" else "auto"
        own = OwnEncoder.describe(self.work / FOLDER, input_px=encoder.input_px, dtype=dtype)
        identity = f"{self.spec.name}/{FOLDER}@{local_revision(self.work / FOLDER)}"
        training = {**start.training, "fine_tuned_from": encoder.identity}
        start = replace(start, encoder=identity, own_encoder=own, training=training)
        vectors = self._embed(load_encoder_of(start, encoder.device).reading(encoder.reads), rows)
        return network_head(start, learner.learning["head"], vectors, self.vectors.codes)

    def _train(self, name: str, fit: Fit) -> tuple[LinearHead, Learner, int]:
        """Train from the untouched encoder; returns the head it began with, the learner and the epoch that is kept."""
        number, start = len(self.curves), self._probe(fit.training)
        checkpoint = self.work / f"fit-{number}.pt"
        if not number and not checkpoint.is_file():
            self._estimate(fit, start)
        learner = self._learner(fit, start)
        self.curves.append({"name": name, "epochs": fit.epochs, "points": [], "best": 0})

        def on_batch(part: float) -> None:
            epoch = f"epoch {math.ceil(part * fit.epochs - 1e-6)} of {fit.epochs}"
            self.on_step(f"Fine-tuning, {name}, {epoch}", (number + part) / self.n_fits)

        def on_points(points: list[dict[str, Any]]) -> None:
            self.curves[-1] |= {"points": points, "best": best_epoch(fit, learner, points)}
            self._write_curves()

        points = fit_network(fit, learner, checkpoint, on_batch, on_points).points
        on_points(points)
        return start, learner, self.curves[-1]["best"]

    def _learner(self, fit: Fit, start: LinearHead) -> Learner:
        """Return a learner that begins with a head on the untouched encoder."""
        self._tail.load_state_dict(self._untouched)
        codes, balanced = fit.cells.codes[fit.training], self.recipe.class_weights
        return Learner(self.encoder, start, self.recipe.finetune, class_weights(codes, len(start.classes), balanced))

    def _estimate(self, fit: Fit, start: LinearHead) -> None:
        """Say before the first epoch how long one takes."""
        self.on_step("Timing a few batches", 0.0)
        self._epoch_s = time_epoch(fit, self._learner(fit, start))
        self._write_curves()
        self.on_step(epoch_sentence(self._epoch_s, fit.epochs, self.n_fits), 0.0)

    def _write_curves(self) -> None:
        known = {"epoch_s": [round(seconds, 2) for seconds in self._epoch_s]} if self._epoch_s else {}
        content = {"planned": self.n_fits, "epochs": self.recipe.finetune.epochs, **known, "fits": self.curves}
        write_json(self.out / EPOCHS, content)

    def _set_aside(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split rows into those to learn from and whole groups for early stopping; none where groups are too few."""
        if self.recipe.finetune.stop_by == "never":
            return rows, rows[:0]
        training = self.vectors.subset(np.isin(np.arange(len(self.vectors.codes)), rows))
        inner = training.split(self.recipe.finetune.validation_folds, self.recipe.seed)
        return (rows, rows[:0]) if isinstance(inner, str) else (rows[inner != 0], rows[inner == 0])

    def _probe(self, rows: np.ndarray) -> LinearHead:
        """Fit a linear head to the frozen vectors of some rows."""
        chosen = np.isin(np.arange(len(self.vectors.codes)), rows)
        return fit_head(self.vectors.subset(chosen), self.spec, FitOptions(self.recipe.seed, self.recipe.balance))[0]

    def _embed(self, encoder: Encoder, rows: np.ndarray) -> np.ndarray:
        """Return vectors of some rows, (n, F), as the head reads them."""
        features = []
        for part in np.array_split(rows, max(len(rows) // _CHUNK, 1)):
            self.on_step(f"Making vectors, {self.curves[-1]['name']}", len(self.curves) / self.n_fits)
            planes = self.cells.planes[part].astype(np.float32)
            features.append(encoder.embed(planes, part.astype(np.int32)).features)
        return np.concatenate(features)

    def _notes(self, best: list[int], epochs: int) -> dict[str, Any]:
        trained = sum(weights.numel() for weights in self._tail.parameters())
        source = self.encoder.identity
        seconds = [point["seconds"] for fit in self.curves for point in fit["points"] if point["seconds"]]
        per_cell = (
            {"seconds_per_cell": round(float(np.median(seconds)) / len(self.vectors.codes), 6)} if seconds else {}
        )
        return {"from": source, "best_epochs": best, "epochs": epochs, "encoder_weights_trained": trained, **per_cell}
