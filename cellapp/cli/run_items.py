"""From the arguments that `analyse` and `segment` share to the images of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import input_files
from cellapp.cli.references import pair
from cellapp.cli.together import Together

if TYPE_CHECKING:
    from cellapp.pipeline.run_image import RunItem


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

    Yields
    ------
    list of RunItem

    Raises
    ------
    InputError
        When the arguments fit no images.
    """
    from cellapp.pipeline.run_image import RunItem

    chosen = {"scene": scene, "time": time, "depth": depth, "together": Together.of(combine, join_tiles)}
    with input_files(inputs, out) as files:
        images = list_file_images(files, out, **chosen)
        if reference is None:
            yield [RunItem(image.stem, image.open) for image in images]
            return
        with input_files([str(reference)], out) as files:
            pairs = pair(images, list_file_images(files, None, **chosen), reference)
            yield [RunItem(image.stem, open_reference, image.open) for image, open_reference in pairs]
