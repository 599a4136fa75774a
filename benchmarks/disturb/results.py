"""What is left in a home after a disturbance, read besides the program, and what of it differs."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.same_files import lasting


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """Read from the SQLite database of a home, besides the program."""
    with closing(sqlite3.connect(f"file:{home / 'cellapp.db'}?mode=ro", uri=True, timeout=60)) as connection:
        return connection.execute(query).fetchall()


def left(home: Path) -> dict[str, object]:
    """Return what a home holds besides ids and times: files of runs, cells, states, originals, number of everything.

    Two that hold the same are equal, whichever ids they were given.
    """
    stems = "JOIN run_images i ON i.run_id = c.run_id AND i.image_id = c.image_id"
    columns = ", ".join(f"c.{name}" for _, name, *_ in rows(home, "PRAGMA table_info(cells)") if "_id" not in name)
    return {
        "files": files_of_runs(home),
        "cells": rows(home, f"SELECT i.stem, c.cell_id, {columns} FROM cells c {stems} ORDER BY 1, 2"),
        "states": rows(home, "SELECT stem, status, n_cells, error FROM run_images ORDER BY stem"),
        "runs": rows(home, "SELECT name, status FROM runs ORDER BY name"),
        "images": rows(home, "SELECT name, digest FROM images ORDER BY name"),
        "originals": originals(home),
        "vectors": len(list((home / "vectors").rglob("*.npz"))),
        "vector rows": rows(home, "SELECT count(*) FROM vectors"),
    }


def originals(home: Path) -> list[str]:
    """Return the digests of the stored originals, each checked against its bytes."""
    found = sorted((home / "files").glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))
    whole = [path.name for path in found if hashlib.sha256(path.read_bytes()).hexdigest() == path.name]
    return [*whole, *("damaged" for _ in found[len(whole) :])]


def differences(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """Name what differs between two results of `left`; of files each one."""
    wrong = [what for what in expected if what != "files" and found[what] != expected[what]]
    ours, theirs = found["files"], expected["files"]
    return wrong + sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def files_of_runs(home: Path) -> dict[str, object]:
    """Return what the files of all runs hold, under the name of the run."""
    with closing(sqlite3.connect(home / "cellapp.db")) as connection:
        named = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
    names, found = dict(rows(home, "SELECT id, name FROM runs")) if named else {}, {}
    for path in sorted((home / "runs").rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            run, *below = path.relative_to(home / "runs").parts
            found["/".join([names.get(run, "of no run"), *below])] = _content(path)
    return found


def _content(path: Path) -> object:
    held = lasting(path)
    return hashlib.sha256(held).hexdigest() if isinstance(held, bytes) else held
