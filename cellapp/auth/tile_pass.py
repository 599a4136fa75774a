"""Who may see an image in the viewer: the one place where that is decided.

A page that shows an image puts a pass into the addresses of its tiles: the span of time it was made in, signed for this
image with the installation's secret. The tile route asks for nothing else, for these reasons.

- A page runs behind the app's gate, `app.py`: whoever it was shown to may see the image. The pass carries that decision
  to the route, so that there is no second list of rights to keep in step.
- An id alone opens nothing: ids stand in links that people send to each other, a pass can only be made by the server.
- A pass ends after half a day at the latest, so that a forwarded tile address goes stale. It is the same for all
  visitors and for hours, so that browsers find their tiles again in their cache; itsdangerous' own timed signatures
  change every second.
- Streamlit's sign-in cookie is not read here: it is signed with a key of Streamlit's own and its format is private. It
  would say who asks, where the pass already says that somebody who may asked.

What a pass cannot know is checked on every request: an image in the bin, a run in the bin, one without this image.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from functools import lru_cache
from pathlib import Path

from filelock import FileLock
from itsdangerous import BadData, URLSafeSerializer

from cellapp.errors import AccessError, StoreError
from cellapp.files import atomic_write
from cellapp.store.blobs import home_folder
from cellapp.store.images import get_shown_image
from cellapp.store.records import ImageRecord, RunImage, RunRecord, Status
from cellapp.store.runs import get_shown_run

VALID_S = 6 * 3600
"""A pass is valid for at least this long and at most twice as long; all made within such a span are the same."""

_SECRET_BYTES = 32


def make_pass(image_id: str, *, now_s: float | None = None) -> str:
    """Return a pass for the tiles of an image, text that may stand in an address.

    Parameters
    ----------
    image_id : str
    now_s : float, optional
        Seconds since 1970; the clock's when left out.
    """
    span = int((time.time() if now_s is None else now_s) // VALID_S)
    return _pass(secret(), image_id, span)


def visible_image(image_id: str, given_pass: str, *, now_s: float | None = None) -> ImageRecord:
    """Return an image to somebody who has a pass for it.

    Raises
    ------
    AccessError
        The pass is for another image, made up, or too old.
    StoreError
        There is no such image, or it is in the bin.
    """
    try:
        span = _signed_for(image_id).loads(given_pass)
    except BadData as error:
        message = "this address was not made for this image by this server; open the image in the app"
        raise AccessError(message) from error
    if (time.time() if now_s is None else now_s) > (span + 2) * VALID_S:
        raise AccessError("this address is too old; reload the page that shows the image")
    return get_shown_image(image_id)


def visible_result(run_id: str, image_id: str, given_pass: str) -> tuple[RunRecord, RunImage]:
    """Return the result of an image in a run to somebody who has a pass for the image.

    Raises
    ------
    AccessError
        See `visible_image`.
    StoreError
        The image or the run is unknown or in the bin, or the run has no finished result of this image.
    """
    visible_image(image_id, given_pass)
    run = get_shown_run(run_id)
    entry = run.image(image_id)
    if entry is None or entry.status is not Status.DONE:
        raise StoreError(f"run {run_id!r} has no result of image {image_id!r}; reload the page")
    return run, entry


def secret() -> bytes:
    """Return the 32 random bytes of this CELLAPP_HOME, made at the first call in a file only its owner may read."""
    return _secret(home_folder() / "secret.key")


@lru_cache(maxsize=4)
def _secret(path: Path) -> bytes:
    with FileLock(path.with_suffix(".lock")):  # two processes that start together must not sign differently
        if not path.exists():
            with atomic_write(path) as part, open(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_SECRET_BYTES))
        return path.read_bytes()


@lru_cache(maxsize=4096)  # a page of a long series asks for all of them at each rerun
def _pass(_made_with: bytes, image_id: str, span: int) -> str:
    return _signed_for(image_id).dumps(span)


def _signed_for(image_id: str) -> URLSafeSerializer:
    """Return what signs and checks for one image: the image's id is part of the key, not of the pass."""
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(secret(), salt=f"tiles of {image_id}", signer_kwargs=options)
