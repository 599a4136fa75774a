"""From the arguments that `analyse` and `segment` share to the images of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import input_files
from cellapp.cli.limits import with_regions
from cellapp.cli.references import pair
from cellapp.cli.together import Together

if TYPE_CHECKING:
    from cellapp.pipeline.run_inputs import RunItem


@contextmanager
def run_items(
    inputs: Sequence[str],
    out: Path,
    *,
    scene: str,
    time: str,
    depth: str,
    combine: bool,
    join_tiles: bool,
    reference: Path | None,
    labels: Path | None = None,
    regions: Path | None = None,
) -> Iterator[list[RunItem]]:
    """Give the images to work on; what was unpacked for them vanishes when the block ends.

    Parameters
    ----------
    inputs : sequence of str
        INPUT, see `cellapp.cli.inputs.input_files`.
    out : Path
        Folder of the results.
    scene, time, depth : str
        See `cellapp.cli.file_images.list_file_images`; of references, too.
    combine, join_tiles : bool
        See `cellapp.cli.together`; of references, too.
    reference : Path, optional
        Folder or file of the images to find cells on, see `cellapp.cli.references.pair`.
    labels : Path, optional
        File or folder with the labels of all images, matched by stem.
    regions : Path, optional
        File or folder with the regions that images are limited to, see `cellapp.cli.limits`.

    Yields
    ------
    list of RunItem

    Raises
    ------
    InputError
        When the arguments fit no images.
    """
    from cellapp.pipeline.run_inputs import RunItem

    chosen = {"scene": scene, "time": time, "depth": depth, "together": Together.of(combine, join_tiles)}
    with input_files(inputs, out) as files:
        images = list_file_images(files, out, **chosen)
        if reference is None:
            items = with_labels([RunItem(image.stem, image.open) for image in images], labels)
            yield with_regions(items, regions)
            return
        with input_files([str(reference)], out) as files:
            pairs = pair(images, list_file_images(files, None, **chosen), reference)
            items = with_labels([RunItem(image.stem, open_ref, image.open) for image, open_ref in pairs], labels)
            yield with_regions(items, regions)


def with_labels(items: list[RunItem], labels: Path | None) -> list[RunItem]:
    """Return the images with the labels that they take in place of a segmenter's, each by its stem.

    Raises
    ------
    InputError
        When an image has none.
    """
    if labels is None:
        return items
    from cellapp.errors import InputError
    from cellapp.imports.label_file import read_label_file
    from cellapp.imports.match import label_files_of, match_labels

    files = match_labels(label_files_of(labels), [item.stem for item in items])
    without = [item.stem for item in items if item.stem not in files]
    if without:
        more = f" and {len(without) - 1} more images have" if len(without) > 1 else " has"
        raise InputError(f"{without[0]!r}{more} no labels in {labels.name!r}; leave them out, or add their files")
    return [replace(item, read_labels=partial(read_label_file, files[item.stem], image=item.stem)) for item in items]
