"""Extract images from an untrusted zip file."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from cellapp.config import BudgetSettings
from cellapp.errors import InputError
from cellapp.files import clean_name, is_litter
from cellapp.images.formats.sniff import HEAD_BYTES, decoding, sniff
from cellapp.images.limits import check_limit

_ENCRYPTED = 0x1
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")


def extract_images(
    zip_path: Path, into: Path, budget: BudgetSettings, on_skip: Callable[[str], None] | None = None
) -> list[Path]:
    """Unpack the images of a zip into one flat folder.

    Parameters
    ----------
    zip_path : Path
        The archive.
    into : Path
        An existing folder. Images of equal names in different folders of the zip get their folders' names in front; an
        OME-Zarr folder stays a folder.
    budget : BudgetSettings
        Bounds the number of members, their size and the ratio of compression, before anything is unpacked.
    on_skip : callable, optional
        Called with the name of each member that is no image, or that an operating system or editor left there.

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
    with _all_or_nothing(into) as extracted, decoding(zip_path.name), ZipFile(zip_path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check_members(members, zip_path, budget)
        taken: set[str] = set()
        for member in members:
            zarr_depth = _zarr_depth(member)
            if is_litter(member.filename) or not (zarr_depth or _is_image(archive, member)):
                if on_skip is not None:
                    on_skip(member.filename)
                continue
            if zarr_depth:
                parts = PurePosixPath(member.filename).parts
                root = into / clean_name("_".join(parts[:zarr_depth]))
                target = root.joinpath(*map(clean_name, parts[zarr_depth:]))
            else:
                root = target = into / _free_name(member.filename, taken)
            if root not in extracted:
                extracted.append(root)
            _copy(archive, member, target)
    return extracted


@contextmanager
def _all_or_nothing(into: Path) -> Iterator[list[Path]]:
    extracted: list[Path] = []
    try:
        yield extracted
    except BaseException:
        for path in extracted:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _check_members(members: Sequence[ZipInfo], zip_path: Path, budget: BudgetSettings) -> None:
    name = zip_path.name
    check_limit(len(members), "max_zip_members", budget, f"{name!r} has {len(members):,} files")
    for member in members:
        if _OUTSIDE.search(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
            outside = clean_name(member.filename)
            raise InputError(f"{name!r} has a file that points outside it ({outside!r}); zip the images anew")
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{name!r} is encrypted; zip the images without a password")
    n_bytes = sum(member.file_size for member in members)
    ratio = n_bytes / max(sum(member.compress_size for member in members), 1)
    check_limit(n_bytes, "max_bytes", budget, f"{name!r} unpacks to {n_bytes:,} bytes")
    check_limit(ratio, "max_zip_ratio", budget, f"{name!r} unpacks to {ratio:,.0f} times its size")


def _zarr_depth(member: ZipInfo) -> int:
    """How many folders deep the OME-Zarr folder lies that a member belongs to; 0 when it belongs to none."""
    folders = PurePosixPath(member.filename).parent.parts
    return next((i + 1 for i, part in enumerate(folders) if part.lower().endswith(".zarr")), 0)


def _is_image(archive: ZipFile, member: ZipInfo) -> bool:
    with archive.open(member) as file:
        return sniff(file.read(HEAD_BYTES)) is not None


def _free_name(filename: str, taken: set[str]) -> str:
    """Return the file's own name, else with its folders in front, else with a number: the first that is free."""
    path = PurePosixPath(filename)
    folders = clean_name("_".join(path.parts))
    long = PurePosixPath(folders)
    candidates = chain((clean_name(path.name), folders), (f"{long.stem}_{n}{long.suffix}" for n in count(2)))
    name = next(candidate for candidate in candidates if candidate.lower() not in taken)
    taken.add(name.lower())
    return name


def _copy(archive: ZipFile, member: ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
