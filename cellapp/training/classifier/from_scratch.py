"""Networks that fine-tuning learns from scratch because their weights are not on this machine."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from cellapp.models.load import load_model
from cellapp.models.registry import entry, is_declared
from cellapp.models.status import status
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.types.protocols import Encoder

_ALL = 10_000  # more parts than any network has


def from_scratch(recipe: HeadRecipe) -> tuple[HeadRecipe, Encoder, str] | None:
    """Make an untrained encoder where a recipe fine-tunes a convolutional network that was not downloaded.

    Parameters
    ----------
    recipe : HeadRecipe

    Returns
    -------
    recipe : HeadRecipe
        With all parts of the network learning.
    encoder : Encoder
        With random weights, drawn by the seed of the recipe.
    sentence : str
        Says so. None, in place of all three, where the recipe is another or the weights are here.

    Raises
    ------
    ModelError
        When timm is not installed.
    """
    if recipe.mode != "finetune" or not is_declared(recipe.encoder):
        return None
    model = entry(recipe.encoder)
    if not model.from_scratch or status(model.name).state != "missing":
        return None
    from cellapp.encoders.timm_folder import write_untrained

    with TemporaryDirectory() as scratch:
        architecture, side_px = model.repo.partition("/")[2], model.input_px or 224
        folder = write_untrained(Path(scratch) / "encoder", architecture, side_px=side_px, seed=recipe.seed)
        encoder = load_model(str(folder), dtype=model.dtype)
    encoder.name, encoder.revision = f"untrained {model.name}", f"seed {recipe.seed}"
    blocks = recipe.finetune.model_copy(update={"blocks": len(encoder.tail(_ALL))})
    sentence = (
        f"the weights of {model.name} are not here, so that it was learnt from scratch; "
        f"python -m cellapp models fetch {model.name} brings those learnt from natural photographs"
    )
    return recipe.model_copy(update={"finetune": blocks}), encoder, sentence
