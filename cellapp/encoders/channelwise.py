"""Each channel encoded by itself: vectors of all channels joined, in place of channels joined into three planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellapp.errors import InputError
from cellapp.settings import FeatureSettings
from cellapp.types.cells import Embeddings
from cellapp.types.protocols import Encoder


class Channelwise:
    """An encoder that reads one channel at a time, in all three of its planes, and joins class and patch tokens.

    Vectors have C times the width of the encoder's, and a linear head on them explains itself as exactly as on these:
    what a patch adds is the sum over its channels.

    Parameters
    ----------
    encoder : Encoder
        Of three planes; shared, not copied.
    reads : FeatureSettings
        With ``channels_as`` "each".
    """

    def __init__(self, encoder: Encoder, reads: FeatureSettings) -> None:
        self.encoder, self.reads = encoder, reads
        self.name, self.revision, self.input_px = encoder.name, encoder.revision, encoder.input_px
        self.grid, self.dim = encoder.grid, encoder.dim
        self.device, self.dtype = encoder.device, encoder.dtype

    @property
    def identity(self) -> str:
        """Name and revision of the encoder."""
        return self.encoder.identity

    def reading(self, features: FeatureSettings) -> Encoder:
        """Return an encoder with the same network that computes the features of a head with these settings."""
        return self.encoder.reading(features)

    def embed(self, crops: np.ndarray, cell_ids: np.ndarray, *, patches: bool = False) -> Embeddings:
        """Encode crops.

        Parameters
        ----------
        crops : ndarray of shape (N, C, S, S), float32
            0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input` with "each".
        cell_ids : ndarray of shape (N,)
        patches : bool
            Also return every patch token.

        Returns
        -------
        Embeddings
            Of width C D, the channels in the order of the planes.

        Raises
        ------
        InputError
            When there is no channel, or the crops do not have the side this encoder reads.
        """
        if crops.ndim != 4 or crops.shape[1] == 0:
            raise InputError(f"{self.name} reads crops of shape (cells, channels, side, side); got {crops.shape}")
        parts = [
            self.encoder.embed(np.repeat(crops[:, k : k + 1], 3, axis=1), cell_ids, patches=patches)
            for k in range(crops.shape[1])
        ]
        names = ("cls", "mean_patch", *(("patches",) if patches else ()))
        joined = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in names}
        return replace(parts[0], **joined)
