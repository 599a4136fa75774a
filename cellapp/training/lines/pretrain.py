"""An encoder pretrained on the patches of the very batches that are to be told, without their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cellapp.images.read import open_slide
from cellapp.pipeline.growth import grey_plane
from cellapp.pipeline.time_series import PLAIN_NAMES, Naming, read_sequences
from cellapp.settings_io import read_recipe
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.recipe import PretrainRecipe, Schedule
from cellapp.training.encoder.run import PretrainOptions, run_on, start
from cellapp.training.lines.patches import cut_patches
from cellapp.types.image import OnStep

SCHEDULE = Schedule(steps=200, learning_rate=2e-4, warm_up=20, curve_every=100)
"""A short one: an encoder that is there learns on, it does not begin."""
_STORED_SCALE = 1.25  # side of stored patches over that of the encoder's input, so that zoomed views stay sharp


def pretrain_on_patches(
    folder: Path,
    out: Path,
    *,
    encoder: str,
    steps: int | None = None,
    seed: int = 0,
    recipe: Path | None = None,
    naming: Naming = PLAIN_NAMES,
    device: str = "cpu",
    dtype: str = "float32",
    on_step: OnStep,
) -> dict[str, Any]:
    """Let an encoder learn on from the patches of sequences, by self-distillation.

    Lines take no part, so that new batches that are to be named may be among the sequences.

    Parameters
    ----------
    folder : Path
        See `cellapp.pipeline.time_series.read_sequences`; lines and batches need not be known.
    out : Path
        Gets the encoder, which `lines train --encoder` takes; see `cellapp.training.encoder.run.run`.
    encoder : str
        To start from: a name in `models list`, or a folder.
    steps : int, optional
        200 when left out.
    seed : int
    recipe : Path, optional
        TOML in place of `SCHEDULE` and the defaults beside it.
    naming : Naming
    device, dtype : str
    on_step : callable
        Progress; may raise `Cancelled`, and the next call goes on from there.

    Returns
    -------
    dict
        See `cellapp.training.encoder.run.run_on`.

    Raises
    ------
    ModelError
        When the encoder is of a family that cannot be trained on.
    """
    chosen = PretrainRecipe(schedule=SCHEDULE) if recipe is None else read_recipe(PretrainRecipe, recipe)
    network, chosen = start(PretrainOptions(encoder=encoder), chosen)
    update = {"seed": seed} | ({} if steps is None else {"steps": steps})
    chosen = chosen.model_copy(update={"schedule": chosen.schedule.model_copy(update=update)})
    crops = patches_of(folder, round(_STORED_SCALE * chosen.network.image_size), naming, on_step)
    return run_on(crops, out, chosen, network, device=device, dtype=dtype, on_step=on_step)


def patches_of(folder: Path, side_px: int, naming: Naming, on_step: OnStep) -> CropSet:
    """Cut the patches of all images below a folder, resized to `side_px`; a patch is of no label."""
    sequences = read_sequences(folder, labelled=False, naming=naming)
    files = [file for one in sequences for file in one.files]
    pixels, groups = [], []
    for number, file in enumerate(files):
        on_step("Cutting patches", number / len(files))
        patches = cut_patches(grey_plane(open_slide(folder / file))).pixels
        pixels += [_planes(patch, side_px) for patch in patches]
        groups += [file] * len(patches)
    n = len(pixels)
    return CropSet(np.stack(pixels), np.full(n, ""), np.array(groups, dtype=str), np.full(n, folder.name))


def _planes(patch: np.ndarray, side_px: int) -> np.ndarray:
    """Return a patch, 0 to 1, as three equal planes and a mask of everything, (4, S, S) uint8."""
    small = Image.fromarray(patch).resize((side_px, side_px), Image.Resampling.BILINEAR)
    plane = np.rint(255 * np.clip(np.asarray(small), 0, 1)).astype(np.uint8)
    return np.stack([plane, plane, plane, np.full_like(plane, 255)])
