"""`score reliability`: how far the outlines of a network can be relied on, measured on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.options import DATA
from cellapp.cli.output import JSON_OPTION, Progress, emit


def score_reliability(
    name: str = typer.Argument(..., help="Name in `models list`, or the folder of a trained network."),
    data: Path = DATA,
    out: Path = typer.Option(
        None, "--out", help="Folder to write reliability.json to; the network's when left out.", file_okay=False
    ),
    held_out: float = typer.Option(
        0.0, "--held-out", min=0.0, max=0.9, help="Also read the share of the training images that a recipe holds out."
    ),
    unseen: list[str] = typer.Option([], "--unseen", help="Set that the network did not train on: read all of it."),
    label_free: int = typer.Option(0, "--label-free", min=0, help="Images of each kind without stain to draw as well."),
    most: int = typer.Option(24, "--most", min=1, help="Images of each set."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Calibrate the second look at outlines on validation images, so that `analyse` says what to expect of others.

    A set is a folder of --data with index.csv, images and labels. Half of the images are judged in a harder version,
    too. Figures are of sets that the calibration was not fitted to, each left out in turn.
    """
    from cellapp.errors import InputError
    from cellapp.models.load import load_model
    from cellapp.models.registry import model_folder
    from cellapp.segmentation.compact import CompactSegmenter
    from cellapp.segmentation.flow_unet_io import digest_of
    from cellapp.segmentation.reliability import write_calibration
    from cellapp.training.segmenter.judge_network import judge_network
    from cellapp.training.segmenter.reliability import fit_calibration
    from cellapp.training.segmenter.truth_sets import read_truth

    segmenter, progress = load_model(name, kind="segmenter"), Progress()
    if not isinstance(segmenter, CompactSegmenter):
        raise InputError(f"{name!r} is no compact network; give the folder of one, as train-segmenter writes it")
    judged = judge_network(segmenter, read_truth(data, held_out, unseen, label_free), most=most, on_step=progress)
    progress.end()
    calibration, figures = fit_calibration(judged)
    file = write_calibration(calibration, digest_of(model_folder(name)), figures, out or model_folder(name))
    rows = {"all": figures} | figures["sets"]
    emit({"file": str(file), **figures}, as_json, [_line(group, row) for group, row in rows.items()])


def _line(group: str, row: dict[str, Any]) -> str:
    rank = row["rank_correlation"]
    agree = "" if rank is None else f", rank correlation {rank:.2f}"
    means = f"reached AP@0.5 {row['reached']:.3f}, expected {row['expected']:.3f}"
    return f"{group}, {row['n_images']} images: {means}{agree}, {row['in_interval']:.0%} in the interval"
