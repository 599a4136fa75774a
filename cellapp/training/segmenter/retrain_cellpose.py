"""Retrain a Cellpose model by Cellpose's own training function, on images of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.files import move_into_place
from cellapp.models.load import load_model
from cellapp.models.registry import entry, is_declared, model_folder
from cellapp.segmentation.cellpose import network_input
from cellapp.segmentation.cellpose_api import TILE_PX, train_network
from cellapp.segmentation.cellpose_network import load_network
from cellapp.training.segmenter.labelled_folder import OwnImage
from cellapp.training.segmenter.own_example import read_own
from cellapp.training.segmenter.retrain_settings import CellposeSettings
from cellapp.types.image import OnStep

FILE = "cellpose"
"""The trained file, in Cellpose's format; its other programs read it as it is."""


def cellpose_file(name: str) -> Path | None:
    """Return the file of a Cellpose model: of a declared one, of one that a project keeps, or the path; else None."""
    path = model_folder(name)
    if is_declared(name):
        return path / next(iter(entry(name).files)) if entry(name).adapter == "cellpose" else None
    return next((file for file in (path, path / FILE) if file.is_file()), None)


def train_cellpose(
    images: Sequence[OwnImage], base: str, out: Path, settings: CellposeSettings, device: str, on_step: OnStep
) -> int:
    """Train a Cellpose model and write its file; return the number of cells it learnt from.

    Parameters
    ----------
    images : sequence of OwnImage
        Those without a cell are left out.
    base : str
        Name or file of the model to set out from.
    out : Path
        Folder for the file.
    settings : CellposeSettings
    device : str
        As torch names it.
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When no image has a cell.
    ModelError
        When the weights are not here.
    """
    load_model(base, device, "float32")  # says what is missing and how to get it
    net = load_network(cellpose_file(base), None, device, "float32")
    pairs = [pair for image in images if (pair := _as_read(image, net)) is not None]
    if not pairs:
        raise InputError("none of the images to learn from has a cell; draw some, or give labels of others")
    planes, labels = zip(*pairs, strict=True)
    older = getattr(net, "tile_px", None)
    with _reporting(net, settings.epochs * -(-len(pairs) // settings.batch), on_step):
        file, _ = train_network(
            net,
            planes,
            labels,
            out,
            n_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            batch_size=settings.batch,
            bsize=older or TILE_PX[net.backbone],
            rescale=bool(older),  # Cellpose 1 to 3 learnt cells of one size, Cellpose 4 of any
        )
    move_into_place(file, out / FILE)
    rmtree(file.parent)
    return int(sum(one.max() for one in labels))


@contextmanager
def _reporting(net: Any, n_batches: int, on_step: OnStep) -> Iterator[None]:
    """Report progress before each batch, which is where training can be cancelled."""
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        on_step("Training Cellpose", min(done / n_batches, 1.0))
        done += 1

    hook = net.register_forward_pre_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _as_read(image: OwnImage, net: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the input of the network, (3, Y, X), and its labels; None where there are none."""
    own = read_own(image)
    if own is None:
        return None
    planes = network_input(net, own.pixels, own.roles, reads_photos=getattr(net, "tile_px", None) is None)
    return np.ascontiguousarray(planes.transpose(2, 0, 1)), own.labels
