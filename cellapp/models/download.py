"""Download one file of a model: resumable, verified, moved into place only when it is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HTTPError, RevisionNotFoundError
from huggingface_hub.file_download import HfFileMetadata, http_get
from huggingface_hub.utils import build_hf_headers, tqdm

from cellapp.config import app_settings
from cellapp.errors import ModelError
from cellapp.files import move_into_place
from cellapp.models.checksums import git_blob_sha1, sha256

OnBytes = Callable[[int], None]
"""Progress callback: the number of bytes of the file that are here. It may raise `Cancelled`."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository at a revision."""

    repo: str
    name: str
    revision: str  # commit, branch or tag

    @property
    def url(self) -> str:
        """Address at the configured hub."""
        return hf_hub_url(self.repo, self.name, revision=self.revision, endpoint=_endpoint())

    @property
    def origin(self) -> str:
        """Where it is from, for messages."""
        return f"{_endpoint()}/{self.repo}"


@dataclass(frozen=True)
class WebFile:
    """A file at an address of its own; what the server says of its content is not relied on."""

    site: str
    name: str
    revision: str = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.origin}/{self.name}"

    @property
    def origin(self) -> str:
        """Where it is from, for messages."""
        return self.site.rstrip("/")


@dataclass(frozen=True)
class Fetched:
    """Where a downloaded file is from, and its digest."""

    commit: str  # empty where it is no file of the hub
    sha256: str


def fetch_file(
    file: HubFile | WebFile, target: Path, *, expected: str = "", on_bytes: OnBytes | None = None
) -> Fetched:
    """Download a file.

    An interrupted download leaves ``<target>.<etag>.partial`` behind and the next call goes on from there. The bytes
    must match `expected` and what the hub declares: the sha256 of large files, git's blob name of small ones.

    Parameters
    ----------
    file : HubFile or WebFile
    target : Path
        Where the file goes; its folder is made.
    expected : str
        sha256 it must have; empty takes the one the hub declares, and of another address what arrives.
    on_bytes : callable, optional

    Returns
    -------
    Fetched

    Raises
    ------
    ModelError
        When the hub is away or refuses, or the bytes are not the right ones; nothing is left at `target` then.
    """
    metadata = _metadata(file, target)
    etag = re.sub(r"[^0-9A-Za-z]", "", metadata.etag or "")[:64]
    partial = target.with_name(f"{target.name}.{etag[:16]}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _download(file, metadata, partial, on_bytes)
    except (HTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"the download of {file.name} from {file.origin} to {target.parent} broke off "
            f"({_first_line(error)}); run the same command again, it goes on where it stopped"
        ) from error
    digest = sha256(partial)
    if not _matches(partial, digest, expected, etag if isinstance(file, HubFile) else ""):
        partial.unlink()
        raise ModelError(
            f"{file.name} from {file.origin} is not the file it should be (sha256 {digest[:12]}, expected "
            f"{(expected or etag)[:12]}); it was thrown away: try again, or ask who runs the mirror"
        )
    move_into_place(partial, target)
    return Fetched((metadata.commit_hash or file.revision) if isinstance(file, HubFile) else "", digest)


def _endpoint() -> str:
    return app_settings().hub_url.rstrip("/")


def _metadata(file: HubFile | WebFile, target: Path) -> HfFileMetadata:
    place = f"{file.name} of {file.origin}"
    try:
        return get_hf_file_metadata(file.url, endpoint=_endpoint(), token=None if isinstance(file, HubFile) else False)
    except (EntryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(
            f"{place} does not exist at revision {file.revision}; weights in other formats are not read: "
            "convert them to safetensors and give the folder"
        ) from error
    except HfHubHTTPError as error:
        raise ModelError(_refusal(file, place, error)) from error
    except (HTTPError, OSError) as error:
        mirror = "CELLAPP_HUB_URL" if isinstance(file, HubFile) else "CELLAPP_CELLPOSE_URL"
        raise ModelError(
            f"{place} cannot be reached ({_first_line(error)}); check the network or set {mirror} to a mirror, "
            f"or put the files into {target.parent} on a machine with network and copy CELLAPP_HOME here"
        ) from error


def _refusal(file: HubFile | WebFile, place: str, error: HfHubHTTPError) -> str:
    status = getattr(error.response, "status_code", 0)
    if status in (401, 403) and isinstance(file, HubFile):
        return (
            f"the hub does not give out {place} (HTTP {status}): accept the terms at {file.origin}, "
            "set HF_TOKEN to your access token and fetch again"
        )
    return f"{place} cannot be had (HTTP {status}); try again later"


def _download(file: HubFile | WebFile, metadata: HfFileMetadata, partial: Path, on_bytes: OnBytes | None) -> None:
    with partial.open("ab") as stream:
        done = stream.tell()
        if metadata.size is not None and done > metadata.size:
            stream.truncate(done := 0)
        http_get(
            metadata.location,
            stream,
            resume_size=done,
            headers=_headers(file, metadata.location),
            expected_size=metadata.size,
            displayed_filename=file.name,
            tqdm_class=_silent_bar(done, on_bytes or (lambda n_bytes: None)),
        )


def _headers(file: HubFile | WebFile, location: str) -> dict[str, str]:
    """Send the user's token to the hub itself, never to the storage it redirects to, nor to anybody else."""
    at_hub = isinstance(file, HubFile) and urlsplit(file.url).netloc == urlsplit(location).netloc
    token = None if at_hub else False
    return build_hf_headers(token=token) | {"Accept-Encoding": "identity"}


def _silent_bar(done: int, on_bytes: OnBytes) -> type[tqdm]:
    """Make a progress bar that prints nothing and passes on how many bytes are here."""

    class SilentBar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"disable": True}))
            self.here = done

        def update(self, n: float | None = 1) -> None:
            """Count bytes that have arrived, and pass on how many there are."""
            self.here += int(n or 0)
            on_bytes(self.here)

    return SilentBar


def _matches(path: Path, digest: str, expected: str, etag: str) -> bool:
    """Whether a file has the sha256 expected and the one the hub declares, or for small files git's blob name."""
    if expected and digest != expected:
        return False
    if len(etag) == 64:
        return digest == etag
    return len(etag) != 40 or git_blob_sha1(path) == etag


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
