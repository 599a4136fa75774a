"""Extract images from an untrusted zip file."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import _ECD_SIZE, ZipFile, ZipInfo, _EndRecData

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError, InputError
from cellapp.files import clean_name, is_litter
from cellapp.images.archive_folders import Unpacked, move_out, parts_of, zarr_folders
from cellapp.images.formats.sniff import HEAD_BYTES, decoding, sniff
from cellapp.images.limits import check_limit

_ENCRYPTED = 0x1
_MOST_ENTRY_BYTES = 1024
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")


def extract_images(
    zip_path: Path,
    into: Path,
    budget: BudgetSettings,
    on_skip: Callable[[str], None] | None = None,
    *,
    name: str | None = None,
) -> list[Path]:
    """Unpack the images of a zip into one flat folder.

    Parameters
    ----------
    zip_path : Path
        The archive; its names may have either slash.
    into : Path
        An existing folder. Images of equal names in different folders of the zip get their folders' names in front. A
        folder that is one image stays a folder: OME-Zarr under any name, an OME-TIFF set, an Operetta measurement; one
        that is the whole zip gets the zip's name.
    budget : BudgetSettings
        Bounds the number of members, their size and the ratio of compression, before anything is unpacked.
    on_skip : callable, optional
        Called with the name of each member that is no image, or that an operating system or editor left there.
    name : str, optional
        What its owner calls the zip; the file's name when left out.

    Returns
    -------
    list of Path
        In the order of the zip; content decides what is an image. Empty when there is none.

    Raises
    ------
    BudgetError
        When the archive is larger than the limits.
    InputError
        When it is damaged, encrypted, or has a member that would land outside `into`. Nothing is left in `into` then.
    """
    name = name or zip_path.name
    check_list(zip_path, budget, name=name)
    with _scratch(into) as scratch, decoding(name), ZipFile(zip_path) as archive:
        members = [member for member in archive.infolist() if not member.filename.endswith(("/", "\\"))]
        check_members(members, zip_path, budget, name=name)
        zarrs = zarr_folders(map(parts_of, members))
        folders: dict[tuple[str, ...], Unpacked] = {}
        for member in members:
            parts = parts_of(member)
            zarr = next((root for root in zarrs if parts[: len(root)] == root), None)
            if is_litter("/".join(parts)) or not (zarr is not None or _is_image(archive, member)):
                if on_skip is not None:
                    on_skip(member.filename)
                continue
            root = parts[:-1] if zarr is None else zarr
            folder = folders.setdefault(root, Unpacked(root, scratch / str(len(folders)), is_zarr=zarr is not None))
            _copy(archive, member, folder.take(parts))
        return move_out(folders.values(), into, Path(name).stem)


@contextmanager
def _scratch(into: Path) -> Iterator[Path]:
    """Give a folder that vanishes, and with it what was unpacked and not yet moved out."""
    before = set(into.iterdir())
    with TemporaryDirectory(dir=into, prefix=".", suffix=".part") as scratch:
        try:
            yield Path(scratch)
        except BaseException:
            for path in set(into.iterdir()) - before - {Path(scratch)}:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            raise


def check_members(
    members: Sequence[ZipInfo],
    zip_path: Path,
    budget: BudgetSettings,
    *,
    what: str = "images",
    name: str | None = None,
) -> None:
    """Check the list of what is in a zip, before anything is unpacked.

    Parameters
    ----------
    members : sequence of ZipInfo
    zip_path : Path
    budget : BudgetSettings
    what, name : str
        What the zip holds, and what its owner calls it, for the message.

    Raises
    ------
    BudgetError
        When the archive is larger than the limits.
    InputError
        When a member is encrypted, a link, or would land outside the folder it is unpacked to.
    """
    name = name or zip_path.name
    check_limit(len(members), "max_zip_members", budget, f"{name!r} has {len(members):,} files")
    for member in members:
        if _OUTSIDE.search(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
            outside = clean_name(member.filename)
            raise InputError(f"{name!r} has a file that points outside it ({outside!r}); zip the {what} anew")
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{name!r} is encrypted; zip the {what} without a password")
    n_bytes = sum(member.file_size for member in members)
    # Members may share their bytes: more than the file has they cannot have together.
    n_packed = min(sum(member.compress_size for member in members), zip_path.stat().st_size)
    ratio = n_bytes / max(n_packed, 1)
    check_limit(n_bytes, "max_bytes", budget, f"{name!r} unpacks to {n_bytes:,} bytes")
    check_limit(ratio, "max_zip_ratio", budget, f"{name!r} unpacks to {ratio:,.0f} times its size")


def check_list(zip_path: Path, budget: BudgetSettings, *, name: str | None = None) -> None:
    """Refuse a zip whose list of members is longer than that of any it may have, before the list is read.

    Raises
    ------
    BudgetError
    """
    name = name or zip_path.name
    with zip_path.open("rb") as file:
        end = _EndRecData(file)
    n_bytes = end[_ECD_SIZE] if end else 0
    if n_bytes > budget.max_zip_members * _MOST_ENTRY_BYTES:
        raise BudgetError(
            f"{name!r} has a list of files of {n_bytes:,} bytes, more than {budget.max_zip_members:,} files "
            "need; put fewer into a zip"
        )


def _is_image(archive: ZipFile, member: ZipInfo) -> bool:
    with archive.open(member) as file:
        return sniff(file.read(HEAD_BYTES)) is not None


def _copy(archive: ZipFile, member: ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
