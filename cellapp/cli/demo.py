"""`demo`: synthetic slides with known truth."""

from __future__ import annotations

from pathlib import Path

import typer

from cellapp.cli.options import SEED, parse_size


def demo(
    out: Path = typer.Option(..., "--out", help="Folder to write to.", file_okay=False),
    size: str = typer.Option("1024x1024", help="Rows x columns, in pixels."),
    seed: int = typer.Option(0, **SEED, help="The same seed gives the same slide."),
    density: float = typer.Option(None, help="Share of the area that cells cover, 0 to 0.9."),
    touching: float = typer.Option(None, help="Share of cells born as touching pairs, 0 to 1."),
    cancer_fraction: float = typer.Option(None, help="Expected share of cancer cells, 0 to 1."),
    noise: float = typer.Option(None, help="Shot and read noise, 0 to 2."),
    illumination: float = typer.Option(None, help="Loss of light from the brightest to the darkest place, 0 to 0.9."),
    um_per_px: float = typer.Option(None, help="Pixel size."),
    n_channels: int = typer.Option(None, help="3, or 4 with an orange one."),
    dtype: str = typer.Option(None, help="uint8 or uint16."),
    differ_by: str = typer.Option(None, help="What tells the classes apart: all, nucleus or cytoskeleton."),
) -> None:
    """Write a synthetic multi-channel slide with its truth."""
    from cellapp.settings_io import validated
    from cellapp.synthetic.settings import SyntheticSettings
    from cellapp.synthetic.write import write_demo

    height, width = parse_size(size)
    chosen = {"height": height, "width": width, "seed": seed, "density": density, "touching": touching}
    chosen |= {"cancer_fraction": cancer_fraction, "noise": noise, "illumination": illumination}
    chosen |= {"um_per_px": um_per_px, "n_channels": n_channels, "dtype": dtype, "differ_by": differ_by}
    settings = validated(SyntheticSettings, {key: value for key, value in chosen.items() if value is not None})
    files = write_demo(out, settings)
    for path in filter(None, vars(files).values()):
        typer.echo(str(path))
