"""timm's folder format, ``config.json`` and ``model.safetensors``: the only file that imports timm."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cellapp.compute import torchvision_shim
from cellapp.encoders.hf_folder import CONFIG, WEIGHTS, read_json
from cellapp.errors import ModelError

_CLASSIFIERS = ("head", "head_drop", "fc", "classifier", "pre_logits", "global_pool")
"""Parts of timm's networks behind the last map of features; no vector of a cell is taken there."""
_LISTS = ("blocks", "stages", "features")
"""Parts that hold the blocks of a network in their order."""


def write_untrained(folder: Path, architecture: str, *, side_px: int, seed: int) -> Path:
    """Write an encoder with random weights in timm's format.

    Parameters
    ----------
    folder : Path
    architecture : str
        By timm's name, with or without that of its weights: "densenet121.ra_in1k".
    side_px : int
        Side of the square it is to read.
    seed : int
        Decides the weights.

    Returns
    -------
    Path
        `folder`.
    """
    timm = _timm()
    known = timm.models.get_pretrained_cfg(architecture)
    standard = {"mean": list(known.mean), "std": list(known.std)} if known else {"mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"architecture": architecture.partition(".")[0], "pretrained_cfg": standard}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        write_timm(make_network(config, side_px), config, folder, side_px=side_px)
    return folder


def _timm() -> Any:
    torchvision_shim.install()
    try:
        import timm
    except ImportError as error:
        raise ModelError(f"this encoder needs the package timm ({error}); run: pip install timm") from error
    return timm


def read_timm_config(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the content of ``config.json`` and what it says of the pictures that the network was trained on."""
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"no encoder in {folder}: {WEIGHTS} is missing; fetch or copy it again")
    config = read_json(folder / CONFIG)
    trained = config.get("pretrained_cfg", config)
    sizes = (("mean", 3), ("std", 3), ("input_size", 3))
    if not all(isinstance(trained.get(name), list) and len(trained[name]) == n for name, n in sizes):
        raise ModelError(f"{folder / CONFIG} must give mean, std and input_size as three numbers each")
    return config, trained


def make_network(config: dict[str, Any], side_px: int) -> nn.Module:
    """Make an untrained network without its classifier."""
    timm, architecture = _timm(), config.get("architecture")
    if not isinstance(architecture, str) or not timm.is_model(architecture):
        raise ModelError(f"timm has no network {architecture!r}; install a later timm, or take another encoder")
    known = timm.models.get_pretrained_cfg(architecture)
    options = {"img_size": side_px} if known and known.fixed_input_size else {}
    shape = _shape_of(config.get("model_args", {}))
    network = timm.create_model(architecture, **{**shape, **options, "num_classes": 0, "global_pool": ""})
    for name in _CLASSIFIERS:
        if hasattr(network, name):
            setattr(network, name, nn.Identity())
    return network


def _shape_of(arguments: Any) -> dict[str, Any]:
    """Return arguments of an architecture; those of timm itself name files and addresses that it would read."""
    own = inspect.signature(_timm().create_model).parameters
    wrong = arguments
    if isinstance(arguments, dict):
        wrong = [name for name in arguments if name in own or name.startswith("pretrained")]
    if wrong:
        raise ModelError(f"model_args of {CONFIG} give the shape of a network by name; got {wrong!r}: leave that out")
    return dict(arguments or {})


def load_weights(network: nn.Module, folder: Path) -> None:
    """Read the weights of a network without its classifier.

    Raises
    ------
    ModelError
        When they are of another network or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(folder / WEIGHTS)
        kept = {name: value for name, value in tensors.items() if name.partition(".")[0] not in _CLASSIFIERS}
        _resize_positions(network, kept)
        absent, foreign = network.load_state_dict(kept, strict=False)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"the encoder in {folder} cannot be loaded ({error}); fetch or copy it again") from error
    absent = [name for name in absent if not name.endswith("num_batches_tracked")]
    if absent or foreign:
        raise ModelError(
            f"{folder / WEIGHTS} is not of the network in {CONFIG}: it lacks {len(absent)} tensors and has "
            f"{len(foreign)} others, first {[*absent, *foreign][0]}"
        )


def _resize_positions(network: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Interpolate position embeddings where the network reads another side than it was trained on."""
    positions, own = tensors.get("pos_embed"), getattr(network, "pos_embed", None)
    if positions is not None and own is not None and positions.shape != own.shape:
        from timm.layers import resample_abs_pos_embed

        n_prefix = getattr(network, "num_prefix_tokens", 0)
        tensors["pos_embed"] = resample_abs_pos_embed(positions, network.patch_embed.grid_size, None, n_prefix)


def parts_of(network: nn.Module) -> list[nn.Module]:
    """Return the parts of a network in their order, those of lists of blocks each by itself."""
    parts: list[nn.Module] = []
    for name, part in network.named_children():
        parts += list(part.children()) if name in _LISTS else [part]
    return parts


def write_timm(network: nn.Module, config: dict[str, Any], folder: Path, *, side_px: int) -> None:
    """Write a network in timm's format, matrices as float16, for squares of `side_px`."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (value.half() if value.ndim > 1 and value.is_floating_point() else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS)
    trained = {**config.get("pretrained_cfg", config), "input_size": [3, side_px, side_px]}
    content = {name: config[name] for name in ("architecture", "model_args") if name in config}
    text = json.dumps(content | {"pretrained_cfg": trained}, indent=1)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")
