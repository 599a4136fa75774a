"""The folder of one analysed image: every file written at once, and read back as an `Analysis`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.cells.crop import crop
from cellapp.errors import InputError
from cellapp.exports.class_files import write_class_files
from cellapp.exports.embeddings import write_embeddings
from cellapp.exports.explanations import write_explanations
from cellapp.exports.label_image import write_labels
from cellapp.exports.outline_columns import quality_of_row
from cellapp.exports.run_json import OF_ANALYSIS, PICTURES_BY, image_of, read_run
from cellapp.exports.tables import read_cells, write_csv
from cellapp.files import atomic_folder
from cellapp.regions.geojson import REGIONS_FILE, write_regions
from cellapp.rendering.composition import ImageStyle
from cellapp.segmentation.label_image import open_label_image, read_labels
from cellapp.settings import AnalyseSettings, CropMode, CropSettings
from cellapp.types.cells import Analysis, Explanations, LabelMask
from cellapp.types.image import OnStep, Slide

NUCLEI = "nuclei.tif"
"""Label image of nuclei, each with the id of its cell; there where they were looked for and a channel shows them."""


def write_analysis(
    analysis: Analysis,
    slide: Slide,
    out: Path,
    *,
    settings: AnalyseSettings,
    seconds: float | Callable[[], float] = 0.0,
    on_step: OnStep | None = None,
    style: ImageStyle | None = None,
    crop_parts: Iterable[Path] = (),
    outlines: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Write every file of one image into ``out/<stem>/``, which appears when all of them are there.

    Parameters
    ----------
    analysis : Analysis
    slide : Slide
        Image the cells were measured on and are cut from.
    out : Path
        The run's folder; an older folder of the same image is replaced.
    settings : AnalyseSettings
        Of the run.
    seconds : float or callable
        How long the image took, for the summary; a callable is asked when all other files are there.
    on_step : callable, optional
        Progress; may raise `Cancelled`, and then nothing is written.
    style : ImageStyle, optional
        Of the image, where the caller has it.
    crop_parts : iterable of Path, optional
        Crops that others draw, see `cellapp.exports.crops_zip.write_crops`; asked for last.
    outlines : mapping of cell id to str, optional
        Those that others trace, see `cellapp.exports.geojson.write_geojson`.

    Returns
    -------
    dict
        The image's row of summary.csv.

    Raises
    ------
    InputError
        If the analysis' name is no plain folder name.
    """
    if Path(analysis.name).name != analysis.name or analysis.name in ("", ".", ".."):
        raise InputError(f"an analysis is named like a folder; got {analysis.name!r}; use cellapp.files.safe_stem")
    style = style or ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    with atomic_folder(out / analysis.name) as folder:
        write_labels(analysis.mask, folder / "labels.tif", um_per_px=analysis.info.um_per_px)
        if analysis.nuclei is not None:
            write_labels(analysis.nuclei, folder / NUCLEI, um_per_px=analysis.info.um_per_px)
        if analysis.regions:
            write_regions(analysis.regions, folder / REGIONS_FILE)
        if analysis.embeddings is not None:
            write_embeddings(analysis.embeddings, folder / "embeddings.npz")
        if analysis.explanations is not None:
            _write_explanations(analysis, analysis.explanations, slide, folder / "explanations", style)
        if analysis.compartments is not None:
            write_csv(analysis.compartments, folder / "explanations" / "regions.csv")
        return write_class_files(
            analysis,
            slide,
            folder,
            settings=settings,
            seconds=seconds,
            style=style,
            crops=settings.draw_crops,
            on_step=on_step,
            crop_parts=crop_parts,
            outlines=outlines,
        )


def read_analysis(folder: Path, *, decoded: bool = True) -> Analysis:
    """Read an image's folder back; embeddings and explanations stay on disk.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    decoded : bool
        Whether the label image is read now, or only what is indexed of it later.

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        If it is no such folder.
    """
    tree = read_run(folder / "run.json")
    info, roles = image_of(tree)
    path = folder / "labels.tif"
    labels = read_labels(path, info.shape[1:]) if decoded else open_label_image(path)
    return Analysis(
        name=folder.name,
        info=info,
        digest=tree["image"]["sha256"],
        roles=roles,
        mask=LabelMask(
            labels,
            tree["labels_by"],
            tree["summary"].get("note", ""),
            outlines=quality_of_row(tree["summary"]),
        ),
        cells=read_cells(folder / "cells.parquet"),
        confluency=tree["confluency"],
        provenance={key: value for key, value in tree.items() if key not in (*OF_ANALYSIS, PICTURES_BY)},
    )


def _write_explanations(
    analysis: Analysis, explanations: Explanations, slide: Slide, folder: Path, style: ImageStyle
) -> None:
    """Cut what the encoder saw (``encoder_crop`` and ``encoder_angle_deg`` of the provenance) from raw pixels."""
    encoder_crop = analysis.provenance.get("encoder_crop") or CropSettings(mode=CropMode.LETTERBOXED)
    crops = crop(
        slide,
        analysis.mask,
        analysis.cells.loc[np.asarray(explanations.cell_ids)],
        CropSettings.model_validate(encoder_crop),
        channels=style.channels,
        roles=style.roles,
        angle_deg=float(analysis.provenance.get("encoder_angle_deg") or 0.0),
    )
    write_explanations(explanations, crops, folder, style=style)
