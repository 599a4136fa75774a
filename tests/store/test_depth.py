"""The rule for depth is the project's: new images get it, and a new rule replaces those with several planes."""

import pytest

from cellapp.errors import InputError
from cellapp.settings import AnalyseSettings
from cellapp.store.depth import set_depth
from cellapp.store.images import get_image, list_images, rename_image, set_channels, set_conditions, set_reference
from cellapp.store.joined_images import combine_images
from cellapp.store.open_image import open_slide
from cellapp.store.projects import get_project
from cellapp.store.runs import create_run, get_run
from cellapp.store.uploads import add_images
from cellapp.types.image import Role
from tests.series import write_series


@pytest.fixture
def stacks(project, tmp_path):
    """Two time points of four planes each; plane z is z higher than the first, see `write_series`."""
    return add_images(project.id, write_series(tmp_path / "z.tif", scenes=1, times=2, planes=4), "z.tif")


def lowest(images):
    return [int(open_slide(image.id).region().min()) for image in images]


def test_a_new_rule_makes_new_images_with_all_that_was_said_of_the_old(project, stacks, add):
    flat = add()
    rename_image(stacks[0].id, "control")
    set_conditions(stacks[0].id, {"dose": "3"})
    set_channels(stacks[0].id, ["DNA", "fibres"], [Role.NUCLEUS, Role.OTHER])
    set_reference(stacks[1].id, stacks[0].id)
    assert lowest(stacks) == [3, 13], "the maximum"
    new = set_depth(project.id, "2")
    assert lowest(new) == [1, 11]
    assert list_images(project.id) == (flat, *new), "in the place of the old ones; one plane needs no rule"
    assert new[0].name == "control"
    assert (new[0].channels, new[0].conditions) == (("DNA", "fibres"), {"time": "00d00h00m", "dose": "3"})
    assert get_image(new[1].id).reference_id == new[0].id
    assert get_project(project.id).depth == "2"
    assert "Plane 2 of 4" in " ".join(new[0].info.notes)


def test_runs_keep_the_images_they_were_made_of(project, stacks):
    run = create_run(project.id, [image.id for image in stacks], AnalyseSettings())
    set_depth(project.id, "mean")
    kept = [get_image(image.image_id) for image in get_run(run.id).images]
    assert [image.id for image in kept] == [image.id for image in stacks]
    assert lowest(kept) == [3, 13]


def test_going_back_gives_the_first_images_again(project, stacks):
    set_depth(project.id, "sharpest")
    assert [image.id for image in set_depth(project.id, "max")] == [image.id for image in stacks]
    assert set_depth(project.id, "max") == ()


@pytest.mark.parametrize("rule", ["5", "0", "median", ""])
def test_a_rule_that_does_not_fit_changes_nothing(project, stacks, rule):
    with pytest.raises(InputError):
        set_depth(project.id, rule)
    assert list_images(project.id) == stacks
    assert get_project(project.id).depth == "max"


def test_new_images_get_the_rule_of_their_project(project, tmp_path):
    set_depth(project.id, "1")
    path = write_series(tmp_path / "z.tif", scenes=1, times=2, planes=4)
    assert lowest(add_images(project.id, path, "z.tif")) == [0, 10]
    assert lowest(add_images(project.id, path, "z.tif", depth="3")) == [2, 12]


def test_combined_images_follow(project, tmp_path):
    paths = [write_series(tmp_path / f"{n}.tif", scenes=1, times=1, planes=4, shape=(1, 9, 9), seed=n) for n in (1, 2)]
    parts = [add_images(project.id, path, path.name)[0] for path in paths]
    combine_images(project.id, [part.id for part in parts], ["a", "b"])
    (new,) = set_depth(project.id, "2")
    assert open_slide(new.id).region().min(axis=(1, 2)).tolist() == [1, 1]
    assert list_images(project.id) == (new,)
