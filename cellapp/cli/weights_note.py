"""What a run.json that is to be repeated cannot give again, as a model has other weights since."""

from __future__ import annotations

from collections.abc import Mapping

from cellapp.cli.output import note


def note_other_weights(weights: Mapping[str, str]) -> None:
    """Name the models of this program whose weights are not those of a run, given "model/file" -> sha256 of the run."""
    from cellapp.models.bundle import weights_of
    from cellapp.models.registry import is_declared

    names = sorted({name for name in (file.rpartition("/")[0] for file in weights) if is_declared(name)})
    here = weights_of(names)
    for name in names:
        files = [file for file in here if file.startswith(f"{name}/") and file in weights]
        if other := [file for file in files if here[file] != weights[file]]:
            file = max(other, key=lambda path: path.endswith(".safetensors"))
            note(
                f"cellapp: {name} has other weights than in the run.json ({weights[file][:8]} there, {here[file][:8]} "
                "here), so results can differ; install the version of cellapp that it names to repeat it exactly"
            )
