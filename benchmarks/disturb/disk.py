"""Fill the disk at several steps of a run, look at what the visitor is told, make room, and compare the result."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.disturb import results, scene

SHARES = (0.0, 0.05, 0.35, 0.65, 0.95)
"""Room that is left when the run begins, of what it needs in all: models are loaded, tables, crops, the last report."""
_DISK_MB = 256


def full_disk(base: Path, n_images: int = 3) -> dict[str, object]:
    """Run with too little room at each of `SHARES`, and again with room.

    Raises
    ------
    PermissionError
        A disk of its own cannot be made: run it as root, or by ``unshare -rm``.
    """
    (run_id,) = scene.seed(base / "seeded", n_images)
    alone_home = scene.copy_home(base / "seeded", base / "disk-alone")
    before = _size(alone_home)
    scene.work_off(alone_home)
    needed, alone = _size(alone_home) - before, results.left(alone_home)
    steps = {}
    for share in SHARES:
        with _disk(base / f"disk-{share}") as home:
            shutil.copytree(base / "seeded", home, dirs_exist_ok=True)
            steps[f"{share:.0%}"] = _one(home, run_id, share * needed, alone)
    return {
        "disk_full_at": len(steps),
        "disk_needed_mb": round(needed / 2**20, 1),
        "disk_steps": steps,
        "disk_same_once_there_is_room": sum(not step["differences"] for step in steps.values()),
        "disk_told_without_paths": sum(step["told_without_paths"] for step in steps.values()),
    }


def _one(home: Path, run_id: str, room: float, alone: dict[str, object]) -> dict[str, object]:
    from cellapp.jobs import queue
    from cellapp.store import projects, runs, uploads

    (other,) = scene.write_images(home.parent / "other", 1, side=1000)
    filler = _fill(home / "filler", int(room))
    statuses = [scene.work_off(home)]
    with scene.store_of(home):
        told = [_told(lambda: runs.get_run(run_id)), _told(lambda: projects.default_project())]
        told += [_told(lambda: uploads.add_image(projects.default_project().id, other, other.name))]
    filler.unlink()
    told += [error for (error,) in results.rows(home, "SELECT error FROM run_images UNION SELECT error FROM jobs")]
    with scene.store_of(home):
        if not queue.list_jobs():
            queue.submit("analyse", {"run_id": run_id})
    statuses.append(scene.work_off(home))
    said = sorted({one for one in told if one})
    return {
        "told": said,
        "told_without_paths": all(str(home) not in one and "\n" not in one for one in said),
        "exit_status": statuses,
        "differences": results.differences(results.left(home), alone),
    }


def _told(ask: Callable[[], object]) -> str:
    """Return what a visitor is told who asks for something; empty where it is there."""
    from cellapp.errors import CellappError

    try:
        ask()
    except CellappError as error:
        return str(error)
    return ""


@contextmanager
def _disk(at: Path) -> Iterator[Path]:
    at.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m,mode=700", "disturb", at], check=False)
    if made.returncode:
        raise PermissionError("no disk could be mounted; run this as root, or by `unshare -rm`")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def _fill(path: Path, room: int) -> Path:
    """Write a file that leaves so many bytes of its disk."""
    free = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - room, 1))
    return path


def _size(home: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in home.rglob("*"))
