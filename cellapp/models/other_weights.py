"""What a run that is repeated cannot give again, as a model has other weights on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cellapp.models.checksums import weight_digests
from cellapp.models.registry import entry, is_declared

if TYPE_CHECKING:
    from cellapp.settings import AnalyseSettings


def other_weights(weights: Mapping[str, str], settings: AnalyseSettings) -> list[str]:
    """Return a sentence for each model that settings ask for and whose weights are not those of an earlier run.

    The command line, the pages and the API tell the same sentences.

    Parameters
    ----------
    weights : mapping of str to str
        Of the earlier run, "model/file" -> sha256, the ``weights_sha256`` of its run.json.
    settings : AnalyseSettings
        Of the run that repeats it: where another segmenter or head was chosen, that of the earlier run does not matter.

    Returns
    -------
    list of str
        By name of the model; empty where the earlier run can be repeated as it was. Heads and segmenters of a project
        and models given by path are not compared: their name says which version they are, or nobody keeps it.
    """
    declared = sorted({name for name in (file.rpartition("/")[0] for file in weights) if is_declared(name)})
    pairs = [(name, _first_other(name, weights)) for name in declared if _is_asked_for(name, settings)]
    return [
        f"{name} has other weights now than when the run was made ({then} then, {now} now), so to repeat it can give "
        "other results; for the same ones install the version of cellapp that its run.json names"
        for name, (then, now) in ((name, pair) for name, pair in pairs if pair)
    ]


def _first_other(name: str, weights: Mapping[str, str]) -> tuple[str, str] | None:
    """Return how the digests of a changed file of a model begin, then and now; its weights before its settings."""
    here = {f"{name}/{file}": digest for file, digest in weight_digests(name).items()}
    other = [file for file in here if here[file] != weights.get(file, here[file])]
    file = max(other, key=lambda path: path.endswith(".safetensors"), default="")
    return (weights[file][:8], here[file][:8]) if other else None


def _is_asked_for(name: str, settings: AnalyseSettings) -> bool:
    """Return whether a declared model may run under settings; the encoder of a head is one that does."""
    kind, segmenter = entry(name).kind, settings.segment.segmenter
    if kind == "segmenter":
        return name == segmenter or (is_declared(segmenter) and name == entry(segmenter).second)
    return kind != "head" or name == settings.classify.head
