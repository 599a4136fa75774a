"""Digests as sha256sum and git compute them, and the lock file that keeps them, safe for several writers."""

import hashlib
import shutil
import subprocess
import threading

import pytest

from cellapp.errors import ModelError
from cellapp.models.checksums import LockedModel, git_blob_sha1, lock_path, read_lock, sha256, write_lock


@pytest.mark.parametrize("content", [b"", b"hello\n", bytes(range(256)) * 9000])
def test_sha256_is_that_of_the_content(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("content", [b"", b"hello\n", bytes(range(256)) * 9000])
def test_a_blob_has_the_name_git_gives_it(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    done = subprocess.run(["git", "hash-object", "--no-filters", tmp_path / "file"], capture_output=True, text=True)
    assert git_blob_sha1(tmp_path / "file") == done.stdout.strip()


def test_nothing_downloaded_is_an_empty_lock(home):
    assert read_lock() == {}


def test_what_was_recorded_is_read_back(home):
    one = LockedModel("a" * 40, {"model.safetensors": "1" * 64, 'odd "name".json': "2" * 64})
    write_lock("facebook/dinov2-small", one)
    write_lock("cpsam", LockedModel("b" * 40, {"cpsam": "3" * 64}))
    assert read_lock() == {"cpsam": LockedModel("b" * 40, {"cpsam": "3" * 64}), "facebook/dinov2-small": one}
    write_lock("cpsam", LockedModel("c" * 40))
    assert read_lock()["cpsam"].revision == "c" * 40


def test_writers_at_once_lose_nothing(home):
    threads = [threading.Thread(target=write_lock, args=(f"model {i}", LockedModel(str(i)))) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {name: model.revision for name, model in read_lock().items()} == {f"model {i}": str(i) for i in range(8)}


@pytest.mark.parametrize("content", ["[", "[x]\nfiles = 3", 'x = "y"'])
def test_a_damaged_file_is_said_to_be_damaged(home, content):
    lock_path().parent.mkdir(parents=True)
    lock_path().write_text(content)
    with pytest.raises(ModelError, match="damaged"):
        read_lock()
