"""Fit and measure the rules by which `compact` picks one of its two networks.

``python -m benchmarks.network_choice DATA --out FILE`` reads DATA/segmentation and DATA/fields, writes the rules and
prints, for images that the fit did not see, how many of each set go to the network for cells without stain and smears.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cellapp.errors import CellappError
from cellapp.images.channels import assign_channels
from cellapp.images.read import open_slide
from cellapp.segmentation.network_choice import NetworkChoice, describe_window, read_windows
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.smears import list_smears
from cellapp.training.segmenter.source_images import list_images
from cellapp.training.segmenter.split import is_held_out
from cellapp.types.image import Role, Slide

HELD_OUT = 0.35  # of the files of a set without a split
N_SIMULATED = {"train": 120, "val": 40}
STRENGTH = 1.0  # inverse of the penalty on the weights
N_SYNTHETIC = 8
UNCLEAR = {Kind.SIMULATED_QUANTITATIVE, Kind.SYNTHETIC}  # either network does: measured, not fitted
OTHER_SETS = {
    "bbbc039": ("segmentation/bbbc039/images/*.png", False),
    "sbsst265": ("segmentation/sbsst265/images/*", False),
    "cfos": ("segmentation/cfos/images/*", False),
    "cellprofiler": ("fields/cellprofiler_examples/**/*.*", False),
    "u2os": ("fields/cellprofiler_sbs_u2os/**/*.*", False),
    "neubias": ("fields/neubias_examples/*.tif", False),
    "stardist": ("fields/stardist_examples/*.*", False),
    "instanseg": ("fields/instanseg_examples/*.tif", False),
    "nf1_schwann": ("fields/nf1_schwann/images/*.*", False),
    "bbbc013": ("fields/bbbc013_plate/images/*.*", False),
    "whoisjack": ("fields/whoisjack_cells/*.tif", False),
    "lbc_cervical": ("fields/lbc_cervical/*/*.*", False),
    "cellpainting stains": ("fields/cellpainting/images/*_ch[2-9].png", False),
    "cellpainting bright field": ("fields/cellpainting/images/*_ch1.png", True),
    "t98g": ("fields/usiigaci_t98g_sample/images/*.tif", True),
    "krd_wbc": ("fields/krd_wbc/images/*.png", True),
}
"""Pattern of files, and whether they are for the second network."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image, as many windows as are looked at."""

    of_set: str
    held_out: bool
    label_free: bool | None
    windows: list[np.ndarray]  # native dtype
    roles: tuple[Role, ...]


def read_pictures(data: Path) -> Iterator[Picture]:
    """Read the images of every set."""
    for split in ("train", "val"):
        tasks = list_images(data / "segmentation", split, N_SYNTHETIC, n_label_free=N_SIMULATED[split])
        for image in (task() for task in [*tasks, *list_smears(data / "fields", split)]):
            wanted = None if image.kind in UNCLEAR else image.kind.label_free or image.kind is Kind.SMEAR
            name = image.name.rsplit("_", 2)[0] if image.kind is Kind.SMEAR else str(image.kind)
            yield _picture(name, split == "val", wanted, image.slide)
    for name, (pattern, wanted) in OTHER_SETS.items():
        for path in sorted(data.glob(pattern)):
            try:
                slide = open_slide(path)
            except CellappError:
                continue  # tables and notes between the images
            if "label" not in path.name.lower():
                yield _picture(name, is_held_out(path.name, HELD_OUT), wanted, slide)


def _picture(name: str, held_out: bool, wanted: bool | None, slide: Slide) -> Picture:
    """Take a photograph as it is, and of other images the first channel, as if nobody had said what it shows."""
    roles = assign_channels(slide.info, {})[1]
    windows = read_windows(slide)
    if not slide.info.is_photo:
        windows, roles = [window[:1] for window in windows], (Role.OTHER,)
    return Picture(name, held_out, wanted, windows, roles)


def fit_rules(pictures: list[Picture]) -> dict[str, dict[str, object]]:
    """Fit both rules to the pictures that are not held out; every set counts as much as any other."""
    rows = defaultdict(list)
    for picture in pictures:
        if picture.label_free is None or picture.held_out:
            continue
        for window in picture.windows:
            statistics, of_colour = describe_window(window, picture.roles)
            rows["colour" if of_colour else "gray"].append((statistics, picture.label_free, picture.of_set))
    return {name: _fit(*zip(*of_rule, strict=True)) for name, of_rule in rows.items()}


def _fit(statistics: tuple[np.ndarray, ...], wanted: tuple[bool, ...], sets: tuple[str, ...]) -> dict[str, object]:
    scaler, groups = StandardScaler().fit(np.array(statistics)), np.array(sets)
    counts = {(name, one): np.sum((groups == name) & (np.array(wanted) == one)) for name in set(sets) for one in (0, 1)}
    weights = np.array([counts[name, int(one)] ** -0.5 for name, one in zip(sets, wanted, strict=True)])
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=5000)
    model.fit(scaler.transform(np.array(statistics)), wanted, sample_weight=weights / weights.mean())
    rule = {"mean": scaler.mean_, "scale": scaler.scale_, "weights": model.coef_[0]}
    return {key: np.round(values, 5).tolist() for key, values in rule.items()} | {
        "intercept": round(float(model.intercept_[0]), 5)
    }


def measure(pictures: list[Picture], choice: NetworkChoice) -> dict[str, dict[str, object]]:
    """Count by set how many pictures go to the second network, fitted and held out."""
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: {"fitted": [], "held out": []})
    for picture in pictures:
        part = "held out" if picture.held_out else "fitted"
        table[picture.of_set][part].append(choice.log_odds(picture.windows, picture.roles))
    return {
        name: {part: f"{sum(one > 0 for one in odds)} of {len(odds)}" for part, odds in parts.items()}
        for name, parts in table.items()
    }


def main() -> None:
    """Fit, write and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    pictures = list(read_pictures(chosen.data))
    chosen.out.write_text(json.dumps(fit_rules(pictures), indent=1) + "\n", encoding="utf-8")
    for name, parts in measure(pictures, NetworkChoice.read(chosen.out)).items():
        print(f"{name}: {parts}")


if __name__ == "__main__":
    main()
