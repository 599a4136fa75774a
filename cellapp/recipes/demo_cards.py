"""The papers that lie beside the demonstration models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_WARNING = "**Trained only on synthetic cells. Not for diagnosis: what it says of real cells is meaningless.**"


def encoder_card(figures: Mapping[str, Any]) -> str:
    """Write the card of the encoder in Markdown."""
    return f"""# demo-vit

{_WARNING}

A small vision transformer (DINOv2 architecture with 4 registers, 4 blocks of width 128, patches of 8 px, input 64 px,
0.8 million weights, float16) that turns a crop of a cell into two vectors of 128 numbers. It stands in for a real
encoder so that the program can be tried without a network, and loads through the same code as `facebook/dinov2-*`.

- Trained on: {figures["n_encoder_cells"]:,} cells of synthetic slides that differ in light, noise, crowding, cell size,
  bit depth and channels; found by the classical segmenter, cut letterboxed to 64 px, background zero.
- How: supervised, cancer against normal, and per patch its brightness and direction of texture; with random turns,
  mirrors, scale, exposure and missing channels.
- Not for: any real image. Use DINOv2 (`facebook/dinov2-small`) and a head trained on your own labelled cells.
- Licence: BSD-3-Clause, as the program.
- Made by: `cellapp.recipes.demo.train_demo`, numbers in recipe.toml, figures in metrics.json.
"""


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

Figures on synthetic slides that neither the encoder nor the head has seen, cells found by the classical segmenter,
"cancer" as the positive class:

| | varied slides | default demo slide |
|---|---|---|
{rows}

- Calibration: one temperature from held-out slides. "Unsure" is a margin below 0.2.
- Unlike training: farther from the class means than 99 % of held-out cells.
- Licence: BSD-3-Clause, as the program.
- Made by: `cellapp.recipes.demo.train_demo`, numbers in recipe.toml, figures in metrics.json.
"""


def recipe_toml(recipe: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Write the numbers of the recipe as TOML, with the line that runs it again."""
    call = "from cellapp.recipes.demo import train_demo; train_demo('models')"
    plain = {key: value for key, value in recipe.items() if not isinstance(value, dict)}
    tables = {"schedule": recipe["schedule"], "network": config}
    lines = [f'command = "python -c \\"{call}\\""', *_items(plain)]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_items(table)]
    return "\n".join(lines) + "\n"


def _items(table: Mapping[str, Any]) -> list[str]:
    # JSON's numbers, strings and booleans are TOML's.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]
