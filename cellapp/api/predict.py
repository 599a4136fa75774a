"""Masks over HTTP while one waits: send one image or many, as users of Cell Segger do. Nothing is kept."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated

from fastapi import File, HTTPException, Query, Response, UploadFile

from cellapp.api.upload_route import chunks, upload_router
from cellapp.errors import InputError
from cellapp.exports.mask_pictures import MEDIA_TYPES, Answer, Format, mask_picture, write_mask_zip
from cellapp.files import safe_stem, unique_stems
from cellapp.models.load import load_model
from cellapp.models.registry import STORED_SEGMENTER, entry, registry, stored_segmenter
from cellapp.pipeline.predict_masks import InputMode, NamedMask, predict_mask
from cellapp.settings import AnalyseSettings, SegmentSettings
from cellapp.settings_io import validated
from cellapp.types.protocols import Segmenter

router = upload_router(prefix="/predict")

MOST_FILES = 100
"""Images of a batch."""
_MOST_WAITING = 8
_places = threading.BoundedSemaphore(_MOST_WAITING)  # so that those who wait leave threads to the other endpoints
_network = threading.Lock()  # images are segmented one after the other: each takes all the memory it needs

Mode = Annotated[InputMode, Query(description="Read a photograph as gray (L) or as colours (RGB).")]
Name = Annotated[str, Query(description="A segmenter of GET /models, or name@version of a project's.")]
Diameter = Annotated[float | None, Query(gt=0, description="Of cells, px; estimated when left out.")]
What = Annotated[Answer, Query(description="Ids of cells, or 255 where there is one.")]
Form = Annotated[Format, Query(alias="format", description="More than 65,535 cells are always a TIFF.")]
Files = Annotated[list[UploadFile] | None, File()]

DEFAULT = SegmentSettings().segmenter


@router.post("/single", response_class=Response)
def predict_single(
    infile: Annotated[UploadFile, File()],
    input_mode: Mode = "RGB",
    segmenter: Name = DEFAULT,
    diameter: Diameter = None,
    answer: What = "labels",
    form: Form = "png",
) -> Response:
    """Segment one image and answer its mask, a picture of the same size; how many cells is in ``x-cell-count``."""
    with _place():
        found = _predict(infile, input_mode, segmenter, diameter)
    picture = mask_picture(found.mask.labels, answer, form)
    headers = {
        "content-disposition": f'attachment; filename="{safe_stem(found.name)}_annotation{picture.suffix}"',
        "x-cell-count": str(len(found.mask.cell_ids)),
    }
    return Response(picture.content, media_type=MEDIA_TYPES[picture.suffix], headers=headers)


@router.post("/batch", response_class=Response)
def predict_batch(
    infiles: Files = None,
    infiles_with_brackets: Annotated[list[UploadFile] | None, File(alias="infiles[]")] = None,
    input_mode: Mode = "RGB",
    segmenter: Name = DEFAULT,
    diameter: Diameter = None,
    answer: What = "labels",
    form: Form = "png",
) -> Response:
    """Segment images and answer a zip: ``<name>_masks.png`` of each and ``images.csv`` with run lengths.

    A file that is no image is named in ``problems.csv``; where none is one, the first problem is the answer.
    """
    files = [*(infiles or ()), *(infiles_with_brackets or ())]
    if not 0 < len(files) <= MOST_FILES:
        raise InputError(f"a batch has 1 to {MOST_FILES} images in the field infiles; got {len(files)}")
    with _place():
        found, problems = _predict_each(files, input_mode, segmenter, diameter)
    stems, stream = unique_stems(one.name for one in found), io.BytesIO()
    masks = zip(stems, (one.mask.labels for one in found), strict=True)
    write_mask_zip(stream, masks, problems, answer=answer, form=form)
    headers = {"content-disposition": 'attachment; filename="predictions.zip"', "x-problem-count": str(len(problems))}
    return Response(stream.getvalue(), media_type="application/zip", headers=headers)


def _predict_each(
    files: Sequence[UploadFile], input_mode: InputMode, segmenter: str, diameter: float | None
) -> tuple[list[NamedMask], list[tuple[str, str]]]:
    """Return the masks, and files without one with the reason; raises the first reason where there is no mask."""
    found: list[NamedMask] = []
    errors: list[tuple[str, InputError]] = []
    for file in files:
        try:
            found.append(_predict(file, input_mode, segmenter, diameter))
        except InputError as error:
            errors.append((file.filename or "image", error))
    if not found:
        raise errors[0][1]
    return found, [(name, str(error)) for name, error in errors]


def _predict(file: UploadFile, input_mode: InputMode, segmenter: str, diameter: float | None) -> NamedMask:
    settings = validated(AnalyseSettings, {"segment": {"segmenter": segmenter, "diameter": diameter}})
    with _network:
        return predict_mask(chunks(file), file.filename or "image", _loaded(segmenter), settings, input_mode)


@lru_cache(maxsize=1)
def _loaded(name: str) -> Segmenter:
    """Return a segmenter of the program or of a project, loaded until another one is asked for; paths are refused."""
    declared = name in registry() and entry(name).kind == "segmenter"
    if not declared and not (stored_segmenter(name) / STORED_SEGMENTER).is_file():
        known = ", ".join(one for one, model in registry().items() if model.kind == "segmenter")
        raise InputError(f"no segmenter {name!r}; choose one of: {known}")
    return load_model(name)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise HTTPException(503, f"{_MOST_WAITING} requests are waiting for their masks; ask again in a moment")
    try:
        yield
    finally:
        _places.release()
