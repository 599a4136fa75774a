"""The papers that lie beside the demonstration head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.recipe_files import to_toml

_WARNING = "**Trained only on synthetic cells. Not for diagnosis: what it says of real cells is meaningless.**"


def head_card(figures: Mapping[str, Any], trained_on: str) -> str:
    """Write the card of the head in Markdown, with its figures on unseen slides."""
    held_out, default = figures["held_out_slides"], figures["default_slide"]
    rows = "\n".join(
        f"| {name.replace('_', ' ')} | {held_out[name]} | {default[name]} |"
        for name in ("n", "auc", "balanced_accuracy", "sensitivity", "specificity", "calibration_error", "unsure")
    )
    return f"""# demo-head

{_WARNING}

{trained_on}

A calibrated logistic regression on `{figures["encoder"]}` that calls synthetic cells "cancer" (disordered fibres,
irregular outline and nucleus) or "normal" (aligned fibres, smooth nucleus). It shows what the program does with a head;
train your own on labelled cells for anything else.

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
