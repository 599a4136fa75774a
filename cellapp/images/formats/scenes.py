"""The images of a file: every scene at every time point, numbered and named the same for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cellapp.config import app_settings
from cellapp.images.limits import check_limit
from cellapp.types.image import ImageInfo, Selection


@dataclass(frozen=True)
class Scene:
    """A position, series or well field of a file."""

    info: ImageInfo  # of one time point; `scene` is its name, empty where the file gives none
    n_times: int = 1
    interval_s: float | None = None  # seconds between time points, where the file tells
    seconds: Sequence[float] = ()  # of each time point since the first, where the file tells; `interval_s` then is not
    keeps_name: bool = False  # also where it is the only one: a well says what was done to the cells

    def told(self, notes: tuple[str, ...]) -> Scene:
        """Return the scene with more sentences for the user."""
        return replace(self, info=replace(self.info, notes=self.info.notes + notes)) if notes else self


def left_out_notes(n_left_out: int, n_all: int) -> tuple[str, ...]:
    """Say how many positions were not reached before an acquisition was stopped."""
    told = f"{n_left_out} of {n_all} positions hold nothing and are left out: the acquisition was stopped before them."
    return (told,) if n_left_out else ()


def images_of(scenes: Sequence[Scene], depth: str = "max") -> tuple[ImageInfo, ...]:
    """List the images of a file.

    Parameters
    ----------
    scenes : sequence of Scene
        In the order of the file.
    depth : str
        Rule for depth, kept in the selection of images that have several planes.

    Returns
    -------
    tuple of ImageInfo
        Scene by scene, within a scene by time, with `selection`, `scene`, `time`, `n_scenes` and `n_times` filled in.

    Raises
    ------
    BudgetError
        When there are more than may be listed.
    """
    n_images = sum(scene.n_times for scene in scenes)
    check_limit(n_images, "max_images", app_settings().budget, f"{scenes[0].info.name!r} holds {n_images:,} images")
    names = _scene_names(scenes)
    images: list[ImageInfo] = []
    for s, (scene, name) in enumerate(zip(scenes, names, strict=True)):
        one = replace(scene.info, scene=name, n_scenes=len(scenes), n_times=scene.n_times)
        rule = depth if one.n_planes > 1 else "max"  # a file of one plane is the same image under every rule
        labels = time_labels(scene)
        images += [replace(one, selection=Selection(s, t, rule), time=label) for t, label in enumerate(labels)]
    return tuple(images)


def time_labels(scene: Scene) -> list[str]:
    """Name the time points of a scene.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    list of str
        Days, hours and minutes since the first, "02d12h00m", with seconds and their thousandths where minutes are too
        coarse for the steps; numbers from 1, "t003", where the file does not tell. One empty text for a
        single time point.
    """
    n_times = scene.n_times
    if n_times == 1:
        return [""]
    seconds = list(scene.seconds)
    if len(seconds) != n_times and scene.interval_s:
        seconds = [i * scene.interval_s for i in range(n_times)]
    if len(seconds) == n_times and min(seconds) >= 0:
        for unit_ms in (60_000, 1_000, 1):
            rounded = [round(s * 1000 / unit_ms) * unit_ms for s in seconds]
            error = max(abs(ms - s * 1000) for ms, s in zip(rounded, seconds, strict=True))
            step = min((after - before for before, after in pairwise(sorted(rounded))))
            if step > 0 and error <= step / 10:
                return [_elapsed(ms, unit_ms) for ms in rounded]
    width = max(len(str(n_times)), 3)
    return [f"t{i + 1:0{width}}" for i in range(n_times)]


def _elapsed(ms: int, unit_ms: int) -> str:
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    seconds = {60_000: "", 1_000: f"{ms // 1000:02}s", 1: f"{ms // 1000:02}.{ms % 1000:03}s"}[unit_ms]
    return f"{days:02}d{hours:02}h{minutes:02}m{seconds}"


def _scene_names(scenes: Sequence[Scene]) -> list[str]:
    """Give each of several scenes a name of its own: its number where it has none, or behind it where two are equal."""
    stored = [scene.info.scene for scene in scenes]
    if len(scenes) == 1 and not scenes[0].keeps_name:
        return [""]
    cleaned = [" ".join("".join(c if c.isprintable() else " " for c in name).split()) for name in stored]
    width = max(len(str(len(stored))), 2)
    numbers = [f"s{i + 1:0{width}}" for i in range(len(stored))]
    names = [name or number for name, number in zip(cleaned, numbers, strict=True)]
    return [
        f"{name} ({number})" if names.count(name) > 1 else name for name, number in zip(names, numbers, strict=True)
    ]
