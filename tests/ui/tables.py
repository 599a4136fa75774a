"""Cell tables of a run, drawn at random, for tests of what is counted and drawn from them."""

import numpy as np
import pandas as pd

CLASSES = ("cancer", "normal")


def cell_table(n, seed=0, images=("a", "b")):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return pd.DataFrame(
        {
            "image_id": rng.choice(list(images), n) if n else np.array([], dtype=object),
            "qc_pass": rng.random(n) > 0.1,
            "label": np.where(p > 0.5, "cancer", "normal").astype(object),
            "unsure": rng.random(n) < 0.1,
            "unlike_training": rng.random(n) < 0.1,
            "manual_label": np.full(n, "", dtype=object),
            "p_cancer": p,
            "p_normal": 1 - p,
        }
    )
