"""Whether more labelled groups would help: what the learning curve of a head says, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WORTH_MORE = 0.01
"""Rise of the score with the second half of the groups from which more of them are worth labelling."""
TELLS = 0.1
"""Width of the last interval beyond which a curve that does not rise says nothing."""
RISE_TELLS = 0.05
"""The same of the interval of the rise, where that was measured: it is narrower, for both scores are of one test."""


def would_more_help(points: Sequence[Mapping[str, Any]], groups: str) -> str:
    """Say whether more groups would help.

    Parameters
    ----------
    points : sequence of mapping
        ``learning_curve`` of the metrics of a head: ``n_groups``, ``balanced_accuracy``, ``low`` and ``high``, from few
        groups to all. The last one may have ``rise``: value, low and high of how much its score is above that of the
        point with half of the groups; curves of earlier versions have none.
    groups : str
        What groups are called, "slides".

    Returns
    -------
    str
        One sentence; empty where there are fewer than two points.
    """
    if len(points) < 2:
        return ""
    half, last = half_of(points), points[-1]
    seen = (
        f"trained on {half['n_groups']:.0f} it scored {half['balanced_accuracy']:.2f}, on {last['n_groups']:.0f} "
        f"{last['balanced_accuracy']:.2f} (balanced accuracy)"
    )
    if rises(points):
        return f"More {groups} would probably help: {seen}."
    if not _tells(last):
        return f"Whether more {groups} would help cannot be told from so few: {seen}, and chance may move it as much."
    return f"More {groups} like these would hardly help: {seen}; other ones, or another way of training, might."


def rises(points: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the score has risen with the second half of the groups, so that more of them are worth labelling."""
    if len(points) < 2:
        return False
    last, rise = points[-1], points[-1].get("rise")
    if last["balanced_accuracy"] - half_of(points)["balanced_accuracy"] < WORTH_MORE:
        return False
    return rise is None or (rise["low"] is not None and rise["low"] > 0)


def _tells(last: Mapping[str, Any]) -> bool:
    """Whether a curve that does not rise for sure is flat for sure."""
    rise = last.get("rise")
    if rise is not None:
        return rise["low"] is not None and rise["high"] - rise["low"] <= RISE_TELLS and rise["value"] < WORTH_MORE
    return last.get("low") is not None and last["high"] - last["low"] <= TELLS


def half_of(points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the point with about half of the groups of the last."""
    return min(points[:-1], key=lambda point: abs(point["n_groups"] - points[-1]["n_groups"] / 2))
