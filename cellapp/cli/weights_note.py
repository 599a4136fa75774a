"""What a run.json that is to be repeated cannot give again, as a model has other weights since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cellapp.cli.output import note

if TYPE_CHECKING:
    from cellapp.settings import AnalyseSettings


def note_other_weights(weights: Mapping[str, str], settings: AnalyseSettings) -> None:
    """Name the models that settings still ask for and whose weights are not those of a run.

    Parameters
    ----------
    weights : mapping of str to str
        Of the run, "model/file" -> sha256.
    settings : AnalyseSettings
        Where another segmenter or head was chosen, the run's does not matter.
    """
    from cellapp.models.bundle import weights_of
    from cellapp.models.registry import is_declared

    names = sorted({name for name in (file.rpartition("/")[0] for file in weights) if is_declared(name)})
    names = [name for name in names if _is_asked_for(name, settings)]
    here = weights_of(names)
    for name in names:
        files = [file for file in here if file.startswith(f"{name}/") and file in weights]
        if other := [file for file in files if here[file] != weights[file]]:
            file = max(other, key=lambda path: path.endswith(".safetensors"))
            note(
                f"cellapp: {name} has other weights than in the run.json ({weights[file][:8]} there, {here[file][:8]} "
                "here), so results can differ; install the version of cellapp that it names to repeat it exactly"
            )


def _is_asked_for(name: str, settings: AnalyseSettings) -> bool:
    """Return whether a declared model may run under settings; the encoder of a head is one that does."""
    from cellapp.models.registry import entry, is_declared

    kind, segmenter = entry(name).kind, settings.segment.segmenter
    if kind == "segmenter":
        return name == segmenter or (is_declared(segmenter) and name == entry(segmenter).second)
    return kind != "head" or name == settings.classify.head
