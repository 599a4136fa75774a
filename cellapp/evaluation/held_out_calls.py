"""The held-out calls of a trained head, as training wrote them beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.errors import InputError

METRICS, CALLS = "metrics.json", "folds.csv"
_TEXTS = ("file", "sha256", "group", "truth")


@dataclass(frozen=True, eq=False)
class HeldOutCalls:
    """What a head said of N training cells while it had not seen the group of the cell."""

    head: str  # "name@version"
    classes: tuple[str, ...]  # K
    positive: str
    cells: tuple[str, ...]  # N sorted names of cells: file and, where it is known, its sha256
    groups: np.ndarray  # (N,) str
    folds: np.ndarray  # (N,) int
    truth: np.ndarray  # (N,) str: a class, or a mixture such as "cancer:normal=1:2"
    probabilities: np.ndarray  # (N, K) float64

    @property
    def name(self) -> str:
        """Name of the head without its version."""
        return self.head.rpartition("@")[0] or self.head

    @property
    def pure(self) -> np.ndarray:
        """Which cells have one class, (N,) bool; fields of known mixtures have none."""
        return np.isin(self.truth, self.classes)

    @property
    def codes(self) -> np.ndarray:
        """Class of each cell as an index into `classes`, (N,) int; -1 for mixtures."""
        at = {name: k for k, name in enumerate(self.classes)}
        return np.array([at.get(name, -1) for name in self.truth], int)

    def subset(self, rows: np.ndarray) -> HeldOutCalls:
        """Select cells by a mask, (N,) bool."""
        names = ("groups", "folds", "truth", "probabilities")
        cells = tuple(np.asarray(self.cells, object)[rows])
        return replace(self, cells=cells, **{name: getattr(self, name)[rows] for name in names})

    def arranged(self, classes: tuple[str, ...], positive: str) -> HeldOutCalls:
        """Return the same calls with the classes in another order, and one of them as the positive one."""
        columns = [self.classes.index(name) for name in classes]
        return replace(self, classes=classes, positive=positive, probabilities=self.probabilities[:, columns])


def read_held_out(folder: str | Path) -> HeldOutCalls:
    """Read the held-out calls of a head.

    Parameters
    ----------
    folder : str or Path
        Of a trained head, with ``metrics.json`` and ``folds.csv``.

    Raises
    ------
    InputError
        When the folder is no trained head, was not validated, or a file of it is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}; give the folder that `python -m cellapp train` wrote")
    metrics = read_metrics(folder)
    if not (folder / CALLS).is_file():
        reason = metrics.get("reason") or f"there is no {CALLS} beside it"
        raise InputError(
            f"head {metrics['head']!r} has no held-out calls ({reason}); train it on labels of at least two groups "
            "per class, and keep all files of its folder"
        )
    try:
        return calls_of_table(
            metrics, pd.read_csv(folder / CALLS, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False)
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder / CALLS} cannot be read ({error}); train the head again") from error


def calls_table(calls: HeldOutCalls) -> pd.DataFrame:
    """Return calls as the table that `read_held_out` reads: file, sha256, group, fold, truth, p_<class>."""
    parts = [name.rpartition("@") if "@" in name else (name, "", "") for name in calls.cells]
    columns = {"file": [part[0] for part in parts], "sha256": [part[2] for part in parts]}
    columns |= {"group": calls.groups, "fold": calls.folds, "truth": calls.truth}
    return pd.DataFrame(columns | {f"p_{name}": calls.probabilities[:, k] for k, name in enumerate(calls.classes)})


def check_same_folds(heads: Sequence[HeldOutCalls]) -> None:
    """Raise InputError unless all heads were validated on the same cells, labels and folds, whatever their numbers."""
    first = heads[0]
    for other in heads[1:]:
        pair = f"heads {first.head!r} and {other.head!r}"
        if set(other.classes) != set(first.classes):
            raise InputError(f"{pair} know different classes; train both on the same labels")
        if other.cells != first.cells:
            n_first, n_other = len(set(first.cells) - set(other.cells)), len(set(other.cells) - set(first.cells))
            raise InputError(
                f"{pair} were validated on different cells ({n_first:,} of the first alone, {n_other:,} of the second "
                "alone); train both on the same folder"
            )
        if (other.truth != first.truth).any():
            raise InputError(f"{pair} were trained on different labels of the same cells; train both on the same ones")
        if (other.groups != first.groups).any() or not _same_partition(first.folds, other.folds):
            raise InputError(
                f"{pair} were validated on different folds; train both with the same --group-column, --folds and --seed"
            )


def _same_partition(first: np.ndarray, second: np.ndarray) -> bool:
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    return len(pairs) == len(np.unique(first)) == len(np.unique(second))


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read the figures beside a head, as `train` and `ensemble` write them.

    Raises
    ------
    InputError
        When there are none, or the file is damaged.
    """
    try:
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        return metrics | {"head": str(metrics["head"])}
    except OSError as error:
        raise InputError(
            f"{str(folder)!r} holds no {METRICS}; give the folder of a head that `python -m cellapp train` wrote"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / METRICS} cannot be read ({error}); train the head again") from error


def calls_of_table(metrics: Mapping[str, Any], table: pd.DataFrame) -> HeldOutCalls:
    """Return the held-out calls of a head from its figures, of which ``head`` and ``positive`` are read, and table."""
    classes = tuple(name.removeprefix("p_") for name in table.columns if name.startswith("p_"))
    if len(classes) < 2 or not len(table):
        raise ValueError(f"{len(classes)} columns p_<class>, {len(table)} rows")
    names = table["file"] + ("@" + table["sha256"] if table.get("sha256", pd.Series("")).any() else "")
    order = np.argsort(names.to_numpy(str), kind="stable")
    table, names = table.iloc[order], names.iloc[order]
    return HeldOutCalls(
        metrics["head"],
        classes,
        str(metrics.get("positive", classes[0])),
        tuple(names),
        table["group"].to_numpy(str),
        table["fold"].to_numpy(int),
        table["truth"].to_numpy(str),
        table[[f"p_{name}" for name in classes]].to_numpy(float),
    )
