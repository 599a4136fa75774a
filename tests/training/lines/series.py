"""Synthetic time series: lines differ by the grain of their cells alone, batches by light, contrast and focus."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

GRAIN_PX = {"coarse": 4.0, "fine": 0.8, "medium": 2.0}


def write_series(folder, *, lines=tuple(GRAIN_PX), batches=4, places=2, times=3, side=256, effect=1.0, seed=0):
    """Write ``<line>/<batch>/<place>_1_00dhhhmmm.png``; cells multiply over time."""
    for batch in range(batches):
        of_batch = np.random.default_rng([seed, batch])
        light, contrast, focus = of_batch.uniform(60, 160), of_batch.uniform(15, 40), of_batch.uniform(0, 0.8)
        for line in lines:
            for place in range(places):
                generator = np.random.default_rng([seed, batch, list(GRAIN_PX).index(line), place])
                centres = generator.uniform(0, side, (14 * times, 2))
                for time in range(times):
                    plane = picture(centres[: 14 * (time + 1)], GRAIN_PX[line], side, generator)
                    plane = gaussian_filter(plane, effect * focus) * (1 - effect + effect * contrast / 25)
                    path = folder / line / f"batch_{batch}" / f"VID1_A{place}_1_00d{4 * time:02d}h30m.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pixels = np.clip(100 + effect * (light - 100) + 25 * plane, 0, 255)
                    Image.fromarray(pixels.astype(np.uint8)).save(path)


def picture(centres, grain_px, side, generator):
    """One image, mean about 0: grainy discs on a noisy ground."""
    y, x = np.mgrid[:side, :side]
    inside = np.zeros((side, side), bool)
    for cy, cx in centres:
        inside |= np.hypot(y - cy, x - cx) < 14
    grain = gaussian_filter(generator.normal(size=(side, side)), grain_px)
    return np.where(inside, 1.6 * grain / grain.std(), 0) + 0.1 * generator.normal(size=(side, side))
