"""Groups of cells from a source to files: what `discover` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellapp import __version__
from cellapp.discovery.discover import DiscoverSettings
from cellapp.errors import InputError
from cellapp.exports.discovery import indices, write_discovery
from cellapp.pipeline.progress import part_of
from cellapp.settings import DEFAULT_ENCODER
from cellapp.training.discovery_sources import DiscoverySource, discover_source, of_crop_set, read_source
from cellapp.training.encoder.crop_dataset import read_crops
from cellapp.training.lines.slides import is_analysed
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.training.vae.train import train_vae
from cellapp.training.vae.write import write_vae
from cellapp.types.image import OnStep

_VAE = "vae"
_LEARNING = 0.7  # share of the time


def discover_cells(
    path: Path,
    out: Path,
    settings: DiscoverSettings,
    *,
    encoder: str | None = None,
    table: Path | None = None,
    group_column: str | None = None,
    measured: bool = False,
    vae: VaeRecipe | None = None,
    condition: str | None = None,
    on_step: OnStep = lambda step, part: None,
) -> dict[str, Any]:
    """Group cells, write the files of `cellapp.exports.discovery.write_discovery`, and return what was found.

    Parameters
    ----------
    path, encoder, table, group_column, measured
        See `cellapp.training.discovery_sources.read_source`.
    out : Path
        Gets a folder ``vae`` where an autoencoder is trained.
    settings : DiscoverSettings
    vae : VaeRecipe, optional
        Group the posterior means of an autoencoder trained on the pictures, in place of an encoder's vectors.
    condition : str, optional
        Column that the decoder of a conditional autoencoder is told.
    on_step : callable
        Progress; may raise `Cancelled`: an autoencoder goes on from its last epoch.

    Returns
    -------
    dict
        Plain JSON values, see `cellapp.exports.discovery.indices`; ``left_out`` names pictures that cannot be read.

    Raises
    ------
    InputError
        Also when an autoencoder is asked for without pictures, the condition is not known, or an encoder is named for
        cells that have vectors.
    """
    if vae is None:
        if condition is not None:
            raise InputError("a condition is told to the decoder of an autoencoder: give --vae, too")
        reading = {"table": table, "group_column": group_column, "measured": measured}
        _refuse_unused(encoder, path)
        source, card = read_source(path, encoder=encoder or DEFAULT_ENCODER, **reading), {}
    else:
        pictures, source = _read_pictures(path, vae, table, group_column)
        source, card = latent_vectors(pictures, source, out / _VAE, vae, condition, part_of(on_step, 0, _LEARNING))
    start = _LEARNING if vae else 0.0
    settings = settings.model_copy(update={"standardise": settings.standardise or measured})
    found = discover_source(source, settings, part_of(on_step, start, 1))
    made_by = {"version": __version__, "settings": settings.model_dump(mode="json"), **source.made_by, **card}
    write_discovery(found, source.cells, out, made_by)
    return indices(found) | card | {"left_out": list(source.left_out)}


def _refuse_unused(encoder: str | None, path: Path) -> None:
    """Raise InputError where an encoder is named for cells that have vectors."""
    if encoder is not None and (path.is_file() or is_analysed(path)):
        raise InputError(
            f"encoder {encoder!r} has no effect on the cells of {str(path)!r}, which have vectors; leave it out"
        )


def _read_pictures(
    path: Path, recipe: VaeRecipe, table: Path | None, group_column: str | None
) -> tuple[np.ndarray, DiscoverySource]:
    """Return the planes of a folder of pictures, (N, 3, S, S) uint8, and what is known of them."""
    if not path.is_dir() or is_analysed(path):
        raise InputError(f"an autoencoder learns from pictures; {str(path)!r} is no folder of them: unpack crops.zip")
    unreadable: dict[Path, str] = {}
    found = read_crops(path, side_px=recipe.side_px, unreadable=unreadable)
    return found.pixels[:, :-1], of_crop_set(found, path, unreadable, table, group_column)


def latent_vectors(
    crops: np.ndarray,
    source: DiscoverySource,
    out: Path,
    recipe: VaeRecipe,
    condition: str | None,
    on_step: OnStep,
) -> tuple[DiscoverySource, dict[str, Any]]:
    """Train an autoencoder and describe cells by its posterior means.

    Parameters
    ----------
    crops : ndarray of shape (N, 3, S, S), uint8
    source : DiscoverySource
        The same cells; its vectors are not read.
    out : Path
        Folder of the autoencoder, which a call that was interrupted goes on from.
    recipe : VaeRecipe
    condition : str or None
        Column that the decoder is told.
    on_step : callable

    Returns
    -------
    source : DiscoverySource
        With the latent vectors.
    card : dict
        ``vae``, see `cellapp.training.vae.write.write_vae`.

    Raises
    ------
    InputError
        When the condition is not known, or there are too few cells.
    """
    if condition is not None and condition not in source.columns:
        raise InputError(f"no column {condition!r}; there are {', '.join(source.columns) or 'none'}")
    values = None if condition is None else source.columns[condition]
    vae = train_vae(crops, recipe, out, groups=source.images, conditions=values, on_step=on_step)
    codes = None if values is None else np.searchsorted(vae.conditions, values)
    return replace(source, features=vae.encode(crops)), {"vae": write_vae(vae, crops, out, codes)}
