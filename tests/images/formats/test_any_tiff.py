"""Whatever way a TIFF is written, what was meant comes back, whole and by region."""

import numpy as np
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.read import open_slide
from cellapp.types.image import Region
from tests.images.slides import noise

KINDS = ["gray", "white is zero", "colour", "indexed", "display table", "gray + alpha", "colour + alpha"]
WAYS = {
    "strip": {},
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 32)},
}


def turned(meant: np.ndarray, orientation: int) -> np.ndarray:
    """Return (C, Y, X) as a camera that was held so stores it: what brings it upright, undone."""
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
    rows, columns = flips[orientation]
    flipped = meant[:, ::rows, ::columns]
    return flipped if orientation < 5 else flipped.swapaxes(1, 2)


def stored(kind: str, shape: tuple[int, int], dtype: str, orientation: int) -> tuple[np.ndarray, np.ndarray, dict]:
    """Return what is meant, (C, Y, X), what is stored, (S, Y, X), and how the file says so."""
    n_colours = 3 if kind.startswith("colour") else 1
    meant = noise(n_colours, *shape, dtype=dtype)
    numbers, options = turned(meant, orientation), {"photometric": "rgb" if n_colours == 3 else "minisblack"}
    if kind == "white is zero":
        top = {"u": np.iinfo(dtype).max if dtype[0] == "u" else 0, "i": -1, "f": 1}[np.dtype(dtype).kind]
        numbers, options = (
            (top - numbers.astype(float if dtype[0] == "f" else int)).astype(dtype),
            {"photometric": "miniswhite"},
        )
    elif kind == "indexed":
        table = noise(3, 256, seed=1)
        meant = (table >> 8).astype(np.uint8)[:, meant[0]]
        options = {"photometric": "palette", "colormap": table}
    elif kind == "display table":
        ramp = np.arange(256, dtype=np.uint16) * 257
        options = {"photometric": "palette", "colormap": np.stack([ramp, 0 * ramp, ramp // 2])}
    elif kind.endswith("alpha"):
        opaque = np.full((1, *numbers.shape[1:]), 1 if dtype[0] == "f" else np.iinfo(dtype).max, dtype)
        numbers, options["extrasamples"] = np.concatenate([numbers, opaque]), ["unassalpha"]
    return meant, numbers, options


@given(
    kind=st.sampled_from(KINDS),
    shape=st.tuples(st.integers(1, 60), st.integers(2, 60)),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32"]),
    orientation=st.integers(1, 8),
    way=st.sampled_from(sorted(WAYS)),
    planar=st.sampled_from(["contig", "separate"]),
    compression=st.sampled_from([None, "zlib", "lzw"]),
    order=st.sampled_from("<>"),
    part=st.tuples(*[st.floats(0, 1)] * 4),
)
@settings(max_examples=60, deadline=None)
def test_what_was_meant_comes_back(
    tmp_path_factory, kind, shape, dtype, orientation, way, planar, compression, order, part
):
    dtype = "uint8" if kind in ("indexed", "display table") else dtype
    meant, numbers, options = stored(kind, shape, dtype, orientation)
    if len(numbers) == 1:
        numbers = numbers[0]
    elif planar == "contig":
        numbers = numbers.transpose(1, 2, 0)
    if len(meant) > 1 or numbers.ndim == 3:
        options["planarconfig"] = planar
    path = tmp_path_factory.mktemp("any") / "a.tif"
    tag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(
        path, numbers, byteorder=order, compression=compression, extratags=tag, metadata=None, **WAYS[way], **options
    )
    slide = open_slide(path)
    assert (slide.info.shape, slide.info.dtype) == (meant.shape, meant.dtype.name)
    np.testing.assert_allclose(slide.region(), meant, rtol=0, atol=1e-6)
    y, x = int(part[0] * shape[0]), int(part[1] * shape[1])
    box = Region(y, x, int(part[2] * (shape[0] - y)), int(part[3] * (shape[1] - x)))
    np.testing.assert_array_equal(slide.region(box), slide.region()[:, *box.slices])
