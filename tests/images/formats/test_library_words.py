"""What tifffile logs and zarr warns of is for programmers: users read notes and sentences."""

import json
import subprocess
import sys

import numpy as np
import tifffile
import zarr

from tests.paths import ROOT


def test_what_libraries_say_of_a_file_stays_off_stderr(tmp_path):
    """pytest takes over logging and warnings, so that only a process of its own shows what would be printed."""
    text = '<Channel ID="Channel:0:{0}" Name="c{0}" SamplesPerPixel="1"/>'
    ome = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYCZT" Type="uint8" SizeX="40" SizeY="30" SizeC="2" SizeZ="1" SizeT="1">'
        f"{text.format(0)}{text.format(1)}<TiffData/></Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "stopped.ome.tif", np.ones((30, 40), np.uint8), description=ome, metadata=None)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(30, 40), dtype="uint8", chunks=(30, 40))[...] = 1
    group.attrs["multiscales"] = [{"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}]
    header = tmp_path / "a.zarr" / "0" / ".zarray"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"filters": []}))
    script = "import sys; from cellapp.images.read import open_slide; [open_slide(p).region() for p in sys.argv[1:]]"
    files = [str(tmp_path / name) for name in ("stopped.ome.tif", "a.zarr")]
    done = subprocess.run([sys.executable, "-c", script, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
