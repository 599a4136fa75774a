"""Reads damaged files one after the other, as the program does after an upload, and says what became of each.

python -m benchmarks.fuzz_child SEEDS, then a line ``READER NUMBER`` on its input for each file.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np

from benchmarks.fuzz_files import write_damaged
from cellapp.config import BudgetSettings
from cellapp.errors import InputError
from cellapp.images.archive import extract_images
from cellapp.images.probe import admit_all
from cellapp.images.read import open_slide
from cellapp.rendering.display import thumbnail
from cellapp.text_table import read_table
from cellapp.types.image import Region

MOST_PX = 2048


def read(path: Path, reader: str) -> None:
    """Do with a file what the program does with it before and after it is stored."""
    if reader == "table":
        read_table(path, ["image", "class"])
        return
    if reader == "zip":
        with tempfile.TemporaryDirectory() as folder:
            for inside in extract_images(path, Path(folder), BudgetSettings()):
                read(inside, "")
        return
    for info in admit_all(path)[:3]:
        slide = open_slide(path, selection=info.selection)
        height, width = (min(side, MOST_PX) for side in info.shape[1:])
        np.asarray(slide.region(Region(0, 0, height, width)))
        if info.pixels <= MOST_PX**2 * 16:
            thumbnail(slide, 64)


def outcome(path: Path, reader: str) -> dict[str, str]:
    """Return what became of a file: read, refused, or the exception that a visitor would have met."""
    try:
        read(path, reader)
    except InputError as error:
        return (
            {"end": "refused", "said": str(error)} if "\n" not in str(error) else {"end": "other", "said": str(error)}
        )
    except Exception:
        return {"end": "other", "said": traceback.format_exc()[-1500:]}
    return {"end": "read"}


def peak_bytes() -> int:
    """Return the largest resident memory since the last call, bytes; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Read the files that are asked for."""
    warnings.simplefilter("ignore")
    seeds = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            reader, number = line.split()
            path = Path(folder) / f"{number}-{reader}"
            write_damaged(seeds, reader, int(number), path)
            peak_bytes()
            found = outcome(path, reader)
            print(json.dumps({**found, "peak": peak_bytes()}), flush=True)
            shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main()
