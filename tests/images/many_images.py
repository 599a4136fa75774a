"""Small files of many images, written by the letter of each format: scenes of (T, C, Z, Y, X) arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import tifffile
import zarr

_OME = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID={uuid}>{content}</OME>'
_AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    *({"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"),
]


def reduced(scene: np.ndarray, time: int, depth: str) -> np.ndarray:
    """What one time point of a (T, C, Z, Y, X) scene is under a rule for depth other than "sharpest": (C, Y, X)."""
    stack = scene[time]
    if depth == "mean":
        mean = stack.mean(axis=1, dtype=np.float64)
        return (mean if stack.dtype.kind == "f" else np.rint(mean)).astype(stack.dtype)
    return stack.max(axis=1) if depth == "max" else stack[:, int(depth) - 1]


def write_ome_tiff(path: Path, scenes: Mapping[str, np.ndarray], *, interval_s: float = 0.0) -> Path:
    """Write scenes by name as one OME-TIFF, 0.5 um a pixel."""
    times = {"TimeIncrement": interval_s, "TimeIncrementUnit": "s"} if interval_s else {}
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, scene in scenes.items():
            metadata = {"axes": "TCZYX", "Name": name, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, **times}
            tif.write(scene, metadata=metadata, photometric="minisblack")
    return path


def write_image_group(path: Path, scene: np.ndarray, *, version: str, interval_s: float = 1.0) -> Path:
    """Write a scene as a group with one multiscale image of two levels, 0.5 um a pixel."""
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    datasets = []
    for name, step in (("0", 1), ("1", 2)):
        level = scene[..., ::step, ::step]
        chunks = (1, 1, 1, *level.shape[-2:])
        group.create_array(name, shape=level.shape, dtype=level.dtype, chunks=chunks)[...] = level
        scale = [interval_s, 1.0, 1.0, 0.5 * step, 0.5 * step]
        datasets.append({"path": name, "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    set_metadata(group, {"multiscales": [{"axes": _AXES, "datasets": datasets}]}, version)
    return path


def set_metadata(group: zarr.Group, metadata: Mapping[str, object], version: str) -> None:
    """Store metadata where a version of OME-Zarr has them."""
    group.attrs.update({"ome": {"version": version, **metadata}} if version == "0.5" else dict(metadata))


def write_bioformats2raw(path: Path, scenes: Sequence[np.ndarray], *, version: str, series: Sequence[int] = ()) -> Path:
    """Write scenes in folders of their own, 0, 1 and so on; `series` is the order that OME states."""
    root = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    set_metadata(root, {"bioformats2raw.layout": 3}, version)
    for i, scene in enumerate(scenes):
        write_image_group(path / str(i), scene, version=version)
    if series:
        set_metadata(root.create_group("OME"), {"series": [str(i) for i in series]}, version)
    return path


def write_plate(path: Path, wells: Mapping[str, Sequence[np.ndarray]], *, version: str) -> Path:
    """Write a plate: fields by well, "A/1"."""
    root = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    set_metadata(root, {"plate": {"wells": [{"path": well} for well in wells]}}, version)
    for well, fields in wells.items():
        group = root.create_group(well)
        set_metadata(group, {"well": {"images": [{"path": str(i)} for i in range(len(fields))]}}, version)
        for i, field in enumerate(fields):
            write_image_group(path / well / str(i), field, version=version)
    return path


def ome_xml(scene: np.ndarray, places: Mapping[tuple[int, int, int], tuple[str, int]], *, uuid: str = "") -> str:
    """OME-XML of a scene whose plane at (T, C, Z) is a page of a file."""
    n_times, n_channels, n_planes, height, width = scene.shape
    channels = "".join(f'<Channel ID="Channel:0:{c}" Name="stain {c}" SamplesPerPixel="1"/>' for c in range(n_channels))
    blocks = "".join(
        f'<TiffData FirstT="{t}" FirstC="{c}" FirstZ="{z}" IFD="{page}" PlaneCount="1">'
        f"<UUID FileName={quoteattr(name)}>urn:uuid:{name}</UUID></TiffData>"
        for (t, c, z), (name, page) in places.items()
    )
    return _OME.format(
        uuid=quoteattr(f"urn:uuid:{uuid}"),
        content=f'<Image ID="Image:0" Name="one"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="{scene.dtype.name}" SizeX="{width}" SizeY="{height}" SizeZ="{n_planes}" SizeC="{n_channels}" '
        f'SizeT="{n_times}" PhysicalSizeX="0.5" PhysicalSizeY="0.5">{channels}{blocks}</Pixels></Image>',
    )


def write_set(folder: Path, scene: np.ndarray, n_files: int, *, companion: bool, **options: object) -> list[Path]:
    """Write the planes of a scene in turn into files of a folder, described in each of them or in a companion file."""
    folder.mkdir(exist_ok=True)
    names = [f"part {i}.ome.tif" for i in range(n_files)]
    pages: dict[str, list[np.ndarray]] = {name: [] for name in names}
    places = {}
    for i, place in enumerate(np.ndindex(scene.shape[:3])):
        name = names[i % n_files]
        places[place] = (name, len(pages[name]))
        pages[name].append(scene[place])
    options = {"photometric": "minisblack", "contiguous": False} | options
    away = _OME.format(uuid='""', content='<BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:all"/>')
    for name, planes in pages.items():
        with tifffile.TiffWriter(folder / name) as tif:
            for i, plane in enumerate(planes):
                text = (away if companion else ome_xml(scene, places, uuid=name)).encode() if i == 0 else None
                tif.write(plane, description=text, metadata=None, **options)
    if companion:
        (folder / "set.companion.ome").write_text(ome_xml(scene, places))
    return [folder / name for name in names] + ([folder / "set.companion.ome"] if companion else [])


def write_harmony(
    folder: Path, fields: Mapping[tuple[int, int, int], np.ndarray], *, per_channel: bool = False, **options: object
) -> Path:
    """Write a measurement of fields by (row, column, field), 0.5 um a pixel and 90 minutes between time points.

    With `per_channel` names and pixel size are stated once per channel, as newer versions of Harmony do.
    """
    folder.mkdir(exist_ok=True)
    images = []
    for (row, column, field), scene in fields.items():
        for t, c, z in np.ndindex(scene.shape[:3]):
            name = f"r{row:02}c{column:02}f{field:02}p{z + 1:02}-ch{c + 1}sk{t + 1}fk1fl1.tiff"
            tifffile.imwrite(folder / name, scene[t, c, z], metadata=None, **options)
            images.append(
                f"<Image><id>{len(images)}</id><State>Ok</State><URL>{name}</URL><Row>{row}</Row><Col>{column}</Col>"
                f"<FieldID>{field}</FieldID><PlaneID>{z + 1}</PlaneID><TimepointID>{t}</TimepointID>"
                f"<ChannelID>{c + 1}</ChannelID>{'' if per_channel else _channel(c, scene)}"
                f'<MeasurementTimeOffset Unit="s">{t * 5400 + z}</MeasurementTimeOffset></Image>'
            )
    some = next(iter(fields.values()))
    entries = "".join(f'<Entry ChannelID="{c + 1}">{_channel(c, some)}</Entry>' for c in range(some.shape[1]))
    (folder / "Index.idx.xml").write_text(
        '<?xml version="1.0"?><EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV6">'
        '<Wells><Well><Image id="0"/></Well></Wells>'
        f"<Maps><Map>{entries if per_channel else ''}</Map></Maps><Images>{''.join(images)}</Images>"
        "</EvaluationInputData>"
    )
    return folder


def _channel(c: int, scene: np.ndarray) -> str:
    return (
        f'<ChannelName>stain {c}</ChannelName><ImageResolutionX Unit="m">5E-07</ImageResolutionX>'
        f'<ImageResolutionY Unit="m">5E-07</ImageResolutionY><ImageSizeX>{scene.shape[4]}</ImageSizeX>'
        f"<ImageSizeY>{scene.shape[3]}</ImageSizeY>"
    )
