"""What command line and API say of the images of reported cases: all of them in one run each."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.jobs import worker, worker_process
from cellapp.store import database

SETTINGS = {"segment": {"segmenter": "classical"}, "classify": {"head": None}}
OPTIONS = ["--segmenter", "classical", "--head", "none"]


@dataclass(frozen=True)
class Told:
    """One image as the command line and as the API tells of it."""

    row: dict[str, Any]  # of summary.csv
    info: dict[str, Any]  # `image` of run.json
    cells: pd.DataFrame  # cells.csv
    stderr: str
    answer: dict[str, Any]  # to POST /images


def command(*words: str | Path) -> tuple[int, list[str], str]:
    """Run a command in this process; return exit status, lines of stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(word) for word in words])
    assert "Traceback" not in err.getvalue()
    return status, out.getvalue().splitlines(), err.getvalue()


@contextmanager
def client(home: Path) -> Iterator[TestClient]:
    """Give the API over a home of its own, whose worker runs in this process when a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLAPP_HOME", str(home))
        patch.setattr(worker_process, "ensure_worker", lambda: None)
        app_settings.cache_clear()
        yield TestClient(api)
        database.dispose()
    app_settings.cache_clear()


def post(given: TestClient, path: Path) -> Any:
    """Upload a file, or a folder as the zip of it that a browser or a colleague would send."""
    content, name = (zipped(path), f"{path.name}.zip") if path.is_dir() else (path.read_bytes(), path.name)
    return given.post("/images", files={"file": (name, content)})


def zipped(folder: Path) -> bytes:
    """Return a zip of a folder, with its own name before each file's."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for path in sorted(folder.rglob("*")):
            bundle.write(path, path.relative_to(folder.parent).as_posix())
    return buffer.getvalue()


def tell(paths: Sequence[Path], out: Path) -> list[Told]:
    """Analyse images by command line, and upload them by API."""
    status, lines, stderr = command("analyse", *paths, "--out", out / "cli", "--json", *OPTIONS)
    assert status == 0, stderr
    rows = json.loads(lines[-1])["images"]
    folders = [out / "cli" / row["image"] for row in rows]
    images = [json.loads((folder / "run.json").read_text())["image"] for folder in folders]
    cells = [pd.read_csv(folder / "cells.csv") for folder in folders]
    with client(out / "home") as given:
        answers = [post(given, path) for path in paths]
    assert [answer.status_code for answer in answers] == [201] * len(paths), [answer.text for answer in answers]
    assert len(rows) == len(paths), "each is one image"
    return [
        Told(row, image, table, stderr, answer.json())
        for row, image, table, answer in zip(rows, images, cells, answers, strict=True)
    ]


def count(paths: Sequence[Path], home: Path) -> list[int]:
    """Upload images and run them by API; return the number of cells of each."""
    with client(home) as given:
        ids = [post(given, path).json()["id"] for path in paths]
        run = given.post("/runs", json={"image_ids": ids, "settings": SETTINGS}).json()
        worker.run_worker(once=True)
        images = given.get(f"/runs/{run['id']}").json()["images"]
    counts = {image["image_id"]: image["summary"]["n_cells"] for image in images}
    return [counts[one] for one in ids]
