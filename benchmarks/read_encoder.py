"""Read an encoder folder and run it once, by the program's own network or by transformers; see `benchmarks.quick`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch


def main(folder: Path, how: str) -> None:
    """Print nothing; the process is what is measured."""
    pixels = torch.zeros(8, 3, 64, 64)
    if how == "ours":
        from cellapp.encoders.dinov2_network import Dinov2Network
        from cellapp.encoders.hf_folder import read_config

        network, _ = Dinov2Network.read(folder, read_config(folder))
    else:
        from cellapp.compute import torchvision_shim

        torchvision_shim.install()
        from transformers import AutoModel

        network = AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        network.eval()(pixels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
