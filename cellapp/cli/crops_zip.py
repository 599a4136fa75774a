"""`crops`: crops.zip for the images of a folder that `analyse` wrote without."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import input_files
from cellapp.cli.options import Inputs, depth_of
from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.cli.together import Combine, JoinTiles, Together
from cellapp.errors import first_names


def crops(
    out: Annotated[Path, typer.Argument(metavar="RUN_OUT", help="The --out folder of `analyse`.")],
    inputs: Inputs,
    combine: Combine = False,
    join_tiles: JoinTiles = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write crops.zip of analysed images that have none: the bytes that `analyse` would have written, on every core.

    Stopped and started again, it goes on from what is finished. INPUT are the images that were analysed.
    """
    from cellapp.exports.refresh import rewrite_report
    from cellapp.exports.run_json import require_analysed

    require_analysed(out)
    progress = Progress()
    made = _make(out, inputs, Together.of(combine, join_tiles), progress)
    if made:
        rewrite_report(out)
    progress.end()
    lines = [f"{path.parent.name}: crops.zip, {path.stat().st_size / 1e6:,.1f} MB" for path in made]
    missing = note_missing(out)
    found = {"out": str(out), "made": [path.parent.name for path in made], "without_crops": missing}
    emit(found, as_json, lines or ([] if missing else ["each image has its crops.zip"]))


def note_missing(out: Path) -> list[str]:
    """Return which images of a folder have no crops, and say how to make them."""
    from cellapp.pipeline.make_crops import without_crops

    missing = [folder.name for folder in without_crops(out)]
    if missing:
        names = first_names(missing, 5)
        note(f"cellapp: no crops.zip of {names}; `python -m cellapp crops {out} INPUT` makes it")
    return missing


def _make(out: Path, inputs: list[str], together: Together, progress: Progress) -> list[Path]:
    """Make the crops of the images given that have none, and return the files.

    Raises
    ------
    InputError
        When none of them was analysed in this folder.
    """
    from cellapp.errors import InputError
    from cellapp.exports.run_json import read_run
    from cellapp.pipeline.make_crops import make_crops, without_crops

    made, waiting = [], without_crops(out)
    if not waiting:
        return []
    wanted = {folder: read_run(folder / "run.json")["image"]["sha256"] for folder in waiting}
    rule = depth_of(waiting[0] / "run.json")
    with input_files(inputs, out) as files:
        for image in list_file_images(files, None, scene="all", time="all", depth=rule, together=together):
            slide = image.open()
            for folder in [folder for folder, digest in wanted.items() if digest == slide.digest]:
                named = partial(_of_image, progress, folder.name)
                made.append(make_crops(folder, slide, named))
    if not made:
        names = ", ".join(folder.name for folder in waiting[:5])
        raise InputError(
            f"no image given is one that {str(out)!r} has without crops.zip ({names}); give those analysed"
        )
    return made


def _of_image(progress: Progress, name: str, step: str, fraction: float) -> None:
    progress(f"{name}: {step}", fraction)
