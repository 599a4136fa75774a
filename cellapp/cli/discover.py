"""`discover`: clusters among cells that no label asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, Progress, emit, note


def discover(
    source: Path = typer.Argument(
        ...,
        metavar="CROPS_DIR|VECTORS.npz|RUN_OUT",
        help="Folder of single-cell pictures, a file that `embed` wrote, or the --out folder of `analyse`.",
    ),
    out: Path = typer.Option(..., "--out", help="Folder to write to.", file_okay=False),
    method: str = typer.Option("gmm", help="gmm, kmeans, hdbscan or leiden."),
    k: str = typer.Option("auto", help="Number of clusters; auto chooses it."),
    layout: str = typer.Option("umap", "--map", help="umap, pca or tsne."),
    table: Path = typer.Option(
        None, help="CSV with file or image and columns about the cells, which clusters are compared with."
    ),
    measured: bool = typer.Option(
        False, "--measured", help="With RUN_OUT: cluster by size, shape and stain, not by vectors."
    ),
    group_column: str = typer.Option(None, help="Column that says which cells share an image, slide or batch."),
    encoder: str = typer.Option(None, help="For pictures: name in `models list`, or a folder."),
    vae: bool = typer.Option(False, "--vae", help="Group the latent vectors of an autoencoder of the pictures."),
    condition: str = typer.Option(None, help="With --vae: column whose values the decoder is told (conditional VAE)."),
    latent: int = typer.Option(16, help="With --vae: numbers that describe a cell, 2 to 256."),
    beta: float = typer.Option(1.0, help="With --vae: weight of the divergence."),
    epochs: int = typer.Option(30, help="With --vae: passes over the pictures."),
    standardise: bool = typer.Option(False, "--standardise", help="Scale each number first, as measurements need."),
    correct: str = typer.Option(None, help="Column of batches whose differences are taken out first."),
    controls: str = typer.Option(None, help="column=value of control cells: what they vary most in is taken out."),
    seed: int = typer.Option(0, **SEED, help="The same seed gives the same clusters."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Find clusters of cells without labels, say how many there are, and compare them with what is known.

    Classes and conditions take no part in the clustering.
    """
    from cellapp.discovery.discover import DiscoverSettings
    from cellapp.settings_io import validated
    from cellapp.training.discover_cells import discover_cells
    from cellapp.training.vae.recipe import VaeRecipe

    chosen = {"method": method, "layout": layout, "standardise": standardise, "correct": correct, "seed": seed}
    chosen["controls"] = controls
    settings = validated(DiscoverSettings, chosen if k == "auto" else {**chosen, "k": k})
    recipe = {"latent": latent, "beta": beta, "epochs": epochs, "seed": seed}
    progress = Progress()
    found = discover_cells(
        source,
        out,
        settings,
        encoder=encoder,
        table=table,
        group_column=group_column,
        measured=measured,
        vae=validated(VaeRecipe, recipe) if vae else None,
        condition=condition,
        on_step=progress,
    )
    progress.end()
    for why in found["left_out"]:
        note(f"cellapp: left out: {why}")
    emit({"out": str(out), **found}, as_json, _lines(found))


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['n_cells']:,} cells. {found['reason']}"]
    for name, column in found["columns"].items():
        lines += [f"{name}: {column['sentence']}", *_separation_lines(name, column)]
    if "vae" in found:
        error, mean = found["vae"]["held_out_error"], found["vae"]["mean_image_error"]
        lines.append(f"Autoencoder: mean squared error {error:.4f} on held-out cells, {mean:.4f} for the mean picture")
    return [*lines, f"{found['n_outliers']:,} outlier{'s' * (found['n_outliers'] != 1)}"]


def _separation_lines(name: str, column: dict[str, Any]) -> list[str]:
    """Say how well a column is told from vectors of images that were held out."""
    before, after = (column[when] and column[when]["held_out_accuracy"] for when in ("before", "after"))
    if before is None:
        return []
    corrected = "" if after is None else f", {after:.0%} after the correction"
    chance = column["before"]["chance"]
    return [f"{name}: told on held-out images for {before:.0%} of cells{corrected}, {chance:.0%} by chance"]
