"""Sources: where bytes come from, and what is said when there are none."""

from __future__ import annotations

import gc
import hashlib
import os
from io import BytesIO
from pathlib import Path

import pytest

from crmkit.core.ports.sources import Source
from crmkit.errors import NotFoundError, UnreadableError
from crmkit.services.sources import BytesSource, FileSource, stdin_source

TEXT = b"Email\njules@hospy.example\n"


def file_with(folder: Path, data: bytes, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_file_tells_its_name_size_and_digest(tmp_path: Path) -> None:
    source: Source = FileSource(file_with(tmp_path, TEXT))

    assert (source.name, source.size_bytes) == ("leads.csv", len(TEXT))
    assert source.sha256 == hashlib.sha256(TEXT).hexdigest()


def test_a_file_can_be_read_as_often_as_one_likes(tmp_path: Path) -> None:
    source = FileSource(file_with(tmp_path, TEXT))

    with source.open() as first, source.open() as second:
        assert first.read() == second.read() == TEXT
    assert source.head(5) == b"Email"


def test_bytes_are_a_source_like_a_file(tmp_path: Path) -> None:
    file: Source = FileSource(file_with(tmp_path, TEXT))
    data: Source = BytesSource("leads.csv", TEXT)

    assert (data.name, data.size_bytes, data.sha256) == (file.name, file.size_bytes, file.sha256)
    assert data.head(3) == file.head(3)
    assert data.open().read() == TEXT


def test_a_missing_file_suggests_its_neighbours(tmp_path: Path) -> None:
    file_with(tmp_path, TEXT, "prospects.csv")

    with pytest.raises(NotFoundError) as caught:
        FileSource(tmp_path / "prospect.csv")

    assert caught.value.suggestions == ("prospects.csv",)
    assert "prospects.csv" in caught.value.hint


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        FileSource(tmp_path / "nowhere" / "leads.csv")

    assert "nowhere" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is a folder"):
        FileSource(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is empty") as caught:
        FileSource(file_with(tmp_path, b""))

    assert caught.value.hint


def test_a_pipe_in_the_file_system_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnreadableError, match="not a regular file"):
        FileSource(tmp_path / "pipe")


def test_a_path_that_cannot_be_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        FileSource("leads\0.csv")


def test_a_file_without_the_right_to_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(file_with(tmp_path, TEXT))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read everything

    with pytest.raises(UnreadableError, match="permission denied") as caught:
        source.head()
    assert "right" in caught.value.hint


def test_a_file_that_goes_away_meanwhile_is_unreadable(tmp_path: Path) -> None:
    path = file_with(tmp_path, TEXT)
    source = FileSource(path)
    path.unlink()

    with pytest.raises(UnreadableError):
        _ = source.sha256


def test_standard_input_is_spooled_and_the_spool_goes_away() -> None:
    source = stdin_source(BytesIO(TEXT))

    assert source.name == "standard input"
    with source.open() as first, source.open() as second:
        assert first.read() == second.read() == TEXT
    spool = source.path
    assert spool.exists()
    del source
    gc.collect()
    assert not spool.exists()


def test_empty_standard_input_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(UnreadableError, match="standard input: is empty"):
        stdin_source(BytesIO(b""))

    assert list(tmp_path.iterdir()) == []
