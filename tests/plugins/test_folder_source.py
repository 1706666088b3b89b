"""The kind of lead source ``folder``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmkit.core.ports.pulling import Batch, CheckedLeadSourceKind, PassedOver
from crmkit.errors import RejectedError, UnreadableError
from crmkit.plugins.builtin.lead_sources import FolderSource

NOW = 1_700_000_000.0


class StoppedClock:
    def now(self) -> datetime:
        return datetime.fromtimestamp(NOW, UTC)


@pytest.fixture
def kind() -> FolderSource:
    return FolderSource(clock=StoppedClock())


def drop(folder: Path, name: str, text: str = "Email\nada@example.com\n", *, age_s: float = 60) -> Path:
    file = folder / name
    file.write_text(text)
    os.utime(file, (NOW - age_s, NOW - age_s))
    return file


def pulled(kind: FolderSource, folder: Path, **more: str) -> Mapping[str, str]:
    """Return each name with what was said of it, in order; of what is handed over its text."""
    told: dict[str, str] = {}
    for each in kind.pull(None, {"path": str(folder), **more}):
        if isinstance(each, PassedOver):
            told[each.name] = each.reason
        else:
            assert each.source is not None
            told[each.source.name] = each.source.head().decode()
    return told


def stamp(kind: FolderSource, folder: Path) -> str:
    (batch,) = kind.pull(None, {"path": str(folder)})
    assert isinstance(batch, Batch)
    return batch.stamp


def test_files_come_in_the_order_in_which_they_were_changed(kind: FolderSource, tmp_path: Path) -> None:
    for name, age_s in (("b.csv", 30), ("a.csv", 20), ("d.csv", 40), ("c.csv", 30)):
        drop(tmp_path, name, name, age_s=age_s)

    assert pulled(kind, tmp_path) == {"d.csv": "d.csv", "b.csv": "b.csv", "c.csv": "c.csv", "a.csv": "a.csv"}
    assert list(pulled(kind, tmp_path)) == ["d.csv", "b.csv", "c.csv", "a.csv"]


def test_a_file_that_is_still_being_written_is_told(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "now.csv", age_s=1)
    drop(tmp_path, "download.csv.crdownload")
    drop(tmp_path, "UPLOAD.CSV.PART")
    drop(tmp_path, "empty.csv", "")

    assert pulled(kind, tmp_path) == {
        "UPLOAD.CSV.PART": "is still being written, to go by its name",
        "download.csv.crdownload": "is still being written, to go by its name",
        "empty.csv": "is empty",
        "now.csv": "was changed a moment ago; the next pull takes it",
    }


def test_how_long_a_file_must_have_been_left_alone_can_be_said(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "leads.csv", "x", age_s=60)

    assert pulled(kind, tmp_path, settle_s="90") == {"leads.csv": "was changed a moment ago; the next pull takes it"}
    assert pulled(kind, tmp_path, settle_s="0") == {"leads.csv": "x"}


def test_a_file_from_the_future_is_taken(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "leads.csv", "x", age_s=-3600)

    assert pulled(kind, tmp_path) == {"leads.csv": "x"}


def test_hidden_files_and_folders_are_no_news(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, ".leads.csv.swp")
    drop(tmp_path, "~$leads.xlsx")
    (tmp_path / "done").mkdir()
    drop(tmp_path / "done", "old.csv")

    assert pulled(kind, tmp_path) == {}


def test_only_files_of_the_pattern_are_taken(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "leads.csv", "x")
    drop(tmp_path, "photo.jpg")

    assert pulled(kind, tmp_path, pattern="*.csv") == {"leads.csv": "x"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_links_and_devices_are_not_read(kind: FolderSource, tmp_path: Path) -> None:
    (tmp_path / "passwords.csv").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.csv")

    assert pulled(kind, tmp_path) == {
        "passwords.csv": "is a link; only files are read",
        "pipe.csv": "is not a regular file",
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_can_still_be_told(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, os.fsdecode(b"Lefe\xe8vre.csv"), "x")

    assert pulled(kind, tmp_path) == {"Lefe\\xe8vre.csv": "x"}


def test_the_stamp_changes_with_the_file_and_only_then(kind: FolderSource, tmp_path: Path) -> None:
    file = drop(tmp_path, "leads.csv", "one", age_s=60)
    stamps = [stamp(kind, tmp_path), stamp(kind, tmp_path)]
    file.write_text("two")
    os.utime(file, (NOW - 50, NOW - 50))
    stamps.append(stamp(kind, tmp_path))

    assert stamps[0] == stamps[1] != stamps[2]


def test_a_file_that_goes_meanwhile_is_told(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "a.csv", age_s=60)
    gone = drop(tmp_path, "b.csv", age_s=30)

    batches = kind.pull(None, {"path": str(tmp_path)})
    next(batches)
    gone.unlink()

    assert list(batches) == [PassedOver(name="b.csv", reason="was changed or taken away meanwhile")]


def test_files_stay_where_they_are(kind: FolderSource, tmp_path: Path) -> None:
    drop(tmp_path, "leads.csv", "x")

    pulled(kind, tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["leads.csv"]


def test_a_folder_that_is_gone_cannot_be_read(kind: FolderSource, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file or directory"):
        pulled(kind, tmp_path / "gone")


def test_the_path_is_made_absolute_and_must_be_there(
    kind: FolderSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("drop").mkdir()

    assert kind.checked({"path": "drop"}) == {"path": str(tmp_path / "drop")}
    assert isinstance(kind, CheckedLeadSourceKind)
    with pytest.raises(RejectedError) as caught:
        kind.checked({"path": "nowhere", "settle_s": "soon"})
    assert caught.value.reasons == (
        f"there is no folder {tmp_path / 'nowhere'}",
        "settle_s must be a number of seconds, not 'soon'",
    )


def test_it_needs_a_path(kind: FolderSource) -> None:
    with pytest.raises(RejectedError, match="needs its path"):
        kind.checked({})
    with pytest.raises(RejectedError, match="needs its path"):
        list(kind.pull(None, {}))


def test_by_default_it_goes_by_the_clock_of_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("x")
    os.utime(file, (time.time() - 3600,) * 2)

    assert pulled(FolderSource(), tmp_path) == {"leads.csv": "x"}
