"""Encode labelled pictures of single cells, and summarise their intensities for the plainest baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cellapp.encoders.crop_folder import read_crop
from cellapp.errors import InputError
from cellapp.settings import PreprocessSettings
from cellapp.training.labelled_crops import LabelledCrops
from cellapp.types.cells import Embeddings, join_embeddings
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder

MIN_CELLS = 2
"""Pictures that each class needs at least; a head worth using needs many more, of several slides."""
_BATCH = 64
_PERCENTILES = (5, 25, 50, 75, 95)
N_PLAIN = 4 + len(_PERCENTILES)
"""Statistics of a channel without skewness and kurtosis; they come first."""
N_STATISTICS = N_PLAIN + 2


@dataclass(frozen=True, eq=False)
class EncodedDataset:
    """The N pictures that could be read, with their vectors."""

    crops: LabelledCrops
    embeddings: Mapping[str, Embeddings]  # by the names the encoders were given; cell ids count from 0
    statistics: np.ndarray | None  # (N, 11 C) float64, see `intensity_statistics`; None when channels differ in number
    digests: Sequence[str]  # N sha256 of the files
    side_px: int  # most frequent longer side
    left_out: Sequence[str]  # a sentence for each picture that could not be read
    planes: np.ndarray | None = None  # (N, 3, S, S) float16, 0 to 1: what the encoders read, where it was to be kept


def encode_dataset(
    crops: LabelledCrops,
    encoders: Mapping[str, Encoder],
    preprocess: PreprocessSettings,
    on_step: OnStep | None = None,
    *,
    keep_planes: bool = False,
) -> EncodedDataset:
    """Read and encode pictures; one that cannot be read is left out and named.

    Parameters
    ----------
    crops : LabelledCrops
    encoders : mapping of str to Encoder
        All of one input side, reading the same planes.
    preprocess : PreprocessSettings
        Fitted to each picture alone.
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    keep_planes : bool
        Keep the input of the encoders, for training them.

    Raises
    ------
    InputError
        When a class has no picture left, or only one: a single cell says nothing of how cells of its class differ.
    """
    reader = _Reader(crops, preprocess, next(iter(encoders.values())))
    parts: dict[str, list[Embeddings]] = {name: [] for name in encoders}
    kept: list[np.ndarray] = []
    for start in range(0, len(crops), _BATCH):
        planes, ids = reader.read(range(start, min(start + _BATCH, len(crops))))
        kept += [planes.astype(np.float16)] if keep_planes and len(ids) else []
        for name, encoder in encoders.items() if len(ids) else ():
            parts[name].append(encoder.embed(planes, ids))
        if on_step and start + _BATCH < len(crops):
            on_step("Encoding pictures", (start + _BATCH) / len(crops))
    readable = crops.subset([one.row for one in reader.measured])
    _require_classes(crops, readable, reader.left_out)
    if on_step:
        on_step("Encoding pictures", 1.0)
    return EncodedDataset(
        readable,
        {name: join_embeddings(batches) for name, batches in parts.items()},
        reader.statistics(),
        [one.digest for one in reader.measured],
        Counter(one.side_px for one in reader.measured).most_common(1)[0][0],
        reader.left_out,
        np.concatenate(kept) if keep_planes else None,
    )


def intensity_statistics(raw: np.ndarray) -> np.ndarray:
    """Summarise the brightness of each channel.

    Parameters
    ----------
    raw : ndarray of shape (C, h, w)
        Native values, no scaling: absolute brightness is part of what this method may use.

    Returns
    -------
    ndarray of shape (11 C,), float64
        Of the channels mean, standard deviation, minimum, maximum, percentiles 5, 25, 50, 75 and 95, skewness and
        kurtosis; the last two are 0 without contrast.
    """
    values = raw.reshape(len(raw), -1).astype(np.float64)
    spread = values.std(axis=1)
    scaled = (values - values.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)[:, None]
    return np.concatenate(
        [
            values.mean(axis=1),
            spread,
            values.min(axis=1),
            values.max(axis=1),
            *np.percentile(values, _PERCENTILES, axis=1),
            (scaled**3).mean(axis=1),
            (scaled**4).mean(axis=1),
        ]
    )


class _Measured(NamedTuple):
    """What is kept of a picture beside its vectors."""

    row: int  # among the crops
    digest: str
    statistics: np.ndarray  # (11 C,) float64
    side_px: int  # the longer one


class _Reader:
    """Reads pictures in their order, measures those that can be read and names the others."""

    def __init__(self, crops: LabelledCrops, preprocess: PreprocessSettings, encoder: Encoder) -> None:
        self._crops, self._preprocess, self._encoder = crops, preprocess, encoder
        self._n_planes: int | None = None  # of the first picture; others with another number cannot be encoded with it
        self.measured: list[_Measured] = []
        self.left_out = list(crops.left_out)

    def read(self, rows: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return planes (n, 3, S, S) and cell ids (n,) of the pictures that can be read; ids count those in all."""
        planes = [one for one in map(self._read, rows) if one is not None]
        n_read = len(self.measured)
        ids = np.arange(n_read - len(planes), n_read, dtype=np.int32)
        return np.concatenate(planes) if planes else np.empty(0, np.float32), ids

    def statistics(self) -> np.ndarray | None:
        """Return the statistics of all pictures, one row each; None when their channels differ in number."""
        rows = [one.statistics for one in self.measured]
        return np.stack(rows) if len({len(row) for row in rows}) == 1 else None

    def _read(self, row: int) -> np.ndarray | None:
        file, encoder = self._crops.files[row], self._encoder
        try:
            picture = read_crop(self._crops.folder / file)
            planes = picture.planes(self._preprocess, encoder.input_px, encoder.reads.channels_as, self._n_planes)
        except InputError as error:
            self.left_out.append(f"{file}: {error}")
            return None
        self._n_planes = planes.shape[1]
        raw = picture.raw
        self.measured.append(_Measured(row, picture.digest, intensity_statistics(raw), max(raw.shape[1:])))
        return planes


def _require_classes(wanted: LabelledCrops, readable: LabelledCrops, left_out: Sequence[str]) -> None:
    lost = sorted(set(wanted.classes) - set(readable.labels))
    if lost:
        raise InputError(f"no picture of class {lost[0]!r} can be read; first reason: {left_out[0]}")
    counts = Counter(readable.labels)
    for name, n in ((name, counts[name]) for name in readable.classes):
        if n < MIN_CELLS:
            raise InputError(
                f"training needs at least {MIN_CELLS} cells of each class that can be read; {name!r} has {n}: "
                "label more of it, or leave the class out"
            )
