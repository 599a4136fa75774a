"""When fine-tuning stops, and which of its epochs is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

StopBy = Literal["loss", "f1", "both", "either", "never"]


class Score(NamedTuple):
    """Result of an epoch on the validation cells."""

    loss: float  # lower is better
    f1: float  # weighted F1, higher is better


class Verdict(NamedTuple):
    """Judgement of the epochs so far."""

    best: int  # the epoch that is kept, from 0
    stop: bool


def judge(scores: Sequence[Score], by: StopBy, patience: int) -> Verdict:
    """Find the best epoch, and whether `patience` epochs after it brought nothing better.

    Parameters
    ----------
    scores : sequence of Score
        Of every epoch so far, at least one.
    by : {"loss", "f1", "both", "either", "never"}
        What makes an epoch better: a lower loss than any before; a higher F1 than any before, or the same F1 at a lower
        loss; both, compared with the best epoch, where F1 may stay as it is; a record of either. Never: the last
        epoch is the best.
    patience : int
        Epochs to wait, at least 1.
    """
    best, lowest, highest = 0, scores[0].loss, scores[0].f1
    for epoch, score in enumerate(scores[1:], 1):
        kept = scores[best]
        better = {
            "loss": score.loss < lowest,
            "f1": (score.f1, -score.loss) > (kept.f1, -kept.loss),
            "both": score.loss < kept.loss and score.f1 >= kept.f1,
            "either": score.loss < lowest or score.f1 > highest,
            "never": True,
        }[by]
        lowest, highest = min(lowest, score.loss), max(highest, score.f1)
        best = epoch if better else best
    return Verdict(best, len(scores) - 1 - best >= patience)
