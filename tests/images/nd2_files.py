"""ND2 files of version 3 with any loops, by the letter of the format: named chunks, then a map of where they are."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

_TIME, _POSITIONS, _DEPTH = 1, 2, 4


def write_frames(
    path: Path,
    pixels: np.ndarray,
    names: Sequence[str],
    um_per_px: float | None = None,
    *,
    positions: Sequence[str] = (),
    period_ms: float = 0.0,
    times_ms: Sequence[float] = (),
    left_out: Sequence[int] = (),
    bits: int | None = None,
    packed: Callable[[bytes], bytes] | None = None,
) -> Path:
    """Write (T, P, Z, C, Y, X) uint16, or (T, P, Z, Y, X, 3) red first as the one channel of a photograph.

    `times_ms` has one number per frame; frames of which the numbers are `left_out` are missing, as after a stop; `bits`
    of each sample carry values, all where left out; `packed` compresses the pixels of a frame.
    """
    is_photo = pixels.shape[-1] == 3
    n_times, n_positions, n_planes = pixels.shape[:3]
    frames = pixels[..., ::-1] if is_photo else np.moveaxis(pixels, 3, -1)
    frames = frames.reshape(-1, *frames.shape[3:]).astype(f"<u{pixels.itemsize}")
    chunks = {
        "ImageAttributesLV!": _variant("SLxImageAttributes", _attributes(frames, bits, packed is not None)),
        "ImageMetadataSeqLV|0!": _variant("SLxPictureMetadata", _metadata(names, um_per_px, 3 if is_photo else 1)),
    }
    if loops := _loops(n_times, n_positions, n_planes, positions, period_ms):
        chunks["ImageMetadataLV!"] = _variant("SLxExperiment", loops)
    for number, frame in enumerate(frames):
        if number not in left_out:  # the time stamp of a frame comes before its pixels, which are interleaved
            pixels = packed(frame.tobytes()) if packed else frame.tobytes()
            chunks[f"ImageDataSeq|{number}!"] = struct.pack("<d", 0.0) + pixels
    times = np.asarray(times_ms if len(times_ms) else np.zeros(len(frames)), "<f8")
    chunks["CustomData|AcqTimesCache!"] = times.tobytes()
    _write_chunks(path, chunks)
    return path


def _attributes(frames: np.ndarray, used: int | None, is_packed: bool) -> dict[str, object]:
    n_frames, height, width, n_components = frames.shape
    bits = 8 * frames.itemsize
    return {
        "uiWidth": width,
        "uiHeight": height,
        "uiWidthBytes": width * n_components * frames.itemsize,
        "uiComp": n_components,
        "uiBpcInMemory": bits,
        "uiBpcSignificant": used or bits,
        "uiSequenceCount": n_frames,
        "eCompression": 0 if is_packed else 2,
    }


def _metadata(names: Sequence[str], um_per_px: float | None, n_samples: int) -> dict[str, object]:
    planes = {
        f"a{i}": {"sDescription": name, "uiCompCount": n_samples, "pFluorescentProbe": {"m_sName": "dye"}}
        for i, name in enumerate(names)
    }
    return {
        "bCalibrated": um_per_px is not None,
        "dCalibration": um_per_px or 1.0,
        "sPicturePlanes": {"uiCount": len(names), "sPlaneNew": planes},
    }


def _loops(n_times: int, n_positions: int, n_planes: int, positions: Sequence[str], period_ms: float) -> dict:
    """Nest the loops: time outermost, depth innermost."""
    points = {f"i{i:010}": {"dPosX": 0.0, "dPosY": 0.0, "dPosName": name} for i, name in enumerate(positions)}
    time = {"uiCount": n_times, "dStart": 0.0, "dPeriod": period_ms, "dDuration": 0.0}
    nested: dict[str, object] = {}
    for kind, count, parameters in (
        (_DEPTH, n_planes, {"uiCount": n_planes, "dZStep": 1.0}),
        (_POSITIONS, n_positions, {"uiCount": n_positions, "Points": points}),
        (_TIME, n_times, time),
    ):
        if count > 1:
            inner = {"ppNextLevelEx": {"i0000000000": nested}} if nested else {}
            nested = {"eType": kind, "uLoopPars": parameters, **inner}
    return nested


def _write_chunks(path: Path, chunks: dict[str, bytes]) -> None:
    content = _chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32)
    places = b""
    for name, data in chunks.items():
        places += name.encode() + struct.pack("<QQ", len(content), len(data))
        content += _chunk(name.encode(), data, 4072)
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    path.write_bytes(content + _chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places + end, 32))


def _chunk(name: bytes, data: bytes, name_bytes: int) -> bytes:
    return struct.pack("<IIQ", 0x0ABECEDA, name_bytes, len(data)) + name.ljust(name_bytes, b"\0") + data


def _variant(name: str, values: dict[str, object]) -> bytes:
    return f'<variant version="1.0">{_node(name, values)}</variant>'.encode()


def _node(name: str, value: object) -> str:
    if isinstance(value, dict):
        inner = "".join(_node(key, item) for key, item in value.items())
        return f'<{name} runtype="CLxListVariant">{inner}</{name}>'
    kind = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}[type(value)]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'<{name} runtype="{kind}" value={quoteattr(text)}/>'
