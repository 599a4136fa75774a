"""Say on the command line where nobody knows what the channels of an image show, above all where no cell was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cellapp.cli.output import note

if TYPE_CHECKING:
    from pathlib import Path

    from cellapp.types.image import Role


class Counted(NamedTuple):
    """An image of which the cells were counted."""

    stem: str
    n_cells: int
    channels: Sequence[str]
    roles: Sequence[Role]


def note_unknown_roles(images: Iterable[Counted]) -> None:
    """Write one line to stderr for all images of the same channels without a role, and one for each without cells.

    Parameters
    ----------
    images : iterable of Counted
    """
    from cellapp.images.channels import unknown_roles

    stems: dict[str, list[str]] = {}
    for image in images:
        sentence = unknown_roles(image.channels, image.roles)
        if not sentence:
            continue
        if image.n_cells == 0:
            note(f"cellapp: {image.stem}: 0 cells. {sentence}")
        else:
            stems.setdefault(sentence, []).append(image.stem)
    for sentence, named in stems.items():
        others = f" and {len(named) - 1:,} more" if len(named) > 1 else ""
        note(f"cellapp: {named[0]}{others}: {sentence}")


def counted_in(out: Path, stems: Iterable[str]) -> list[Counted]:
    """Return what the folders of analysed images say of their channels."""
    from cellapp.exports.run_json import image_of, read_run

    trees = [(stem, read_run(out / stem / "run.json")) for stem in stems]
    described = [(stem, tree["summary"]["n_cells"], *image_of(tree)) for stem, tree in trees]
    return [Counted(stem, n_cells, info.channels, roles) for stem, n_cells, info, roles in described]
