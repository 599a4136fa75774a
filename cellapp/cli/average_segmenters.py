"""`average-segmenters`: the mean of segmentation networks that were trained further from the same one."""

from __future__ import annotations

from pathlib import Path

import typer

from cellapp.cli.output import JSON_OPTION, emit


def average_segmenters(
    networks: list[Path] = typer.Argument(..., metavar="FOLDER...", help="Networks that train-segmenter wrote."),
    out: Path = typer.Option(..., "--out", help="Folder for weights.safetensors and config.json.", file_okay=False),
    share: list[float] = typer.Option([], "--share", help="Of each network, in their order; equal when left out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Average the weights of networks of one shape that set out from the same weights; the mean often errs less."""
    from cellapp.errors import InputError
    from cellapp.training.segmenter.averaging import average_networks

    if share and len(share) != len(networks):
        raise InputError(f"{len(networks)} networks need as many --share; got {len(share)}")
    if len(set(networks)) < len(networks):
        raise InputError("a network is given twice; give it once, with a larger --share")
    average_networks(dict(zip(networks, share or [1.0] * len(networks), strict=True)), out)
    emit({"out": str(out), "n_networks": len(networks)}, as_json, [str(out)])
