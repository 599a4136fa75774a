"""The papers that lie beside the demonstration heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.recipe_files import to_toml

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
- Made by: `cellapp.recipes.demo.train_demo`, numbers in recipe.toml, figures in metrics.json.
"""


def recipe_toml(recipe: Mapping[str, Any]) -> str:
    """Write the numbers of the recipe as TOML, with the line that runs it again."""
    call = "from cellapp.recipes.demo import train_demo; train_demo('models')"
    return to_toml({"command": f'python -c "{call}"', **recipe})
