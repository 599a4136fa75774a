"""What a job and its classification cost beside their networks, by processor time and on the same tiles and crops.

python -m benchmarks.classify [--side 2500] [--maps 0] [--runs 3] [--threads 1]

The job is a run of one slide with the settings of the program, models loaded before: segmented, judged, measured,
classified and written, with crops.zip and without. Its networks alone are the passes of the segmenter over the tiles
and of the encoder over the crops that the job itself made, recorded and done again: by the packed weights that the job
uses, and by the encoder as it is loaded. Passes that find the size of cells or look at outlines a second time count as
the job's. Classification is that of cells that are found already by ViT-S/14 at 224 px: slide opened, chain fitted,
cells cut and scaled, encoded, called. Last, a further job of a process that keeps its models is compared with one that
loads them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import tifffile
import torch
from threadpoolctl import threadpool_limits

from benchmarks.compare import alternate, paired, report, spread
from benchmarks.embed import MATRIX, VIT_S14, operations, write_encoder
from benchmarks.hirescam import random_head
from cellapp.cells.measure import measure
from cellapp.classification.cell_columns import add_predictions
from cellapp.classification.head import LinearHead
from cellapp.classification.predict import predict
from cellapp.compute.devices import probe_dtype
from cellapp.encoders.dino import HubEncoder
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.models.kept import keeping_models
from cellapp.models.load import load_model
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.pipeline.segment_slide import SegmentTile
from cellapp.segmentation.label_image import relabel
from cellapp.settings import AnalyseSettings, CropMode, CropSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from cellapp.types.cells import LabelMask


def over_networks(*, side_px: int = 2500, runs: int = 3, n_maps: int = 0, tile_px: int = 2048) -> dict[str, object]:
    """Processor time of a job over that of its networks alone, with crops.zip and without."""
    settings = AnalyseSettings.model_validate({"explain": {"n": n_maps}, "segment": {"tile_px": tile_px}})
    models = load_run_models(settings)
    with tempfile.TemporaryDirectory() as scratch:
        slide = write_demo(Path(scratch) / "demo", SyntheticSettings(height=side_px, width=side_px)).slide
        jobs = [
            partial(_job, slide, settings.model_copy(update={"draw_crops": crops}), models, Path(scratch) / "out")
            for crops in (True, False)
        ]
        with _recorded(models) as passes:
            n_cells = jobs[0]()
        sides = (*jobs, passes.of_tiles, passes.of_crops, passes.of_crops_unpacked)
        rows = np.array(alternate(sides, runs=runs))[..., 1]
    whole, plain, tiles, crops, unpacked = rows.T
    return {
        **spread("ratio", (whole / (tiles + crops)).tolist()),
        **spread("ratio_without_crops", (plain / (tiles + crops)).tolist()),
        **spread("ratio_over_unpacked", (whole / (tiles + unpacked)).tolist()),
        **spread("ratio_over_unpacked_without_crops", (plain / (tiles + unpacked)).tolist()),
        "job_median_cpu_s": float(np.median(whole)),
        "without_crops_median_cpu_s": float(np.median(plain)),
        "segmenter_median_cpu_s": float(np.median(tiles)),
        "encoder_median_cpu_s": float(np.median(crops)),
        "unpacked_encoder_median_cpu_s": float(np.median(unpacked)),
        "n_cells": n_cells,
        "n_crops": sum(len(batch) for batch in passes.crops),
        "n_maps": n_maps,
        "side_px": side_px,
        "tile_px": tile_px,
        "runs": runs,
    }


def _job(slide: Path, settings: AnalyseSettings, models: RunModels | None, out: Path) -> int:
    (result,) = run_images([RunItem(slide.stem, partial(open_slide, slide))], settings, out, models=models).results
    if result.error:
        raise RuntimeError(result.error)
    return int(result.summary["n_cells"])


@dataclass
class _Passes:
    """What the networks of a run were given, and how to give it to them again."""

    network: torch.nn.Module
    encoder: HubEncoder
    encode: Callable[[np.ndarray], np.ndarray]
    squares: list[torch.Tensor] = field(default_factory=list)
    crops: list[np.ndarray] = field(default_factory=list)

    def of_tiles(self) -> None:
        """Do the segmenter's passes."""
        with torch.inference_mode():
            for squares in self.squares:
                self.network(squares)

    def of_crops(self) -> None:
        """Do the encoder's passes."""
        for crops in self.crops:
            self.encode(crops)

    def of_crops_unpacked(self) -> None:
        """Do the encoder's passes by the network as it was loaded."""
        with patch.object(self.encoder, "_packing", None):
            self.of_crops()


@contextmanager
def _recorded(models: RunModels) -> Iterator[_Passes]:
    """Keep the tiles that the segmenter's network is given while the block runs, and the crops of the encoder's."""
    passes, segment_tile = (
        _Passes(models.segmenter._network, models.encoder, models.encoder._infer),
        SegmentTile.__call__,
    )

    def encode(crops: np.ndarray) -> np.ndarray:
        passes.crops.append(crops)
        return passes.encode(crops)

    def segment(*part: object) -> None:
        hook = passes.network.register_forward_pre_hook(lambda _, given: passes.squares.append(given[0]))
        segment_tile(*part)
        hook.remove()

    with patch.object(models.encoder, "_infer", encode), patch.object(SegmentTile, "__call__", segment):
        yield passes


def share_of_matrix_product(
    config: dict, *, side_px: int = 1024, runs: int = 3, matrix: int = MATRIX
) -> dict[str, object]:
    """Arithmetic per second of processor of a whole classification over that of the faster matrix product."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, settings = Path(scratch), SyntheticSettings(height=side_px, width=side_px)
        files = write_demo(folder / "demo", settings)
        stored = write_encoder(folder, config)
        encoder = HubEncoder(stored, name="benchmark", revision="1", dtype=probe_dtype("cpu"))
        models = RunModels(load_model("classical"), encoder, _head(encoder))
        mask = LabelMask(relabel(tifffile.imread(files.labels).astype(np.int32)), "truth")
        slide = open_slide(files.slide)
        cells = measure(slide, mask, channels=slide.info.channels)

        def classify() -> None:
            context = make_context(open_slide(files.slide), None, models, AnalyseSettings())
            with temporary_checkpoint() as checkpoint:
                found = embed_cells(
                    context, mask, cells, checkpoint, run_serially(context), on_step=no_progress, span=(0, 1)
                )
            add_predictions(cells, predict(models.head, found, context.settings.classify))

        single, half = torch.rand(matrix, matrix), torch.rand(matrix, matrix).bfloat16()
        rows = alternate((classify, lambda: single @ single, lambda: half @ half), runs=runs)
    whole, *products = np.array(rows)[..., 1].T
    work, product = len(cells) * operations(encoder) / 1e9, 2 * matrix**3 / 1e9
    return {
        **spread("cpu_share", (work / whole / (product / np.min(products, axis=0))).tolist()),
        "classify_median_cpu_s": float(np.median(whole)),
        "gflop": work,
        "n_cells": len(cells),
        "dtype": encoder.dtype,
        "side_px": side_px,
        "runs": runs,
    }


def _head(encoder: HubEncoder) -> LinearHead:
    """Return a head with random weights that reads crops as wide as the encoder's input."""
    reads = CropSettings(mode=CropMode.LETTERBOXED, size_px=encoder.input_px)
    return replace(random_head(encoder), crop=reads)


def second_job(*, side_px: int = 512, runs: int = 5) -> dict[str, object]:
    """Processor time of a further job of a process that keeps its models, against one that loads them anew."""
    settings = AnalyseSettings(draw_crops=False)
    with tempfile.TemporaryDirectory() as scratch:
        slide = write_demo(Path(scratch) / "demo", SyntheticSettings(height=side_px, width=side_px)).slide
        anew = partial(_job, slide, settings, None, Path(scratch) / "out")

        def kept() -> None:
            with keeping_models():
                anew()

        return paired(kept, anew, runs=runs) | _loading(settings, runs) | {"side_px": side_px}


def _loading(settings: AnalyseSettings, runs: int) -> dict[str, float]:
    def kept() -> None:
        with keeping_models():
            load_run_models(settings)

    pairs = np.array(alternate((kept, lambda: load_run_models(settings)), runs=runs))
    kept_s, anew_s = np.median(pairs[..., 1], axis=0).tolist()
    return {"kept_median_cpu_s": kept_s, "loaded_median_cpu_s": anew_s}


def main() -> None:
    """Measure the three claims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--side", type=int, default=2500, help="of the synthetic slide of the job, px, more than a tile"
    )
    parser.add_argument("--maps", type=int, default=0, help="cells of the job that are explained")
    parser.add_argument("--tile-px", type=int, default=2048, help="side of its tiles, smaller than the slide")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="processor cores to use")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    threadpool_limits(chosen.threads)  # NumPy's products too, as the engines' processes have it
    figures = over_networks(side_px=chosen.side, runs=chosen.runs, n_maps=chosen.maps, tile_px=chosen.tile_px)
    report("processor time of a job over that of its two networks alone", "<= 1.5", **figures)
    claim = "share of the rate of a matrix product that classification reaches, ViT-S/14 at 224 px"
    report(claim, ">= 0.8", **share_of_matrix_product(VIT_S14, runs=chosen.runs))
    report("a job that loads its models over one of a process that keeps them", "no target", **second_job())


if __name__ == "__main__":
    main()
