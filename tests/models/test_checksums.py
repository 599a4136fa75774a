"""Digests as sha256sum and git compute them."""

import hashlib
import shutil
import subprocess

import pytest

from cellapp.models.checksums import git_blob_sha1, sha256


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
