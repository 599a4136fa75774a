"""`score`: label images, or a segmentation network, against truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cellapp.cli.checked import Commands
from cellapp.cli.options import DATA
from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.cli.score_reliability import score_reliability

if TYPE_CHECKING:
    from cellapp.segmentation.agreement import Agreement

_COUNTS = {"n_missed": "missed", "n_split": "split", "n_merged": "merged", "n_extra": "extra"}

score = Commands(help="Compare results with truth.")
score.command("reliability")(score_reliability)


@score.callback()
def _group() -> None:
    """Compare results with truth."""


@score.command()
def segmentation(
    pred: Path = typer.Argument(..., metavar="PRED", help="Label image, folder, or --out of segment or analyse."),
    truth: Path = typer.Argument(..., metavar="TRUTH", help="Label image, or folder matched by stem."),
    pictures: Path = typer.Option(
        None,
        "--pictures",
        help="Folder for a PNG of each image: found, missed, doubled, merged and extra cells.",
        file_okay=False,
    ),
    images: Path = typer.Option(None, "--images", help="With --pictures: the images, to draw on; matched by stem."),
    as_json: bool = JSON_OPTION,
) -> int:
    """Average precision at IoU 0.5 to 0.95, precision, recall, F1, Dice, IoU, Hausdorff distance, splits and merges.

    Per image and as a mean. A pair that cannot be compared is named and left out, and the exit status is 1.
    """
    from cellapp.segmentation.metrics_files import score_paths

    result = score_paths(pred, truth, _painter(pictures, images))
    for why in result["failed"].values():
        note(f"cellapp: left out: {why}")
    lines = [f"{row['image']}: {_figures(row)}" for row in result["images"]]
    lines.append(f"mean of {result['n']}: {_figures(result['mean'])}")
    lines += [f"pictures: {pictures}"] if pictures else []
    emit(result, as_json, lines)
    return 1 if result["failed"] else 0


@score.command("segmenter")
def score_segmenter(
    name: str = typer.Argument(..., help="Name in `models list`, or the folder of a trained network."),
    data: Path = DATA,
    out: Path = typer.Option(None, "--out", help="File to write, metrics.json.", dir_okay=False),
    held_out: float = typer.Option(
        0.0,
        "--held-out",
        min=0.0,
        max=0.9,
        help="Score the share of the training images that a recipe holds out.",
    ),
    label_free: int = typer.Option(
        8, "--label-free", min=0, help="Images of each kind without stain to draw and score beside them."
    ),
    failures: Path = typer.Option(
        None, "--failures", help="Folder for a picture of the worst image of each kind.", file_okay=False
    ),
    examples: Path = typer.Option(
        None,
        "--examples",
        help="Folder for pictures of the best and worst image of each kind, beside classical.",
        file_okay=False,
    ),
    before: str = typer.Option(None, "--before", help="Network shown between them: a name or a folder."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Score a segmenter on validation images by kind, beside the classical one, with bootstrap intervals."""
    import json

    from cellapp.files import atomic_write
    from cellapp.models.load import load_model
    from cellapp.training.segmenter.evaluate import evaluate_segmenter
    from cellapp.training.segmenter.own_sources import require_images

    require_images(data)
    progress = Progress()
    segmenter = load_model(name, dtype="float32", kind="segmenter")
    chosen = {"n_label_free": label_free, "held_out": held_out, "failures": failures, "examples": examples}
    chosen["before"] = load_model(before, dtype="float32", kind="segmenter") if before else None
    figures = evaluate_segmenter(segmenter, data, **chosen, on_step=progress)
    progress.end()
    if out is not None:
        with atomic_write(out) as part:
            part.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    emit(figures, as_json, [_line(kind, row) for kind, row in figures["kinds"].items()])


@score.command("explanation")
def score_explanation(
    crops: Path = typer.Argument(
        None, metavar="[CROPS_DIR]", help="Folder of pictures of single cells, not trained on."
    ),
    data: Path = typer.Option(
        None, "--data", help="In its place: synthetic slides of `demo --differ-by`, cause known."
    ),
    head: str = typer.Option(..., "--head", help="Name in `models list`, or the folder of a trained head."),
    methods: str = typer.Option("", help="Methods of `analyse --explain-method`, comma between; all when left out."),
    n_cells: int = typer.Option(24, "--cells", min=4, help="Cells taken at most, evenly."),
    out: Path = typer.Option(
        None, "--out", help="File to write; explanation.json in the head's folder when left out.", dir_okay=False
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Say which maps are true of a head: deletion, insertion, ROAD, shuffled weights, stability, against random maps.

    On synthetic slides whose cause is known also the share of the positive part of the map that lies on it.
    The Explain page shows the figures kept in a head's own folder, and `analyse` and the page take the most faithful
    method where none is named, a quick one before a slow one where these cells cannot tell them apart. Costs are in
    passes of the network over a cell. A bundled head gets no file.
    """
    from cellapp.errors import InputError
    from cellapp.exports.explanation_truth import FILE, write_truth
    from cellapp.models.load import load_model
    from cellapp.models.registry import is_declared, model_folder
    from cellapp.pipeline.explanation_samples import sample_pictures, sample_slides
    from cellapp.pipeline.score_explanations import score_explanations

    if (crops is None) == (data is None):
        raise InputError("give either a folder of pictures, CROPS_DIR, or --data with synthetic slides")
    progress, model = Progress(), load_model(head, kind="head")
    names = [name.strip() for name in methods.split(",") if name.strip()]
    sample = sample_slides(data, model, n_cells) if crops is None else sample_pictures(crops, model, n_cells)
    result = score_explanations(sample, model, names, on_step=progress)
    progress.end()
    target = out or (None if is_declared(head) else model_folder(head) / FILE)
    if target is not None:
        write_truth(result, target)
    for why in result["left_out"]:
        note(f"cellapp: left out: {why}")
    lines = [_truth(name, row) for name, row in result["methods"].items()]
    emit(result, as_json, [*lines, _default(result, kept=target is not None and out is None)])


def _default(result: dict[str, Any], *, kept: bool) -> str:
    from cellapp.explanation.methods import cost_text

    best, n = result["most_faithful"], result["n"]
    if best is None:
        return f"no method passes every measure on {n} cells; HiResCAM stays the default"
    cost = f"; {cost_text(best)}" if cost_text(best) else ""
    return f"most faithful on {n} cells: {best}{', now the default for this head' if kept else ''}{cost}"


def _truth(name: str, row: dict[str, Any]) -> str:
    from cellapp.explanation.methods import passes

    gains = ", ".join(
        f"{key} {row[key]['gain']['value']:+.2f} ({row[key]['gain']['low']:+.2f} to {row[key]['gain']['high']:+.2f})"
        for key in ("deletion", "insertion", "road", "planted")
        if key in row
    )
    rest = f"shuffled weights {row['randomised']['value']:.2f}, stability {row['stability']['value']:.2f}"
    cost = f"costs {passes(name)}" if passes(name) > 1 else "costs 1, as encoding does"
    return f"{name}: {gains}; {rest}, holds {row['held']:.0%}, {cost}; {'; '.join(row['warnings']) or 'passes'}"


def _painter(pictures: Path | None, images: Path | None) -> Callable[[str, Agreement], None] | None:
    """Return what draws the errors of each image into a folder; None where no pictures are asked for."""
    from cellapp.errors import InputError

    if pictures is None:
        if images is not None:
            raise InputError("--images are what pictures are drawn on; give --pictures FOLDER with them")
        return None
    from cellapp.cli.options import expand_inputs

    grounds = {path.stem.removesuffix(".ome"): path for path in expand_inputs([str(images)])} if images else {}

    def paint(stem: str, agreement: Agreement) -> None:
        if grounds and stem not in grounds:
            note(f"cellapp: {stem}: no image of that name in {images}; drawn without one")
        _write_errors(pictures / f"{stem}.png", agreement, grounds.get(stem))

    return paint


def _write_errors(path: Path, agreement: Agreement, image: Path | None) -> None:
    """Draw the errors of an image on it, or on black."""
    from cellapp.files import atomic_write
    from cellapp.images.channels import assign_channels
    from cellapp.images.read import open_slide
    from cellapp.rendering.composition import ImageStyle
    from cellapp.rendering.png import png_bytes
    from cellapp.segmentation.error_picture import draw_errors

    slide = open_slide(image) if image else None
    ground = ImageStyle.of(slide, *assign_channels(slide.info, {})).overview if slide else None
    with atomic_write(path) as part:
        part.write_bytes(png_bytes(draw_errors(agreement, ground)))


def _figures(row: dict[str, Any]) -> str:
    far = "" if row["hausdorff_px"] is None else f", Hausdorff {row['hausdorff_px']:.1f} px"
    counts = ", ".join(f"{row[key]:,.4g} {word}" for key, word in _COUNTS.items())
    return (
        f"AP@0.5 {row['ap50']:.3f}, AP@0.75 {row['ap75']:.3f}, Dice {row['dice']:.3f}, IoU {row['iou']:.3f}; "
        f"AP@0.5:0.95 {row['ap']:.3f}, precision {row['precision']:.3f}, recall {row['recall']:.3f}, "
        f"F1 {row['f1']:.3f}{far}; {counts}"
    )


def _line(kind: str, row: dict[str, Any]) -> str:
    parts = [f"{who} AP@0.5 {_interval(row[who]['ap50'])}" for who in ("segmenter", "classical")]
    parts += [f"Dice {_interval(row['segmenter']['dice'])}", f"IoU {_interval(row['segmenter']['iou'])}"]
    return f"{kind}, {row['n_images']} image{'s' * (row['n_images'] != 1)}: {', '.join(parts)}"


def _interval(figure: dict[str, float | None]) -> str:
    if figure["low"] is None:
        return f"{figure['mean']:.3f}"
    return f"{figure['mean']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
