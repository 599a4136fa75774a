"""Folders of single-cell pictures as encoder input, for `embed`, `predict` and training.

Each picture is preprocessed by its own intensities, so that its vector does not depend on the other files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.images.channels import assign_channels
from cellapp.images.formats.inside import check_inside
from cellapp.images.formats.sniff import reading
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import check_pixels, open_slide
from cellapp.settings import PreprocessSettings
from cellapp.types.cells import Crops, Embeddings, Predictions, join_embeddings
from cellapp.types.image import Role
from cellapp.types.protocols import Encoder

SUFFIXES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"}


def list_crops(folder: Path) -> list[Path]:
    """Return the pictures below a folder, sorted by path, without what operating systems and editors leave there.

    Of crops that `analyse` exported the raw ones are taken, not the same cells with an outline drawn on them.

    Raises
    ------
    InputError
        When the folder is absent, holds none, or one is a link that leads out of it.
    """
    with reading(str(folder)):
        if not folder.is_dir():
            raise InputError(f"no folder {str(folder)!r}: name one that holds pictures")
        next(folder.iterdir(), None)  # a folder that may not be listed looks like an empty one to `rglob`
    pictures = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not _is_annotated(path))
    paths = without_litter(pictures, folder)
    if not paths:
        raise InputError(f"no pictures in {str(folder)!r}; looked for {', '.join(sorted(SUFFIXES))}")
    for path in filter(Path.is_symlink, paths):
        check_inside(folder, path)
    return paths


def _is_annotated(path: Path) -> bool:
    """Whether a picture is the annotated copy of a raw one, as in crops.zip."""
    folder = path.parent
    return (
        folder.name == "annotated" and (folder.parent / "raw").is_dir() and (folder.parent / "manifest.csv").is_file()
    )


def encoder_batches(
    paths: Sequence[Path],
    preprocess: PreprocessSettings,
    input_px: int,
    *,
    channels_as: str = "roles",
    batch: int = 64,
    unreadable: dict[Path, str] | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read pictures in batches ready for an encoder.

    Parameters
    ----------
    paths : sequence of Path
    preprocess : PreprocessSettings
        Chain of the head, or the default.
    input_px : int
        Side the encoder reads.
    channels_as : {"roles", "each"}
        See `cellapp.encoders.crop_to_rgb.encoder_input`.
    batch : int
        Pictures in memory at once.
    unreadable : dict of Path to str, optional
        Gets the reason for each picture that cannot be read, which is left out; without it the first one is raised.

    Yields
    ------
    pixels : ndarray of shape (N, 3, S, S), float32
        With as many planes as channels where the encoder reads each by itself.
    rows : ndarray of shape (N,), int32
        Positions in `paths`.
    """
    n_planes = None
    for start in range(0, len(paths), batch):
        pixels, rows = [], []
        for row, path in enumerate(paths[start : start + batch], start):
            try:
                pixels.append(read_crop(path).planes(preprocess, input_px, channels_as, n_planes))
                rows.append(row)
                n_planes = pixels[-1].shape[1]
            except InputError as error:
                if unreadable is None:
                    raise
                unreadable[path] = str(error)
        if rows:
            yield np.concatenate(pixels), np.array(rows, np.int32)


def embed_folder(
    paths: Sequence[Path],
    encoder: Encoder,
    preprocess: PreprocessSettings,
    unreadable: dict[Path, str] | None = None,
) -> Embeddings:
    """Encode pictures; `cell_ids` are their positions in `paths`.

    Parameters
    ----------
    paths : sequence of Path
        At least one.
    encoder : Encoder
    preprocess : PreprocessSettings
    unreadable : dict of Path to str, optional
        See `encoder_batches`.

    Raises
    ------
    InputError
        When no picture can be read; without `unreadable`, when one cannot.
    """
    reads = {"channels_as": encoder.reads.channels_as, "unreadable": unreadable}
    batches = encoder_batches(paths, preprocess, encoder.input_px, **reads)
    parts = [encoder.embed(pixels, rows) for pixels, rows in batches]
    if not parts:
        raise none_readable(unreadable or {})
    return join_embeddings(parts)


def none_readable(unreadable: Mapping[Path, str]) -> InputError:
    """Return the error for a folder in which no picture can be read."""
    first = next(iter(unreadable.values()), "there is none")
    return InputError(f"none of {len(unreadable):,} pictures can be read; first reason: {first}")


def left_out(unreadable: Mapping[Path, str], folder: Path) -> list[str]:
    """Return a sentence for each picture below `folder` that could not be read."""
    return [f"{path.relative_to(folder).as_posix()}: {why}" for path, why in unreadable.items()]


def prediction_table(predictions: Predictions, files: Sequence[Path]) -> pd.DataFrame:
    """Return one row per picture: file, label, p_<class>…, unsure, unlike_training and, with limits, set.

    Parameters
    ----------
    predictions : Predictions
        With positions in `files` as cell ids.
    files : sequence of Path
        Relative paths, in the order they were embedded.
    """
    table = pd.DataFrame({"file": [files[row].as_posix() for row in predictions.cell_ids], "label": predictions.labels})
    for k, name in enumerate(predictions.classes):
        table[f"p_{name}"] = predictions.probabilities[:, k]
    table = table.assign(unsure=predictions.unsure, unlike_training=predictions.unlike_training)
    return table if predictions.sets is None else table.assign(set=predictions.sets)


def read_crop(path: Path) -> CropFile:
    """Read one picture whole.

    Raises
    ------
    InputError
        When it cannot be read or pixels are missing or infinite.
    """
    slide = open_slide(path)
    raw = slide.region()
    check_pixels(raw, slide.info.name)
    return CropFile(raw, *assign_channels(slide.info, {}), slide.digest)


@dataclass(frozen=True, eq=False)
class CropFile:
    """A picture of one cell."""

    raw: np.ndarray  # (C, h, w), native dtype
    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    digest: str  # sha256 of the file

    def planes(
        self,
        preprocess: PreprocessSettings,
        input_px: int,
        channels_as: str = "roles",
        n_planes: int | None = None,
    ) -> np.ndarray:
        """Return the input of an encoder, (1, 3, S, S) float32, 0 to 1, or with as many planes as channels.

        Raises
        ------
        InputError
            When there are not `n_planes`.
        """
        pixels = Preprocessor.fit_crop(self.raw, preprocess).apply(self.raw)
        crop = Crops([pixels], np.zeros(1, np.int32), self.channels)
        planes = encoder_input(crop, self.roles, input_px, channels_as)
        if n_planes not in (None, planes.shape[1]):
            raise InputError(f"it has {planes.shape[1]} channels and others have {n_planes}; each is encoded by itself")
        return planes
