"""Options that commands share, and how they become settings and image files; what does not fit is an `InputError`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer

from cellapp.cli.output import note
from cellapp.errors import InputError, why_unread
from cellapp.files import IMAGE_SUFFIXES, is_litter, without_litter
from cellapp.settings import LARGEST_SEED, PREPROCESS_STEPS

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Image files, zips of them, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write to.", file_okay=False)]
Segmenter = Annotated[str | None, typer.Option(help="Name in `models list`, or a Cellpose file.")]
Channels = Annotated[str | None, typer.Option(help='Channel numbers by role, dye or name, "nucleus=3,cytoplasm=2".')]
UmPerPx = Annotated[float | None, typer.Option(help="Pixel size, when the file has none.")]
Diameter = Annotated[float | None, typer.Option(help="Cell diameter in px; estimated when left out.")]
SecondLook = Annotated[
    bool,
    typer.Option(
        "--second-look/--no-second-look", help="Look at some cells again to say how far outlines can be relied on."
    ),
]
Unsure = Annotated[
    str | None,
    typer.Option(help="margin (default): the two best probabilities are close; conformal: another class is possible."),
]
ErrorRate = Annotated[
    float | None, typer.Option(help="Conformal: share of cells whose set may lack their class, 0.01 to 0.5.")
]
Preprocess = Annotated[
    str | None, typer.Option(help=f"Steps before segmentation, comma separated: {','.join(PREPROCESS_STEPS)}; or none.")
]

SEED = {"min": 0, "max": LARGEST_SEED}  # bounds of --seed
DATA = typer.Option(
    ...,
    "--data",
    help="Folder with any of dsb2018, usiigaci (index.csv, images, labels), bccd (boxes), chula_rbc12 (points); or any "
    "other of images and labels, see `train-segmenter`.",
)


def parse_size(text: str) -> tuple[int, int]:
    """Read "YxX" as two positive integers.

    Raises
    ------
    InputError
        When it is anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"a size is rows x columns such as 1024x2048; got {text!r}")
    return int(parts[0]), int(parts[1])


def build_settings(
    *,
    base: Path | None = None,
    channels: str | None = None,
    um_per_px: float | None = None,
    segmenter: str | None = None,
    diameter: float | None = None,
    second_look: bool = True,
    preprocess: str | None = None,
    encoder: str | None = None,
    head: str | None = None,
    unsure: str | None = None,
    error_rate: float | None = None,
    explain: int = 0,
    explain_method: str | None = None,
    explain_layer: int | None = None,
    explain_target: str | None = None,
    describe: bool = False,
    draw_crops: bool | None = None,
) -> Any:
    """Turn options into `AnalyseSettings`; what is left out keeps its default or the value of `base`.

    Raises
    ------
    InputError
        When a value does not fit.
    """
    from cellapp.images.channels import check_channels, parse_channels
    from cellapp.settings import AnalyseSettings
    from cellapp.settings_io import validated

    tree = _read_settings(base)
    _put(tree, "segment", segmenter=segmenter, diameter=diameter, second_look=None if second_look else False)
    _put(tree, "classify", encoder=encoder, unsure=unsure, error_rate=error_rate)
    _put(tree, "explain", n=explain or None, method=explain_method, layer=explain_layer, target=explain_target)
    _put(tree, "explain", by_default=False if explain_method else None)
    if head is not None:
        tree["classify"] = _object_in(tree, "classify") | {"head": None if head == "none" else head}
    if preprocess is not None:
        tree["preprocess"] = _steps(preprocess)
    if channels is not None:
        tree["channels"] = parse_channels(channels)
    whole = {"um_per_px": um_per_px, "describe": describe or None, "draw_crops": draw_crops}
    tree |= {name: value for name, value in whole.items() if value is not None}
    settings = validated(AnalyseSettings, tree)
    check_channels(settings.channels)  # those of a settings file, too
    return settings


def depth_of(base: Path | None) -> str:
    """Return the rule for depth of the run.json that is to be repeated, "max" where it is none or names no rule."""
    return str(_object_in(_read_tree(base), "input").get("depth") or "max")


def weights_of_base(base: Path | None) -> dict[str, str]:
    """Return the digests of the weights of the run.json that is to be repeated, "model/file" -> sha256."""
    return _object_in(_read_tree(base), "weights_sha256")


def expand_inputs(inputs: Sequence[str]) -> list[Path]:
    """Turn INPUT, which names files, folders and globs, into image paths, each once.

    What operating systems and editors leave in folders is passed over; named by hand, such a file is left out with a
    note unless it is an image. So is the truth that `demo` writes beside its slide. Files that are one image together,
    an OME-TIFF set or an Operetta measurement, give one path; so does a folder that is an image itself.

    Raises
    ------
    InputError
        When one names nothing.
    """
    from cellapp.images.file_sets import image_files
    from cellapp.images.formats.sniff import reading
    from cellapp.synthetic.write import is_truth

    if not all(text.strip() for text in inputs):
        raise InputError("an INPUT is empty, perhaps a variable of the shell that is not set; name files or folders")
    paths: dict[Path, None] = {}
    for text in inputs:
        with reading(text):
            matches = _matches(text)
        for path in matches:
            if path.suffix.lower() in {".tif", ".tiff"} and is_truth(path):
                note(f"left out {path.name}: it is the truth of a synthetic slide")
            else:
                paths[path] = None
    if not paths:
        raise InputError(f"no images in {', '.join(inputs)}")
    found = image_files(paths)
    for first, members in found.items():
        if len(members) > 1:
            note(f"cellapp: {first}: read as one image with {len(members) - 1} more files beside it")
    return list(found)


def _steps(text: str) -> dict[str, bool]:
    steps = [step.strip() for step in text.split(",") if step.strip() and step.strip() != "none"]
    unknown = [step for step in steps if step not in PREPROCESS_STEPS]
    if unknown:
        raise InputError(f"no preprocessing step {unknown[0]!r}; choose from {', '.join(PREPROCESS_STEPS)}, or none")
    return {step: step in steps for step in PREPROCESS_STEPS}


def _read_settings(path: Path | None) -> dict[str, Any]:
    tree = _read_tree(path)
    return _object_in(tree, "settings") if "settings" in tree else tree


def _read_tree(path: Path | None) -> dict[str, Any]:
    import json

    if path is None:
        return {}
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read settings from {str(path)!r}: {why_unread(error)}") from error
    if not isinstance(tree, dict):
        raise InputError(f"{str(path)!r} holds no settings; give a JSON object of settings, or a run.json")
    return tree


def _put(tree: dict[str, Any], part: str, **values: Any) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        tree[part] = _object_in(tree, part) | given


def _object_in(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a settings file that is an object itself; an empty one where there is none."""
    part = tree.get(name)
    if part is not None and not isinstance(part, dict):
        raise InputError(f"{name!r} in a file of settings is an object of JSON; got {str(part)[:40]!r}")
    return part or {}


def _matches(text: str) -> list[Path]:
    import glob

    from cellapp.images.file_sets import is_one_image

    path = Path(text)
    if path.is_file() or path.suffix.lower() == ".zarr" or is_one_image(path):
        if not path.exists():
            raise InputError(f"no file {text!r}")
        return [] if _holds_no_image(path) else [path]
    if path.is_dir():
        children = without_litter(path.iterdir(), path)
        return [child for child in children if child.suffix.lower() in IMAGE_SUFFIXES or is_one_image(child)]
    fixed = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
    matches = without_litter(map(Path, glob.glob(text, recursive=True)), fixed)
    if not matches:
        raise InputError(f"no file, folder or match for {text!r}")
    return matches


def _holds_no_image(path: Path) -> bool:
    """Whether a file named by hand, or by a shell's ``*``, is litter by its name and no image by its content."""
    from cellapp.images.formats.sniff import HEAD_BYTES, sniff

    if not is_litter(path.name) or not path.is_file():
        return False
    with path.open("rb") as file:
        is_image = sniff(file.read(HEAD_BYTES)) is not None
    if not is_image:
        note(f"left out {path.name}: it is no image; an operating system or editor leaves such files beside images")
    return not is_image
