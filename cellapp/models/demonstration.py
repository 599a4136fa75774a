"""Which heads are only for show: they demonstrate the program, and what they say of real cells means nothing.

A head says so itself (`demonstration` in its head.json) or the registry says it of the heads that ship; copies of these
are known by the digest of their arrays. Heads of earlier versions, which say nothing, are not for show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cellapp.models.registry import entry, head_of_run, is_declared, registry

if TYPE_CHECKING:
    from cellapp.classification.ensemble import Head


def demonstration_of_head(head: Head | None) -> str:
    """Return what a head for show was trained on, "trained on synthetic cells"; "" for any other and for none."""
    return "" if head is None else head.demonstration or _of_identity(head.identity)


def demonstration_of_run(run: Mapping[str, Any]) -> str:
    """Return the same for the head of an analysed image; no model is loaded.

    Parameters
    ----------
    run : mapping
        The content of its run.json, of any version; empty when there is none.
    """
    name, identity = head_of_run(run)
    identity = identity or ""
    # what ran goes before what was asked for: the two differ where a head was replaced
    is_it = is_declared(name) and identity.rsplit("@", 1)[0] in ("", name)
    return run.get("demonstration") or (entry(name).demonstration if is_it else "") or _of_identity(identity)


def _of_identity(identity: str) -> str:
    """Return the same for "name@version", where the version is the start of the digest of the arrays."""
    version = identity.rpartition("@")[2]
    for model in registry().values():
        if model.demonstration and version and model.files.get("head.safetensors", "").startswith(version):
            return model.demonstration
    return ""
