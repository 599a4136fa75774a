"""Growth of places over time: covered area from the images, or cells from what `analyse` found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.exports.growth import GrowthSeries
from cellapp.exports.growth_chart import write_growth
from cellapp.exports.run_json import read_run
from cellapp.exports.tables import read_cells
from cellapp.images.read import check_pixels, open_slide
from cellapp.pipeline import time_series
from cellapp.pipeline.series_names import hours_of, split_name
from cellapp.pipeline.time_series import PLAIN_NAMES, Frame, Naming, in_sequences, read_sequences
from cellapp.segmentation.confluency import confluency, iterative_mask, stretched
from cellapp.types.image import OnStep, Slide

OpenFrame = Callable[[str], Slide]
"""Opens an image by what a sequence says its images are opened by."""


def grey_plane(slide: Slide) -> np.ndarray:
    """Read an image as one plane, (Y, X) float32: the mean of its channels."""
    pixels = slide.region()
    check_pixels(pixels, slide.info.name)
    return pixels.mean(axis=0, dtype=np.float32)


def covered_share(plane: np.ndarray) -> float:
    """Return the share of an image that cells cover, 0 to 1, whatever its exposure."""
    return confluency(iterative_mask(stretched(plane)))


def measure_growth(
    sequences: Sequence[time_series.Sequence],
    open_frame: OpenFrame,
    on_step: OnStep,
    counts: Mapping[str, int] | None = None,
) -> list[GrowthSeries]:
    """Measure the covered area of every image.

    Parameters
    ----------
    sequences : sequence of Sequence
    open_frame : callable
    on_step : callable
        Progress; may raise `Cancelled`.
    counts : mapping of str to int, optional
        Cells of images by what they are opened by, as far as they were counted.
    """
    series, done, total = [], 0, sum(len(one.files) for one in sequences)
    for one in sequences:
        shares = []
        for key in one.opened_by:
            on_step("Measuring covered area", done / total)
            shares.append(covered_share(grey_plane(open_frame(key))))
            done += 1
        series.append(of_sequence(one, np.array(shares), counts))
    return series


def of_sequence(
    one: time_series.Sequence, shares: np.ndarray | None, counts: Mapping[str, int] | None = None
) -> GrowthSeries:
    """Return a sequence with what was measured of its images."""
    cells = None
    if counts is not None and any(key in counts for key in one.opened_by):
        cells = np.array([counts.get(key, np.nan) for key in one.opened_by], np.float64)
    return GrowthSeries(one.name, one.condition, one.line, one.batch, one.times_h, shares, cells)


def growth_of_folder(folder: Path, out: Path, *, naming: Naming = PLAIN_NAMES, on_step: OnStep) -> pd.DataFrame:
    """Measure growth in a folder of images, or count cells in a folder that `analyse` wrote, and write it.

    Parameters
    ----------
    folder : Path
        See `cellapp.pipeline.time_series.read_sequences`; lines and batches need not be known. Or the ``--out`` folder
        of `analyse`: names of its images' folders are read, and accepted cells are counted.
    out : Path
        See `cellapp.exports.growth_chart.write_growth`.
    naming : Naming
    on_step : callable

    Returns
    -------
    DataFrame
        Rows of ``growth.csv``.

    Raises
    ------
    InputError
        When there is no image, or a name holds no time.
    """
    if any(folder.glob("*/cells.parquet")):
        return write_growth(counted_in(folder, naming), out)
    sequences = read_sequences(folder, labelled=False, naming=naming)
    return write_growth(measure_growth(sequences, lambda file: open_slide(folder / file), on_step), out)


def counted_in(folder: Path, naming: Naming = PLAIN_NAMES) -> list[GrowthSeries]:
    """Count the accepted cells of every image in a folder that `analyse` wrote.

    The time that a file of several time points told of an image wins over the number in its name, where no pattern is
    given, as it does for the images of a project.
    """
    frames, counts = [], {}
    for path in sorted(folder.glob("*/cells.parquet")):
        name = path.parent.name
        said = split_name(name, naming.pattern)
        if not said.time:
            raise InputError(f"{naming.pattern!r} names no time, and growth needs one: put {{time}} into it")
        time = said.time if naming.pattern else _told_by_file(path.parent) or said.time
        frames.append(Frame(said.line, said.batch, said.place, hours_of(time, naming.every_h), name, name))
        counts[name] = int(read_cells(path)["qc_pass"].sum())
    return [of_sequence(one, None, counts) for one in in_sequences(frames)]


def _told_by_file(folder: Path) -> str:
    """Return the time that the file of an analysed image told; empty where it told none."""
    path = folder / "run.json"
    return str(read_run(path)["image"].get("time", "")) if path.is_file() else ""
