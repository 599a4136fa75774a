"""Scenes and time points are numbered and named the same for all formats."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.config import app_settings
from cellapp.errors import BudgetError
from cellapp.images.formats.scenes import Scene, images_of, time_labels
from tests.images.slides import slide_of

INFO = slide_of(np.zeros((1, 1, 1))).info
HOUR = 3600


def scene(name: str = "", **fields) -> Scene:
    return Scene(replace(INFO, scene=name), **fields)


def test_images_come_scene_by_scene_and_within_a_scene_by_time():
    images = images_of([scene("A1", n_times=2), scene("B2"), scene("C3", n_times=3)])
    places = [(info.selection.scene, info.selection.time) for info in images]
    assert places == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (2, 2)]
    assert [info.scene for info in images] == ["A1", "A1", "B2", "C3", "C3", "C3"]
    assert [info.n_times for info in images] == [2, 2, 1, 3, 3, 3]
    assert {info.n_scenes for info in images} == {3}
    assert len({info.title for info in images}) == len({info.suffix for info in images}) == 6


@given(names=st.lists(st.sampled_from(["", "A", "B", " A ", "A\n", "s02"]), min_size=2, max_size=6))
@settings(max_examples=50, deadline=None)
def test_every_image_of_a_file_has_a_title_of_its_own(names):
    images = images_of([scene(name) for name in names])
    assert len({info.title for info in images}) == len(names)
    assert all(info.scene and info.scene.isprintable() for info in images)


def test_the_only_scene_needs_no_name_and_one_plane_no_rule():
    (only,) = images_of([scene("Image 1")], "mean")
    assert (only.scene, only.time, only.selection.depth) == ("", "", "max")
    (deep,) = images_of([Scene(replace(INFO, n_planes=3))], "mean")
    assert deep.selection.depth == "mean"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"n_times": 3, "interval_s": 30 * HOUR}, ["00d00h00m", "01d06h00m", "02d12h00m"]),
        ({"n_times": 2, "interval_s": 10.0}, ["00d00h00m00s", "00d00h00m10s"]),
        ({"n_times": 3, "interval_s": 90.0}, ["00d00h00m00s", "00d00h01m30s", "00d00h03m00s"]),
        ({"n_times": 2, "seconds": (0.0, 3607.2)}, ["00d00h00m", "00d01h00m"]),
        ({"n_times": 2, "interval_s": 0.25}, ["00d00h00m00.000s", "00d00h00m00.250s"]),
        ({"n_times": 2, "seconds": (0.0, 90 * 60)}, ["00d00h00m", "00d01h30m"]),
        ({"n_times": 2}, ["t001", "t002"]),
        ({"n_times": 2, "interval_s": 0.0}, ["t001", "t002"]),
        ({"n_times": 2, "seconds": (5.0, 5.0)}, ["t001", "t002"]),
        ({"n_times": 1, "interval_s": 10.0}, [""]),
    ],
)
def test_time_points_are_named_by_what_passed_since_the_first(times, expected):
    assert time_labels(scene(**times)) == expected


def test_more_images_than_may_be_listed_are_refused(monkeypatch):
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_IMAGES", "5")
    app_settings.cache_clear()
    with pytest.raises(
        BudgetError, match=r"holds 6 images; the limit is 5: raise it with CELLAPP_BUDGET__MAX_IMAGES=7"
    ):
        images_of([scene(n_times=3), scene(n_times=3)])
