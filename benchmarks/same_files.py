"""Does a change of the code change a result? The files of two checkouts for the same images, byte by byte.

python -m benchmarks.same_files OLD_CHECKOUT [IMAGE ...]

Both checkouts analyse the demonstration slide and the images with the same weights and number format. Times, memory and
versions are left out of the comparison; everything else has to be equal. Exit status 0 means that it is.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VARYING = {"seconds", "peak_memory_mb", "finished", "machine", "cellapp", "python", "libraries"}
"""Keys of run.json and columns of summary.csv that say when and where, not what."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+:\d]*")


def main() -> None:
    """Analyse in both checkouts and print what differs as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("images", nargs="*", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("old", "new")]
        for checkout, folder in zip((chosen.old.resolve(), ROOT), folders, strict=True):
            analyse(checkout, [path.resolve() for path in chosen.images], folder)
        names, different = compare(*folders)
    print(json.dumps({"files": len(names), "different": different}))
    sys.exit(bool(different))


def analyse(checkout: Path, images: list[Path], out: Path) -> None:
    """Write the demonstration slide and the results of all images with the code of one checkout."""
    environment = os.environ | {"CELLAPP_HOME": str(out / "home"), "CELLAPP_DTYPE": "float32"}
    environment["PYTHONPATH"] = str(checkout)

    def cellapp(*words: str | Path) -> None:
        subprocess.run([sys.executable, "-m", "cellapp", *words], cwd=checkout, env=environment, check=True)

    cellapp("demo", "--out", out / "slide")
    cellapp("analyse", out / "slide" / "demo.tif", *images, "--out", out / "results", "--explain", "8")


def compare(old: Path, new: Path) -> tuple[list[str], list[str]]:
    """Return the names of all files of two folders of results, and of those that differ or are missing in one."""
    old, new = old / "results", new / "results"
    names = sorted({str(path.relative_to(top)) for top in (old, new) for path in top.rglob("*") if path.is_file()})
    return names, [name for name in names if lasting(old / name) != lasting(new / name)]


def lasting(path: Path) -> Any:
    """Return what a file holds besides times and versions; None where there is none."""
    if not path.exists():
        return None
    if path.name == "run.json":
        return without_varying(json.loads(path.read_text(encoding="utf-8")))
    if path.name == "summary.csv":
        return without_varying(list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))))
    if path.suffix == ".html":
        return _MOMENT.sub("", path.read_text(encoding="utf-8"))
    return path.read_bytes()


def without_varying(value: Any) -> Any:
    """Leave out `VARYING` at any depth."""
    if isinstance(value, dict):
        return {key: without_varying(item) for key, item in value.items() if key not in VARYING}
    return [without_varying(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
