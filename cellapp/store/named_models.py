"""Which models a visitor of pages or API may name: those declared, those of the project, and heads of the data folder.

Any other path of the server stays for the command line, whose user could read the files anyway.
"""

from __future__ import annotations

from difflib import get_close_matches

from cellapp.errors import InputError
from cellapp.models.registry import entry, is_declared, registry, require_kind
from cellapp.models.status import own_heads
from cellapp.settings import IMPORTED, AnalyseSettings, VectorSettings
from cellapp.store.heads import list_heads
from cellapp.store.segmenters import list_segmenters


def require_named(project_id: str, kind: str, name: str | None) -> None:
    """Refuse a model that is not one of the kind and not known by name.

    Parameters
    ----------
    project_id : str
    kind : str
        "segmenter", "encoder" or "head".
    name : str or None
        None is the default and always allowed.

    Raises
    ------
    InputError
        The name is of another kind, of another project's head or segmenter, a path, or of nothing.
    """
    if name is None or (is_declared(name) and entry(name).kind == kind):
        return
    if kind == "segmenter" and name == IMPORTED:  # labels of files, which say themselves where they are missing
        return
    offered, removed = _models_of_project(project_id, kind)
    if name in (*offered, *removed):
        return
    known = [*(model.name for model in registry().values() if model.kind == kind), *offered]
    if is_declared(name):
        require_kind(name, entry(name).kind, kind, offered)
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}"
    raise InputError(f"no {kind} {name!r} here; {meant}")


def _models_of_project(project_id: str, kind: str) -> tuple[list[str], list[str]]:
    """Return the models of a kind that a project offers beside the registry, and those it removed from its list."""
    if kind not in ("head", "segmenter"):
        return [], []
    listed = list_heads if kind == "head" else list_segmenters
    offered = [*(own_heads() if kind == "head" else ()), *(one.identity for one in listed(project_id))]
    return offered, [one.identity for one in listed(project_id, removed=True)]


def require_named_models(project_id: str, settings: AnalyseSettings | VectorSettings) -> None:
    """Refuse settings of a run, or of vectors, that name a model as `require_named` does not allow."""
    if isinstance(settings, VectorSettings):
        return require_named(project_id, "encoder", settings.encoder)
    require_named(project_id, "segmenter", settings.segment.segmenter)
    require_named(project_id, "encoder", settings.classify.encoder)
    return require_named(project_id, "head", settings.classify.head)
