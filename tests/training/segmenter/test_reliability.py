"""Calibrations are fitted to what was reached, judged on sets left out, and refused where there is too little."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.segmentation.second_look import Evidence
from cellapp.training.segmenter import truth_sets
from cellapp.training.segmenter.judge_network import judge_network
from cellapp.training.segmenter.reliability import JudgedImage, fit_calibration
from cellapp.training.segmenter.truth_sets import TruthImage, harder
from cellapp.types.image import Role
from tests.segmentation.phantoms import glowing, grid_of_discs
from tests.segmentation.test_second_look import FromPixels


def images(n, *, noise=0.05, sets=4, seed=0):
    """Images whose evidence tells what was reached, but for some noise."""
    rng = np.random.default_rng(seed)
    drawn = []
    for at in range(n):
        reached = rng.uniform()
        seen = np.clip(reached + rng.normal(0, noise, 6), 0, 1)
        drawn.append(JudgedImage(str(at), f"set {at % sets}", Evidence(*seen[:5], 1 - seen[5]), reached))
    return drawn


def test_what_is_expected_follows_what_is_reached_on_images_not_fitted_to():
    calibration, figures = fit_calibration(images(120))
    assert figures["rank_correlation"] > 0.9
    assert figures["in_interval"] > 0.8
    assert set(figures["sets"]) == {f"set {at}" for at in range(4)}
    others = images(60, seed=1)
    expected = np.array([calibration.expect(image.evidence) for image in others])
    reached = np.array([image.reached for image in others])
    assert np.abs(expected[:, 0] - reached).mean() < 0.06
    assert np.mean((expected[:, 1] <= reached) & (reached <= expected[:, 2])) > 0.8


def test_evidence_that_tells_nothing_gives_wide_intervals_and_no_rank():
    rng = np.random.default_rng(3)
    blind = [JudgedImage(str(at), f"set {at % 3}", Evidence(*rng.uniform(size=6)), rng.uniform()) for at in range(90)]
    calibration, figures = fit_calibration(blind)
    assert abs(figures["rank_correlation"]) < 0.5
    _, low, high = calibration.expect(Evidence(*[0.5] * 6))
    assert high - low > 0.6


@pytest.mark.parametrize(("n", "sets"), [(19, 4), (40, 2)])
def test_too_little_is_refused(n, sets):
    with pytest.raises(InputError, match="20 labelled images with cells from 3 sets"):
        fit_calibration(images(n, sets=sets))


def test_sets_are_judged_up_to_a_number_and_in_harder_versions():
    labels = grid_of_discs(8, n=4)
    drawn = [TruthImage(str(at), "drawn", labels[None].astype(np.float32), (Role.OTHER,), labels) for at in range(5)]
    judged = judge_network(FromPixelsOnly(), drawn, most=3)
    assert [image.name for image in judged] == ["0", "0, made harder", "1", "2", "2, made harder"]
    assert judged[0].reached == 1


class FromPixelsOnly(FromPixels):
    def estimate_size(self, pixels, roles):
        from cellapp.segmentation.diameter import CellSize

        return CellSize(16.0)


@pytest.mark.parametrize("seed", range(4))
def test_harder_versions_are_other_pictures_of_the_same_cells(seed):
    labels = grid_of_discs(8)
    plain = TruthImage("a", "drawn", glowing(labels), (Role.OTHER,), labels)
    hard = harder(plain, seed)
    assert hard.labels is labels
    assert hard.pixels.dtype == np.float32
    assert 0 <= hard.pixels.min() <= hard.pixels.max() <= 1
    assert np.abs(hard.pixels - plain.pixels).mean() > 0.01


def test_any_folder_with_an_index_is_a_set(tmp_path, write_set, monkeypatch):
    monkeypatch.setattr(truth_sets, "N_SYNTHETIC", 1)
    write_set(tmp_path / "nuclei", {"a": "val", "b": "train"}, ignore=["a"])
    write_set(tmp_path / "others", {"c": "val", "d": "train"})
    named = {f"{image.group}/{image.name}": image for image in truth_sets.read_truth(tmp_path, unseen=["others"])}
    assert {"nuclei/val/a", "others/val/c", "others/train/d"} == {name for name in named if "synthetic" not in name}
    assert named["nuclei/val/a"].ignored.any()
    assert named["others/val/c"].ignored is None


@pytest.fixture
def write_set():
    from PIL import Image

    def write(folder, splits, ignore=()):
        for part in ("images", "labels", "ignore"):
            (folder / part).mkdir(parents=True)
        labels = grid_of_discs(6, n=2)
        for stem in splits:
            Image.fromarray((glowing(labels)[0] * 255).astype(np.uint8)).save(folder / "images" / f"{stem}.png")
            Image.fromarray(labels.astype(np.uint16)).save(folder / "labels" / f"{stem}.png")
        for stem in ignore:
            Image.fromarray((labels == 1).astype(np.uint8) * 255).save(folder / "ignore" / f"{stem}.png")
        lines = [f"{stem}.png,{split}" for stem, split in splits.items()]
        (folder / "index.csv").write_text("file,split\n" + "\n".join(lines) + "\n")

    return write
