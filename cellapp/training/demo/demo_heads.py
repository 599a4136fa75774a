"""Make the demonstration heads from synthetic slides: minutes on two cores, no data, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.classification.predict import predict
from cellapp.models.load import load_model
from cellapp.settings import DEFAULT_ENCODER, ClassifySettings, CropSettings, FeatureSettings
from cellapp.settings_io import to_toml
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, fit
from cellapp.training.metrics import measure_calls
from cellapp.training.synthetic_cells import (
    CROP,
    GRID,
    PREPROCESS,
    FoundCells,
    LabelledCells,
    embed_found,
    find_cells,
    vary,
)
from cellapp.types.cells import POSITIVE_CLASS
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder, Segmenter

HEAD, FAST_HEAD, SEGMENTER = "demo-head", "demo-head-fast", "compact"
READS: Mapping[str, FeatureSettings] = {HEAD: FeatureSettings(), FAST_HEAD: FeatureSettings(source="grid")}
"""What each head reads of the same cells."""

TRAINED_ON = "Trained only on synthetic cells: its calls on real cells mean nothing. Not for diagnosis."


@dataclass(frozen=True)
class DemoRecipe:
    """Numbers of the recipe of both heads; slides of the two uses have different seeds and so share no cell."""

    n_head_slides: int = 40
    n_test_slides: int = 9
    slide_px: int = 640
    demo_px: int = 1024  # side of the slide with the settings of `cellapp demo`
    seed: int = 0

    def slides(self, use: int, n_slides: int) -> list[SyntheticSettings]:
        """Choose slides for use 2 (heads) or 3 (test); pretraining has slides of other seeds."""
        first = 100_000 * (self.seed + 1) + 10_000 * use
        return [vary(first + i, side_px=self.slide_px) for i in range(n_slides)]


def train_demo(out: Path, recipe: DemoRecipe | None = None, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train both heads on the bundled encoder and write each with card, figures and this recipe.

    Parameters
    ----------
    out : Path
        Gets the folders ``demo-head`` and ``demo-head-fast``.
    recipe : DemoRecipe, optional
    on_step : callable, optional

    Returns
    -------
    dict
        By head: figures on slides it has not seen, as written to its ``metrics.json``.
    """
    recipe, tell = recipe or DemoRecipe(), on_step or (lambda step, fraction: None)
    encoder, segmenter = load_model(DEFAULT_ENCODER, dtype="float32"), load_model(SEGMENTER, dtype="float32")
    tell("Finding cells on slides for the heads", 0.0)
    slides = _find(recipe.slides(2, recipe.n_head_slides), segmenter)
    tell("Finding cells on unseen slides", 0.6)
    demo = SyntheticSettings(seed=recipe.seed, height=recipe.demo_px, width=recipe.demo_px)
    unseen = _find([*recipe.slides(3, recipe.n_test_slides), demo], segmenter)
    figures: dict[str, Any] = {}
    for name in READS:
        tell(f"Training {name}", 0.9)
        cells = embed_found(slides, encoder, READS[name])
        head = save_head(fit_head(name, encoder, cells, seed=recipe.seed), Path(out) / name)
        common = {"encoder": encoder.identity, "head": head.identity, "segmenter": segmenter.name}
        figures[name] = common | {"n_head_cells": len(cells), **_test(head, encoder, unseen)}
    for name in READS:
        _write_papers(Path(out) / name, recipe, figures[name], figures[HEAD])
    return figures


def evaluate(head: LinearHead, cells: LabelledCells) -> dict[str, Any]:
    """Measure a head on labelled cells.

    Returns
    -------
    dict
        See `measure_calls`, with the share of cells that are unsure or unlike the training cells.
    """
    predictions = predict(head, cells.embeddings, ClassifySettings())
    codes = np.array([head.classes.index(label) for label in cells.labels], dtype=int)
    return measure_calls(predictions.probabilities, codes, head.classes, head.positive) | {
        "unsure": round(float(predictions.unsure.mean()), 4),
        "unlike_training": round(float(predictions.unlike_training.mean()), 4),
    }


def fit_head(name: str, encoder: Encoder, cells: LabelledCells, *, seed: int) -> LinearHead:
    """Train the head of that name, see `READS`, on cells embedded as it reads them."""
    crop: CropSettings = GRID if READS[name].source == "grid" else CROP
    spec = HeadSpec(name, encoder.identity, TRAINED_ON, crop, PREPROCESS, POSITIVE_CLASS, READS[name])
    data = LabelledVectors(cells.embeddings.features, cells.labels.tolist(), cells.slides.tolist())
    return fit(data, spec, seed=seed)


def _find(slides: Sequence[SyntheticSettings], segmenter: Segmenter) -> list[FoundCells]:
    return [find_cells(settings, segmenter) for settings in slides]


def _test(head: LinearHead, encoder: Encoder, slides: Sequence[FoundCells]) -> dict[str, Any]:
    """Measure a head on varied slides and, last of them, the default one."""
    varied, default = slides[:-1], slides[-1:]
    parts = {"held_out_slides": varied, "first_test_slide": varied[:1], "default_slide": default}
    figures = {part: evaluate(head, embed_found(some, encoder, head.reads)) for part, some in parts.items()}
    return figures | {"head_cross_validation": head.metrics}


def _write_papers(folder: Path, recipe: DemoRecipe, figures: Mapping[str, Any], of_crops: Mapping[str, Any]) -> None:
    card = head_card(folder.name, figures, TRAINED_ON, READS[folder.name].source, of_crops)
    (folder / "card.md").write_text(card, encoding="utf-8")
    (folder / "recipe.toml").write_text(recipe_toml(asdict(recipe)), encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


_WARNING = "**Trained only on synthetic cells. Not for diagnosis: what it says of real cells is meaningless.**"

_READS = {
    "crops": "It reads a crop of each cell.",
    "grid": """It reads windows of the slide, edge to edge, and of each
cell mean and standard deviation of the patches it covers: one pass of the encoder for all cells in a window. It is the
fast one; it makes no maps and reads no pictures of single cells. `demo-head`, which reads a crop of each cell, has
{auc} (AUC) and {balanced_accuracy} (balanced accuracy) on the same varied slides.""",
}


def head_card(name: str, figures: Mapping[str, Any], trained_on: str, source: str, of_crops: Mapping[str, Any]) -> str:
    """Write the card of a head in Markdown, with its figures on unseen slides.

    Parameters
    ----------
    name : str
    figures : mapping
        As in its ``metrics.json``.
    trained_on : str
    source : str
        "crops" or "grid", see `cellapp.settings.FeatureSettings`.
    of_crops : mapping
        Figures of the head that reads crops, to compare with.
    """
    held_out, default = figures["held_out_slides"], figures["default_slide"]
    rows = "\n".join(
        f"| {row.replace('_', ' ')} | {held_out[row]} | {default[row]} |"
        for row in ("n", "auc", "balanced_accuracy", "sensitivity", "specificity", "calibration_error", "unsure")
    )
    return f"""# {name}

{_WARNING}

{trained_on}

A calibrated logistic regression on `{figures["encoder"]}` that calls synthetic cells "cancer" (disordered fibres,
irregular outline and nucleus) or "normal" (aligned fibres, smooth nucleus). It shows what the program does with a head;
train your own on labelled cells for anything else. {_READS[source].format(**of_crops["held_out_slides"])}

Trained on {figures["n_head_cells"]:,} cells of slides that differ in light, noise, crowding, cell size, bit depth and
channels. Figures on synthetic slides the head has not seen, cells found by `{figures["segmenter"]}`, "cancer" as the
positive class:

| | varied slides | default demo slide |
|---|---|---|
{rows}

- The encoder has seen synthetic cells of other slides, without their classes.
- Calibration: one temperature from held-out slides. "Unsure" is a margin below 0.2.
- Unlike training: farther from the class means than 99 % of held-out cells.
- Licence: BSD-3-Clause, as the program.
- Made by: `cellapp.training.demo.demo_heads.train_demo`, numbers in recipe.toml, figures in metrics.json.
"""


def recipe_toml(recipe: Mapping[str, Any]) -> str:
    """Write the numbers of the recipe as TOML, with the line that runs it again."""
    call = "from cellapp.training.demo.demo_heads import train_demo; train_demo('models')"
    return to_toml({"command": f'python -c "{call}"', **recipe})
