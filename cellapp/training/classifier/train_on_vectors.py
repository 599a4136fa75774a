"""Train a head on vectors of analysed cells, without the encoder, and write it with its figures."""

from __future__ import annotations

import time
from pathlib import Path

from cellapp.files import atomic_folder
from cellapp.training.classifier.cross_validation import fit_and_hold_out
from cellapp.training.classifier.keep_cells import PicturesOf, keep_cells
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.of_cells import as_dataset, recipe_for, spec_of_cells
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.validation import measure_beside, notes_of
from cellapp.training.classifier.write_fitted import Fitted, TrainedHead, write_fitted
from cellapp.training.labelled_cells import LabelledCells
from cellapp.types.image import OnStep

METHOD = "embedding"
"""Name of the head's own method among those of its metrics."""


def train_on_vectors(
    cells: LabelledCells,
    out: str | Path,
    recipe: HeadRecipe | None = None,
    on_step: OnStep | None = None,
    *,
    pictures_of: PicturesOf | None = None,
) -> TrainedHead:
    """Train a head and write it as a folder that `cellapp.models.load.load_model` accepts.

    The same cells, recipe and name give the same head.

    Parameters
    ----------
    cells : LabelledCells
    out : str or Path
        Gets the files of `cellapp.training.classifier.train.train_head`; its name is the head's.
    recipe : HeadRecipe, optional
        The fields `cellapp.training.classifier.of_cells.OF_VECTORS` are taken from how the vectors were made.
    on_step : callable, optional
        Progress; may raise `Cancelled`, then nothing is written.
    pictures_of : callable, optional
        Draws training cells for the examples that the head keeps; see `cellapp.training.classifier.keep_cells`.

    Raises
    ------
    InputError
        When the positive class is none of the classes, or a class is called as cells without a class are.
    """
    start, progress = time.perf_counter(), on_step or (lambda step, fraction: None)
    recipe, out = recipe_for(cells, recipe or HeadRecipe()), Path(out)
    progress(f"Fitting {len(cells):,} cells", 0.1)
    data = LabelledVectors(cells.features, cells.labels, cells.groups)
    spec = spec_of_cells(cells, recipe, out.resolve().name)
    head, held_out = fit_and_hold_out(data, spec, **recipe.choices)
    progress("Measuring", 0.5)
    beside = measure_beside(data, spec, recipe, head, held_out) if held_out else ()
    probabilities = {METHOD: held_out.probabilities} if held_out else {}
    notes = notes_of(data, spec, recipe, head, held_out)
    fitted = Fitted(head, held_out, METHOD, probabilities, notes, beside)
    with atomic_folder(out) as part:
        trained = write_fitted(part, fitted, as_dataset(cells), recipe, start)
        keep_cells(part, cells.features, cells.labels, cells.names, cells.groups, pictures_of)
    progress("Done", 1.0)
    return trained
