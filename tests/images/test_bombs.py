"""Small files with a large cost are refused, or read, in little memory and time."""

import json
import subprocess
import sys

import pytest

from tests.images.bombs import BOMBS
from tests.paths import ROOT

pytestmark = pytest.mark.slow

MOST_MB = 450
"""Some 165 of it are libraries."""
MOST_S = 5.0
HARMLESS = {"png_of_more_rows", "tile_of_lzw", "zip_in_zips"}
"""Read as what they are: what is too much in them is never unpacked."""

READ = """
import json, sys, time
from pathlib import Path
from benchmarks.fuzz_child import outcome, peak_bytes
for name in sys.argv[2:]:
    kind, start = name.partition("_")[0], time.process_time()
    peak_bytes()
    found = outcome(Path(sys.argv[1]) / name, kind if kind in ("zip", "table") else "")
    print(json.dumps({**found, "name": name, "mb": peak_bytes() >> 20, "s": time.process_time() - start}), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What becomes of each, read one after the other in one process that ends when it takes too long."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, write in BOMBS.items():
        write(folder / name)
    command = [sys.executable, "-c", READ, str(folder), *BOMBS]
    read = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return {line["name"]: line for line in map(json.loads, read.stdout.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_costs_little(outcomes, name):
    found = outcomes[name]
    assert found["end"] == ("read" if name in HARMLESS else "refused"), found
    assert found["mb"] < MOST_MB, found
    assert found["s"] < MOST_S, found


def test_refusals_name_the_way_out(outcomes):
    for found in outcomes.values():
        said = found.get("said", "")
        assert "\n" not in said
        assert found["end"] == "read" or any(
            word in said for word in ("export", "raise it", "put fewer", "table at all")
        )
