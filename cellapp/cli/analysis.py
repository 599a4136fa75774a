"""`demo`, `analyse` and `segment`: from images to folders of results."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

_OUT = typer.Option(..., "--out", help="Folder to write to.", file_okay=False)
_PREPROCESS = typer.Option(None, help="Steps before segmentation: clip,normalise,clahe,denoise,align; or none.")
_INPUTS = typer.Argument(..., metavar="INPUT...", help="Image files, folders or globs.")


def demo(
    out: Path = _OUT,
    size: str = typer.Option("1024x1024", help="Rows x columns, in pixels."),
    seed: int = typer.Option(0, help="The same seed gives the same slide."),
    density: float = typer.Option(None, help="Share of the area that cells cover, 0 to 0.9."),
    touching: float = typer.Option(None, help="Share of cells born as touching pairs, 0 to 1."),
    cancer_fraction: float = typer.Option(None, help="Expected share of cancer cells, 0 to 1."),
    noise: float = typer.Option(None, help="Shot and read noise, 0 to 2."),
    illumination: float = typer.Option(None, help="Loss of light from the brightest to the darkest place, 0 to 0.9."),
    um_per_px: float = typer.Option(None, help="Pixel size."),
    n_channels: int = typer.Option(None, help="3, or 4 with an orange one."),
    dtype: str = typer.Option(None, help="uint8 or uint16."),
) -> None:
    """Write a synthetic multi-channel slide with its truth."""
    from cellapp.synthetic.settings import SyntheticSettings
    from cellapp.synthetic.write import write_demo

    height, width = parse_size(size)
    chosen = {"height": height, "width": width, "seed": seed, "density": density, "touching": touching}
    chosen |= {"cancer_fraction": cancer_fraction, "noise": noise, "illumination": illumination}
    chosen |= {"um_per_px": um_per_px, "n_channels": n_channels, "dtype": dtype}
    settings = validated(SyntheticSettings, {key: value for key, value in chosen.items() if value is not None})
    files = write_demo(out, settings)
    for path in (files.slide, files.labels, files.cells):
        typer.echo(str(path))


def analyse(
    inputs: list[str] = _INPUTS,
    out: Path = _OUT,
    segmenter: str = typer.Option(None, help="Name in `models list`, or a Cellpose file."),
    encoder: str = typer.Option(None, help="Encoder; the head's own when left out."),
    head: str = typer.Option(None, help='Head in `models list` or a folder; "none" counts without classes.'),
    channels: str = typer.Option(None, help='Channel numbers by role or name, "nucleus=3,cytoplasm=2".'),
    um_per_px: float = typer.Option(None, help="Pixel size, when the file has none."),
    diameter: float = typer.Option(None, help="Cell diameter in px; estimated when left out."),
    preprocess: str = typer.Option(
        None, help="Steps before segmentation, comma separated: clip,normalise,clahe,denoise."
    ),
    explain: int = typer.Option(0, help="Cells to explain per image."),
    engine: str = typer.Option("serial", help="serial, or a Dask scheduler: tcp://HOST:PORT."),
    resume: bool = typer.Option(False, "--resume", help="Keep images already finished with these settings."),
    settings: Path = typer.Option(None, help="JSON of settings, or a run.json to repeat; options win over it."),
    as_json: bool = JSON_OPTION,
) -> int:
    """Segment, measure, classify and explain images: the main job."""
    from cellapp.engine import Engine
    from cellapp.names import unique_stems
    from cellapp.runner import RunItem, run_images

    chosen = build_settings(
        base=settings,
        channels=channels,
        um_per_px=um_per_px,
        segmenter=segmenter,
        diameter=diameter,
        preprocess=preprocess,
        encoder=encoder,
        head=head,
        explain=explain,
    )
    paths = _expand(inputs)
    stems = unique_stems([path.name for path in paths])
    items = [RunItem(stem, partial(_open, path.resolve())) for stem, path in zip(stems, paths, strict=True)]
    progress = Progress()
    report = run_images(items, chosen, out, on_progress=progress, resume=resume, engine=Engine(engine))
    progress.end()
    for result in report.failed:
        note(f"cellapp: {result.stem}: {result.error}")
    summaries = [result.summary for result in report.results if result.summary]
    failures = {result.stem: result.error for result in report.failed}
    emit({"out": str(out), "images": summaries, "failed": failures}, as_json, [_line(row) for row in summaries])
    if not report.failed:
        return 0
    return 2 if all(result.unusable for result in report.results) else 1


def segment(
    inputs: list[str] = _INPUTS,
    out: Path = _OUT,
    segmenter: str = typer.Option(None, help="Name in `models list`, or a Cellpose file."),
    channels: str = typer.Option(None, help='Channel numbers by role or name, "nucleus=3,cytoplasm=2".'),
    um_per_px: float = typer.Option(None, help="Pixel size, when the file has none."),
    diameter: float = typer.Option(None, help="Cell diameter in px; estimated when left out."),
    preprocess: str = typer.Option(
        None, help="Steps before segmentation, comma separated: clip,normalise,clahe,denoise."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write DIR/<stem>/labels.tif for each image."""
    from cellapp.exports.labels import write_labels
    from cellapp.loading import load
    from cellapp.names import unique_stems
    from cellapp.pipeline import find_cells

    chosen = build_settings(
        channels=channels, um_per_px=um_per_px, segmenter=segmenter, diameter=diameter, preprocess=preprocess
    )
    paths = _expand(inputs)
    model = load(chosen.segment.segmenter)
    rows, progress = [], Progress()
    for n_done, (path, stem) in enumerate(zip(paths, unique_stems([path.name for path in paths]), strict=True), 1):
        slide = _open(path)
        mask = find_cells(slide, model, chosen)
        file = write_labels(mask, out / stem / "labels.tif", um_per_px=slide.info.um_per_px)
        rows.append({"image": stem, "n_cells": len(mask.cell_ids), "labels": str(file)})
        progress(f"{stem} done", n_done / len(paths))
    progress.end()
    emit({"out": str(out), "images": rows}, as_json, [f"{row['image']}: {row['n_cells']:,} cells" for row in rows])


def parse_size(text: str) -> tuple[int, int]:
    """Read "YxX" as two positive integers.

    Raises
    ------
    InputError
        When it is anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"a size is rows x columns such as 1024x2048; got {text!r}")
    return int(parts[0]), int(parts[1])


def build_settings(
    *,
    base: Path | None = None,
    channels: str | None = None,
    um_per_px: float | None = None,
    segmenter: str | None = None,
    diameter: float | None = None,
    preprocess: str | None = None,
    encoder: str | None = None,
    head: str | None = None,
    explain: int = 0,
) -> Any:
    """Turn options into `AnalyseSettings`; what is left out keeps its default or the value of `base`.

    Raises
    ------
    InputError
        When a value does not fit.
    """
    from cellapp.images.channels import parse_channels
    from cellapp.settings import AnalyseSettings

    tree = _read_settings(base)
    _put(tree, "segment", segmenter=segmenter, diameter=diameter)
    _put(tree, "classify", encoder=encoder)
    _put(tree, "explain", n=explain or None)
    if head is not None:
        tree.setdefault("classify", {})["head"] = None if head == "none" else head
    if preprocess is not None:
        tree["preprocess"] = _steps(preprocess)
    if channels is not None:
        tree["channels"] = parse_channels(channels)
    if um_per_px is not None:
        tree["um_per_px"] = um_per_px
    return validated(AnalyseSettings, tree)


def validated(model: type[BaseModel], tree: dict[str, Any]) -> Any:
    """Build settings, or say in one line which value does not fit.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}; got {first['input']!r}") from error


def _steps(text: str) -> dict[str, bool]:
    known = ("clip", "normalise", "clahe", "denoise", "align")
    steps = [step.strip() for step in text.split(",") if step.strip() and step.strip() != "none"]
    unknown = [step for step in steps if step not in known]
    if unknown:
        raise InputError(f"no preprocessing step {unknown[0]!r}; choose from {', '.join(known)}, or none")
    return {step: step in steps for step in known}


def _read_settings(path: Path | None) -> dict[str, Any]:
    import json

    if path is None:
        return {}
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read settings from {str(path)!r}: {error}") from error
    return dict(tree.get("settings", tree))


def _put(tree: dict[str, Any], part: str, **values: Any) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        tree[part] = tree.get(part, {}) | given


def _expand(inputs: list[str]) -> list[Path]:
    from cellapp.cli.inputs import expand

    return expand(inputs)


def _open(path: Path) -> Any:
    from cellapp.images.read import open_slide
    from cellapp.settings import app_settings

    return open_slide(path, budget=app_settings().budget)


def _line(row: dict[str, Any]) -> str:
    classes = [key.removeprefix("fraction_") for key in row if key.startswith("fraction_") and key.count("_") == 1]
    counts = [f"{row[f'n_{name}']:,} {name}" for name in classes]
    return f"{row['image']}: {row['n_cells']:,} cells" + (
        f", {', '.join(counts)}, {row['n_unsure']:,} unsure" if counts else ""
    )
