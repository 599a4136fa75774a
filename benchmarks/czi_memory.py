"""A whole slide in CZI against the same slide in OME-TIFF: peak memory of looking at all of it and of a run.

python -m benchmarks.czi_memory [--size 22656x5594]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.child import Spent, run

N_CHANNELS = 4
MOSAIC_PX = 2048  # side of a tile, as a slide scanner writes it


def main() -> None:
    """Compare, or do one step in this process; steps load what the process that compares must not have in memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="22656x5594", help="width x height in pixels")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--look-at", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    width, height = (int(side) for side in chosen.size.split("x"))
    if chosen.write:
        write(chosen.write, (height, width))
    elif chosen.look_at:
        print(json.dumps({"sum": look_at(chosen.look_at)}))
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), chosen.size)


def compare(folder: Path, size: str) -> None:
    """Look at both files and run both, each in a process of its own."""
    run("benchmarks.czi_memory", ["--write", folder, "--size", size])
    paths = {"tiff": folder / "wide.ome.tif", "czi": folder / "wide.czi"}
    options = ["--segmenter", "classical", "--head", "none", "--json"]
    looked = {kind: run("benchmarks.czi_memory", ["--look-at", path]) for kind, path in paths.items()}
    ran = {kind: run("cellapp", ["analyse", path, "--out", folder / kind, *options]) for kind, path in paths.items()}
    cells = {kind: next((folder / kind).glob("*/cells.csv")).read_bytes() for kind in paths}
    from benchmarks.compare import report  # loads torch, whose memory the system would count as that of every child

    report(
        "A whole slide in CZI opens, pans and runs within the memory of the same slide in OME-TIFF",
        "ratios of at most 1, equal pixels and cells",
        slide=f"{size} x {N_CHANNELS} uint8, CZI of {MOSAIC_PX} px tiles, zstd; no smaller levels in either",
        look_ratio=round(looked["czi"].peak_mb / looked["tiff"].peak_mb, 3),
        run_ratio=round(ran["czi"].peak_mb / ran["tiff"].peak_mb, 3),
        **{f"look_{kind}": _figures(spent) for kind, spent in looked.items()},
        **{f"run_{kind}": _figures(spent) for kind, spent in ran.items()},
        same_pixels=looked["czi"].said == looked["tiff"].said,
        same_cells=cells["czi"] == cells["tiff"],
    )


def _figures(spent: Spent) -> dict[str, float]:
    return {"peak_mb": spent.peak_mb, "wall_s": round(spent.wall_s, 1), "cpu_s": round(spent.cpu_s, 1)}


def write(folder: Path, shape: tuple[int, int]) -> None:
    """Write the slide in both formats."""
    from benchmarks.wide_slide import write_image

    copy_as_czi(write_image(folder / "wide.ome.tif", shape, N_CHANNELS), folder / "wide.czi")


def copy_as_czi(source: Path, path: Path) -> Path:
    """Write the pixels of an image file as a CZI mosaic, tile by tile."""
    from pylibCZIrw.czi import create_czi

    from cellapp.images.read import open_slide
    from cellapp.types.image import Region

    slide = open_slide(source)
    _, height, width = slide.info.shape
    um = (slide.info.um_per_px or 0.0) * 1e-6
    with create_czi(str(path), compression_options="zstd1:ExplicitLevel=1") as czi:
        for y in range(0, height, MOSAIC_PX):
            for x in range(0, width, MOSAIC_PX):
                tile = slide.region(Region(y, x, MOSAIC_PX, MOSAIC_PX))
                for number, plane in enumerate(tile):
                    czi.write(plane[..., None].copy(), location=(x, y), plane={"C": number})
        czi.write_metadata("wide", channel_names=dict(enumerate(slide.info.channels)), scale_x=um, scale_y=um)
    return path


def look_at(path: Path) -> int:
    """Read every tile of every level of the viewer; return the sum of all pixels."""
    from cellapp.images.read import open_slide
    from cellapp.viewer.multiscale_reader import TILE_PX, MultiscaleReader, n_levels, tile_region

    reader = MultiscaleReader(open_slide(path, digest="looked at"))
    total = 0
    for level in range(n_levels(reader.shape)):
        side = TILE_PX * 2**level
        for row in range(-(-reader.shape[0] // side)):
            for column in range(-(-reader.shape[1] // side)):
                total += int(reader.read(tile_region(reader.shape, level, row, column), level).sum(dtype="uint64"))
    return total


if __name__ == "__main__":
    main()
