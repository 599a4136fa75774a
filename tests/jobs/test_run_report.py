"""The report of a run of a project knows what the image table says."""

from cellapp.jobs.run_report import write_run_report
from cellapp.store import images, runs
from tests.pages.seeding import seed_image, seed_run


def test_conditions_of_the_image_table_are_in_the_report(home, tmp_path):
    seeds = [seed_image(tmp_path, seed=seed, name=f"{seed}.tif") for seed in (1, 2)]
    for seed, treatment in zip(seeds, ("drug", "vehicle"), strict=True):
        images.set_conditions(seed.image.id, {"treatment": treatment})
    run = seed_run(seeds)
    text = write_run_report(runs.get_run(run.id)).read_text(encoding="utf-8")
    assert "treatment: drug (1 image)" in text
    assert "treatment vehicle" in text
