"""Who may see an image in the viewer: the one place where that is decided.

A page that shows an image puts a pass into the addresses of its tiles: the image's id and a time of expiry, signed with
the installation's secret. The tile route asks for nothing else, for these reasons.

- A page runs behind the app's gate, `app.py`: whoever it was shown to may see the image. The pass carries that decision
  to the route, so that there is no second list of rights to keep in step.
- An id alone opens nothing: ids stand in links that people send to each other, a pass can only be made by the server.
- A pass ends after half a day at the latest, so that a forwarded tile address goes stale. It is the same for all
  visitors and for hours, so that browsers find their tiles again in their cache.
- Streamlit's sign-in cookie is not read here: it is signed with a key of Streamlit's own and its format is private. It
  would say who asks, where the pass already says that somebody who may asked.

What a pass cannot know is checked on every request: an image in the bin, a run in the bin, one without this image.
"""

from __future__ import annotations

import hashlib
import hmac
import time

from cellapp.auth.secret import secret
from cellapp.errors import AccessError, StoreError
from cellapp.store.images import get_image
from cellapp.store.records import ImageRecord, RunImage, RunRecord, Status
from cellapp.store.runs import get_run

VALID_S = 6 * 3600
"""A pass is valid for at least this long and at most twice as long; all made within such a span are the same."""


def make_pass(image_id: str, *, now_s: float | None = None) -> str:
    """Return a pass for the tiles of an image, "<expiry>.<signature>"."""
    span = int((time.time() if now_s is None else now_s) // VALID_S)
    expires_s = (span + 2) * VALID_S
    return f"{expires_s:x}.{_signature(image_id, expires_s)}"


def visible_image(image_id: str, given_pass: str, *, now_s: float | None = None) -> ImageRecord:
    """Return an image somebody with this pass may see.

    Raises
    ------
    AccessError
        The pass is for another image, made up, or too old.
    StoreError
        There is no such image, or it is in the bin.
    """
    _check(image_id, given_pass, time.time() if now_s is None else now_s)
    record = get_image(image_id)
    if record.removed is not None:
        raise StoreError(f"image {image_id!r} was removed; bring it back on the Upload page")
    return record


def visible_result(run_id: str, image_id: str, given_pass: str) -> tuple[RunRecord, RunImage]:
    """Return the result of an image in a run, for somebody who may see the image.

    Raises
    ------
    AccessError
        See `visible_image`.
    StoreError
        The image or the run is unknown or in the bin, or the run has no finished result of this image.
    """
    visible_image(image_id, given_pass)
    run = get_run(run_id)
    entry = run.image(image_id)
    if run.removed is not None or entry is None or entry.status is not Status.DONE:
        raise StoreError(f"run {run_id!r} has no result of image {image_id!r}; reload the page")
    return run, entry


def _check(image_id: str, given_pass: str, now_s: float) -> None:
    expiry, _, signature = given_pass.partition(".")
    try:
        expires_s = int(expiry, 16)
    except ValueError:
        expires_s = 0
    if not hmac.compare_digest(signature.encode(), _signature(image_id, expires_s).encode()):
        raise AccessError("this address was not made for this image by this server; open the image in the app")
    if now_s > expires_s:
        raise AccessError("this address is too old; reload the page that shows the image")


def _signature(image_id: str, expires_s: int) -> str:
    return hmac.new(secret(), f"{image_id}/{expires_s}".encode(), hashlib.sha256).hexdigest()[:32]
