from dataclasses import replace

import pytest

from cellapp.explanation.removal import PARTS
from cellapp.settings import AnalyseSettings
from cellapp.store import runs
from cellapp.ui.components.job_progress import explain_seconds, run_seconds, summary_passes
from tests.pages.seeding import seed_image


@pytest.fixture
def image(tmp_path):
    return seed_image(tmp_path, side=64).image


DEFAULT = AnalyseSettings()


def finished(image, seconds, settings=DEFAULT):
    run = runs.create_run(image.project_id, [image.id], settings)
    runs.set_image_status(run.id, image.id, "done", n_cells=1, summary={"seconds": seconds})
    return runs.finish_run(run.id)


def test_nothing_known_is_not_guessed(image):
    assert run_seconds([image], [], DEFAULT) is None


def test_twice_the_images_take_twice_the_time(image):
    earlier = [finished(image, 8.0)]
    twin = replace(image, id="twin")
    assert run_seconds([image], earlier, DEFAULT) == pytest.approx(8.0)
    assert run_seconds([image, twin], earlier, DEFAULT) == pytest.approx(16.0)


def test_runs_with_other_models_do_not_count(image):
    other = AnalyseSettings.model_validate({"classify": {"head": None}})
    assert run_seconds([image], [finished(image, 8.0, other)], DEFAULT) is None


def test_before_the_first_run_the_preview_is_scaled_up(image):
    small = run_seconds([image], [], DEFAULT, preview_s_per_px=1e-6)
    large = run_seconds([image], [], DEFAULT, preview_s_per_px=2e-6)
    assert large == pytest.approx(2 * small)


def test_explaining_takes_what_classifying_took_per_cell():
    provenance = {"seconds": {"classify": 3.0}, "summary": {"n_cells": 40, "n_rejected": 10}}
    assert explain_seconds(provenance, 20) == pytest.approx(2.0)
    assert explain_seconds(provenance, 20, times=4) == pytest.approx(8.0)
    assert explain_seconds({**provenance, "summary": {"n_cells": 3, "n_rejected": 3}}, 20) is None
    assert explain_seconds({}, 20) is None


@pytest.mark.parametrize(("n_channels", "passes"), [(1, 2), (3, 5)])
def test_each_of_several_channels_and_each_part_is_one_more_pass(n_channels, passes):
    assert summary_passes({"image": {"channels": ["c"] * n_channels}}) == passes + len(PARTS)
    assert summary_passes({}) == 2 + len(PARTS)
