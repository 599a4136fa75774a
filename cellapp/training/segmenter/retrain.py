"""Retrain a network on a few images with labels, and score it before and after on images that it did not see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.agreement import compare_labels, mean_figures, n_to_correct
from cellapp.segmentation.flow_unet_io import read_network
from cellapp.settings_io import validated
from cellapp.training.segmenter.labelled_folder import OwnImage
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.own_example import prepare_own
from cellapp.training.segmenter.recipe import SegmenterRecipe
from cellapp.training.segmenter.retrain_cellpose import FILE, cellpose_file, train_cellpose
from cellapp.training.segmenter.retrain_settings import CellposeSettings, RetrainSettings
from cellapp.training.segmenter.train import train_on_examples
from cellapp.types.image import OnStep
from cellapp.types.protocols import Segmenter

METRICS = "metrics.json"
_SCORING = 0.1  # share of the time, before and after


def retrain(
    images: Sequence[OwnImage],
    held_out: Sequence[OwnImage],
    base: str,
    out: Path,
    settings: RetrainSettings | CellposeSettings | None = None,
    *,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Go on training a network of `train-segmenter`, or a Cellpose model by Cellpose's function, and write it.

    Parameters
    ----------
    images : sequence of OwnImage
        To learn from; those without a cell are left out.
    held_out : sequence of OwnImage
        Scored before and after and never learnt from; may be none.
    base : str
        Name or folder of the network to set out from.
    out : Path
        For ``weights.safetensors`` and ``config.json``, or the file ``cellpose``, and ``metrics.json``.
    settings : RetrainSettings or CellposeSettings, optional
        As the base needs them; see `settings_of`.
    device : str
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    dict
        ``base``, ``settings``, ``images`` and ``n_cells`` learnt from; ``held_out``: for each image its figures
        ``before`` and ``after`` (see `cellapp.segmentation.agreement.Agreement.row`); ``before`` and ``after``: their
        means, and ``corrections``, the cells of all held-out images that would have to be corrected.

    Raises
    ------
    InputError
        When no image has a cell, or the base is no such network.
    """
    say = on_step or (lambda step, part: None)
    settings = settings or settings_of(base, {})
    weights = cellpose_file(base)
    start = None if weights else network_folder(base)
    learnt = base if weights else str(start)  # of a pair of networks the one that is trained, not what chooses
    before = _scores(load_model(learnt, device, "float32"), held_out, lambda step, part: say(step, _SCORING * part))

    def learning(step: str, part: float) -> None:
        say(step, _SCORING + (1 - 2 * _SCORING) * part)

    out.mkdir(parents=True, exist_ok=True)
    if weights:
        n_cells = train_cellpose(images, base, out, settings, device, learning)
    else:
        n_cells = _train_network(images, start, out, settings, device, learning)
    trained = str(out / FILE if weights else out)
    after = _scores(load_model(trained, device, "float32"), held_out, lambda step, part: say(step, 0.9 + 0.1 * part))
    result = _result(images, n_cells, before, after) | {"base": base, "settings": settings.model_dump(mode="json")}
    with atomic_write(out / METRICS) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _train_network(
    images: Sequence[OwnImage], start: Path, out: Path, settings: RetrainSettings, device: str, on_step: OnStep
) -> int:
    """Go on training a network of `train-segmenter`; return the number of cells it learnt from."""
    examples = [example for image in images if (example := prepare_own(image)) is not None]
    if not examples:
        raise InputError("none of the images to learn from has a cell; draw some, or give labels of others")
    train_on_examples(recipe_of(start, settings), examples, out, start=start, device=device, on_step=on_step)
    return int(sum(example.labels.max() for example in examples))


def network_folder(name: str) -> Path:
    """Return the folder of a network that can be retrained here.

    Raises
    ------
    InputError
        When the model is no network of `train-segmenter`.
    """
    folder = model_folder(name)
    if not (folder / "weights.safetensors").is_file() or not (folder / "config.json").is_file():
        raise InputError(
            f"{name!r} cannot be retrained: it is no network of train-segmenter nor of Cellpose; take compact-stained"
        )
    return folder


def settings_of(base: str, changes: Mapping[str, Any]) -> RetrainSettings | CellposeSettings:
    """Return the settings for a network with some values changed, refusing what it does not know."""
    of_cellpose = cellpose_file(base) is not None
    other = {"steps", "seed"} if of_cellpose else {"epochs"}
    if wrong := sorted(other & changes.keys()):
        known = "--epochs" if of_cellpose else "--steps"
        raise InputError(f"{base!r} learns by {known}; it has no --{wrong[0]}")
    return validated(CellposeSettings if of_cellpose else RetrainSettings, dict(changes), "retraining")


def recipe_of(start: Path, settings: RetrainSettings) -> SegmenterRecipe:
    """Return the recipe that goes on from a network: its shape, all kinds of images alike, a short cooling down."""
    shape = asdict(read_network(start).settings)
    return SegmenterRecipe(
        name=start.name,
        **shape,
        **settings.model_dump(),
        warm_up=0.1,
        cool_down=0.6,
        average=0.98,
        n_synthetic=0,
        shares=dict.fromkeys(Kind, 1.0),
    )


def _scores(segmenter: Segmenter, images: Sequence[OwnImage], on_step: OnStep) -> dict[str, dict[str, Any]]:
    """Score a segmenter on images as `analyse` runs it, with the settings of each."""
    rows = {}
    for n_done, image in enumerate(images):
        on_step(f"Scoring {image.name}", n_done / len(images))
        slide = image.open()
        found = segment_image(slide, segmenter, image.settings).labels
        rows[image.name] = compare_labels(found, image.read_labels(slide.info.shape[1:])).row()
    return rows


def _result(
    images: Sequence[OwnImage],
    n_cells: int,
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    def together(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return mean_figures(list(rows.values())) | {"corrections": n_to_correct(rows.values())} if rows else {}

    return {
        "images": [image.name for image in images],
        "n_cells": n_cells,
        "held_out": [{"image": name, "before": before[name], "after": after[name]} for name in before],
        "before": together(before),
        "after": together(after),
    }
