"""Cells on which methods of explanation are measured: pictures, or cells of synthetic slides whose cause is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.ensemble import Head
from cellapp.encoders.crop_folder import encoder_batches, left_out, list_crops, none_readable
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.errors import InputError
from cellapp.explanation.compartments import OUTSIDE, compartment_shares
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels
from cellapp.models.load import load_encoder_of, load_model
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.pipeline.encoder_crops import encoder_crops, raw_crops
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings, QualitySettings
from cellapp.synthetic.write import CAUSE, LABELS, SLIDE
from cellapp.types.cells import LabelMask


@dataclass(frozen=True, eq=False)
class Sample:
    """Cells as the encoder of a head reads them."""

    crops: np.ndarray  # (N, 3, S, S) float32, or of as many planes as channels
    cause: np.ndarray | None = None  # (N, h, w): share of each token that the planted cause covers, where it is known
    left_out: Sequence[str] = ()  # a sentence for each picture that could not be read


def sample_pictures(folder: Path, head: Head, n_cells: int) -> Sample:
    """Read pictures of single cells, at most `n_cells`, evenly from the sorted files.

    Raises
    ------
    InputError
        When no picture can be read.
    ModelError
        When the head reads no crops, or its encoder cannot be had.
    """
    head.check_reads_crops()
    paths = list_crops(folder)
    taken = _evenly(len(paths), n_cells)
    unreadable: dict[Path, str] = {}
    side, reads = load_encoder_of(head).input_px, {"channels_as": head.reads.channels_as, "unreadable": unreadable}
    parts = [pixels for pixels, _ in encoder_batches([paths[i] for i in taken], head.preprocess, side, **reads)]
    if not parts:
        raise none_readable(unreadable)
    return Sample(np.concatenate(parts), left_out=left_out(unreadable, folder))


def sample_slides(folder: Path, head: Head, n_cells: int) -> Sample:
    """Cut cells of synthetic slides by their true outlines, with what tells their classes apart.

    Parameters
    ----------
    folder : Path
        What `cellapp.synthetic.write.write_demo` wrote for classes that differ by one part, or a folder of such.
    head : LinearHead or EnsembleHead
        Cells are cut as it reads them.
    n_cells : int
        At most, evenly from the cells of each slide that pass quality control.

    Raises
    ------
    InputError
        When there is no such slide, or it has no whole cell.
    ModelError
        When the head reads no crops, or its encoder cannot be had.
    """
    head.check_reads_crops()
    places = sorted(path.parent for path in folder.rglob(CAUSE))
    if not places:
        raise InputError(
            f"no {CAUSE} below {str(folder)!r}; write slides with a known cause by "
            "`python -m cellapp demo --differ-by nucleus`"
        )
    models = RunModels(load_model("classical"), load_encoder_of(head).reading(head.reads), head)
    shares = np.bincount(np.arange(n_cells) % len(places), minlength=len(places))
    parts = [_cells_of(place, models, int(share)) for place, share in zip(places, shares, strict=True) if share]
    crops, cause = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if not len(crops):
        raise InputError(f"no whole cell on the slides below {str(folder)!r}; make them larger or denser")
    return Sample(crops, cause)


def _cells_of(place: Path, models: RunModels, n_cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the encoder's input of some cells of a slide, and the share of each token that their cause covers."""
    context = make_context(open_slide(place / SLIDE), None, models, AnalyseSettings())
    shape, names = context.slide.info.shape[1:], context.slide.info.channels
    mask = LabelMask(read_labels(place / LABELS, shape), "truth")
    cells = assess(measure(context.slide, mask, channels=names), mask, context.slide, QualitySettings())
    cells = cells[cells["qc_pass"]]
    cells = cells.iloc[_evenly(len(cells), n_cells)]
    encoder, head = models.to_explain()
    crops = encoder_crops(context, mask, cells, context.head_preprocessor)
    pixels = encoder_input(crops, context.roles, encoder.input_px, head.reads.channels_as)
    cores = _cut_cause(context, mask, cells, read_labels(place / CAUSE, shape))
    shares = [1 - compartment_shares(core, None, encoder.grid)[OUTSIDE] for core in cores]
    return pixels, np.array(shares, float).reshape(-1, *encoder.grid)


def _cut_cause(context: ImageContext, mask: LabelMask, cells: object, cause: np.ndarray) -> list[np.ndarray]:
    """Return where each cell's own cause is, (S, S) bool, cut as its crop was."""
    _, head = context.models.to_explain()
    names, angle = context.source.info.channels, context.head_preprocessor.angle_deg
    how = {"channels": names, "roles": context.roles, "angle_deg": angle, "nuclei": cause}
    return [one.core for one in raw_crops(context.source, mask, cells, head.crop, **how)]


def _evenly(n: int, n_taken: int) -> np.ndarray:
    """Return at most `n_taken` positions of `n`, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n_taken, n)).round().astype(int))
