"""What an autoencoder has learned, as pictures: crops beside their reconstructions, and walks through latent space."""

from __future__ import annotations

import numpy as np

from cellapp.training.vae.train import TrainedVae

WALK = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # standard deviations of the cells from their mean


def reconstructions(vae: TrainedVae, crops: np.ndarray, conditions: np.ndarray | None = None) -> np.ndarray:
    """Put each crop above its reconstruction.

    Parameters
    ----------
    vae : TrainedVae
    crops : ndarray of shape (N, planes, S, S), uint8
    conditions : ndarray of shape (N,), int, optional
        Codes in the order of `vae.conditions`.

    Returns
    -------
    ndarray of shape (2 S, N S, 3), uint8
    """
    decoded = vae.decode(vae.encode(crops), conditions)
    return np.concatenate([_row(crops / 255.0), _row(decoded)], axis=0)


def latent_walks(vae: TrainedVae, crops: np.ndarray, most: int = 8) -> tuple[np.ndarray, list[int]]:
    """Decode steps along the latent numbers that vary most between cells, all others at their mean.

    Parameters
    ----------
    vae : TrainedVae
    crops : ndarray of shape (N, planes, S, S), uint8
    most : int
        At most so many latent numbers.

    Returns
    -------
    picture : ndarray of shape (M S, 7 S, 3), uint8
        A row per latent number, from -3 to 3 standard deviations of the cells.
    numbers : list of int
        Which ones, the one with the largest standard deviation first.
    """
    latent = vae.encode(crops)
    mean, deviation = latent.mean(axis=0), latent.std(axis=0)
    numbers = np.argsort(-deviation, kind="stable")[:most]
    rows = []
    for number in numbers:
        steps = np.repeat(mean[None], len(WALK), axis=0)
        steps[:, number] += np.array(WALK, np.float32) * deviation[number]
        rows.append(_row(vae.decode(steps)))
    return np.concatenate(rows, axis=0), numbers.tolist()


def _row(crops: np.ndarray) -> np.ndarray:
    """Put crops, (N, planes, S, S) from 0 to 1, side by side, (S, N S, 3) uint8; one plane is gray."""
    shown = np.repeat(crops[:, :1], 3, axis=1) if crops.shape[1] < 3 else crops[:, :3]
    levels = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return np.concatenate(list(levels.transpose(0, 2, 3, 1)), axis=1)
