"""Images, results and the database of CELLAPP_HOME are for its owner alone."""

import os
import stat
import subprocess
import sys

import pytest

from cellapp.config import app_settings
from cellapp.store import blobs
from cellapp.store.blobs import home_folder
from tests.pages.seeding import seed_image

OTHERS = stat.S_IRWXG | stat.S_IRWXO
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights in lists, not in bits")


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_closed_to_others(home):
    home_folder("images")
    assert rights(home) & OTHERS == 0
    assert rights(home) & stat.S_IRWXU == stat.S_IRWXU


@pytest.mark.parametrize("before", [0o755, 0o777, 0o750])
def test_an_open_home_is_closed_at_first_use(home, before):
    home.mkdir(mode=0o700)
    home.chmod(before)
    blobs._close_to_others.cache_clear()
    home_folder("runs")
    assert rights(home) & OTHERS == 0


def test_what_the_worker_writes_is_closed_too(tmp_path, home):
    seed_image(tmp_path)
    code = (
        "import sys; from cellapp.cli import main; from cellapp.jobs import supervisor; "
        "supervisor.supervise = lambda **_: open(sys.argv[1], 'w').close(); main(['worker', '--once'])"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(home / "made")], check=True, env={**os.environ, "CELLAPP_HOME": str(home)}
    )
    assert rights(home / "made") & OTHERS == 0
    assert app_settings().home == home
