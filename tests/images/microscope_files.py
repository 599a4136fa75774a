"""Small CZI, ND2 and LIF files, written by the letter of each format."""

import struct
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np


def write_czi(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X) uint16 with Zeiss' own library."""
    from pylibCZIrw.czi import create_czi

    with create_czi(str(path)) as czi:
        for i, plane in enumerate(pixels):
            czi.write(plane[..., None], plane={"C": i})
        size_m = um_per_px * 1e-6
        czi.write_metadata("made", channel_names=dict(enumerate(names)), scale_x=size_m, scale_y=size_m)
    return path


def write_lif(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X) uint16 as a Leica file of version 2: an XML header and one memory block."""
    (_, height, width), item = pixels.shape, pixels.itemsize
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" Max="1" '
        f'Unit="" LUTName={quoteattr(name)} IsLUTInverted="0" BytesInc="{i * height * width * item}" BitInc="0"/>'
        for i, name in enumerate(names)
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{n}" Origin="0" Length="{(n - 1) * um_per_px * 1e-6}" '
        f'Unit="m" BytesInc="{step}" BitInc="0"/>'
        for axis, n, step in ((1, width, item), (2, height, width * item))
    )
    header = (
        '<LMSDataContainerHeader Version="2"><Element Name="made" Visibility="1"><Data/><Children>'
        '<Element Name="field" Visibility="1"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        f'</ImageDescription></Image></Data><Memory Size="{pixels.nbytes}" MemoryBlockID="block"/><Children/>'
        "</Element></Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    block = "block".encode("utf-16-le")
    path.write_bytes(
        struct.pack("<IIBI", 0x70, len(header) + 5, 0x2A, len(header) // 2)
        + header
        + struct.pack("<IIBQBI", 0x70, len(block) + 14, 0x2A, pixels.nbytes, 0x2A, len(block) // 2)
        + block
        + pixels.astype("<u2").tobytes()
    )
    return path


def write_nd2(path: Path, pixels: np.ndarray, names: list[str], um_per_px: float) -> Path:
    """Write (C, Y, X) uint16 as a Nikon file of version 3: named chunks, then a map of where they are."""
    n_channels, height, width = pixels.shape
    attributes = {
        "uiWidth": width,
        "uiHeight": height,
        "uiWidthBytes": width * n_channels * 2,
        "uiComp": n_channels,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": 16,
        "uiSequenceCount": 1,
        "eCompression": 2,
    }
    dye = {"m_sName": "dye"}
    planes = {
        f"a{i}": {"sDescription": name, "uiCompCount": 1, "pFluorescentProbe": dye} for i, name in enumerate(names)
    }
    metadata = {
        "bCalibrated": True,
        "dCalibration": um_per_px,
        "sPicturePlanes": {"uiCount": n_channels, "sPlaneNew": planes},
    }
    # The time stamp of a frame comes before its pixels, which are interleaved.
    frame = struct.pack("<d", 0.0) + pixels.transpose(1, 2, 0).astype("<u2").tobytes()
    chunks = {
        "ImageAttributesLV!": _variant("SLxImageAttributes", attributes),
        "ImageMetadataSeqLV|0!": _variant("SLxPictureMetadata", metadata),
        "ImageDataSeq|0!": frame,
        "CustomData|AcqTimesCache!": struct.pack("<d", 0.0),
    }
    content = _chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32)
    places = b""
    for name, data in chunks.items():
        places += name.encode() + struct.pack("<QQ", len(content), len(data))
        content += _chunk(name.encode(), data, 4072)
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    path.write_bytes(content + _chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places + end, 32))
    return path


def _chunk(name: bytes, data: bytes, name_bytes: int) -> bytes:
    return struct.pack("<IIQ", 0x0ABECEDA, name_bytes, len(data)) + name.ljust(name_bytes, b"\0") + data


def _variant(name: str, values: dict[str, object]) -> bytes:
    return f'<variant version="1.0">{_node(name, values)}</variant>'.encode()


def _node(name: str, value: object) -> str:
    if isinstance(value, dict):
        inner = "".join(_node(key, item) for key, item in value.items())
        return f'<{name} runtype="CLxListVariant">{inner}</{name}>'
    kind = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}[type(value)]
    return f'<{name} runtype="{kind}" value={quoteattr(str(value).lower() if value is True else str(value))}/>'
