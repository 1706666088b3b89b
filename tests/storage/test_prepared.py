"""What is noted of a file that fits, so that opening it again need not look at every record type."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import crmkit
from crmkit.core.builtin import builtin_schema
from crmkit.core.schema import LateType
from crmkit.storage.sqlite import SqliteStorage, prepared


@crmkit.custom_fields("lead")
class Badge:
    booth: str | None = None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A new workspace."""
    file = tmp_path / "crm.db"
    _open(file, create=True)
    return file


def _open(path: Path, *, create: bool = False, fields: tuple[type, ...] = ()) -> None:
    crmkit.open(path, create=create, discover=False, fields=fields).close()


def _looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows when a file is looked at as a whole."""
    looks: list[str] = []
    fits = prepared.fits

    def looking(*given: object) -> bool:
        looks.append("looked")
        return fits(*given)  # type: ignore[arg-type]  # handed on as they come

    monkeypatch.setattr(prepared, "fits", looking)
    return looks


def test_the_digest_is_that_of_the_own_record_types() -> None:
    """Fails when a declaration, an index or a view is changed: write the new digest into `OWN_LAYOUT`."""
    layout = prepared.layout_of(builtin_schema())

    assert hashlib.sha256(layout.encode()).hexdigest()[:16] == prepared.OWN_LAYOUT


def test_a_file_that_was_found_to_fit_is_not_looked_at_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = _looks(monkeypatch)

    _open(path)

    assert looks == []


def test_a_file_that_was_altered_is_looked_at_and_noted_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE VIEW my_own AS SELECT 1")
    looks = _looks(monkeypatch)

    _open(path)
    _open(path)

    assert looks == ["looked"]


def test_two_programs_with_other_fields_take_turns_without_looking(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _open(path, fields=(Badge,))
    _open(path)
    looks = _looks(monkeypatch)

    _open(path, fields=(Badge,))
    _open(path)

    assert looks == []


def test_a_newer_layout_is_looked_for_in_a_file_of_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "OWN_LAYOUT", "another")
    looks = _looks(monkeypatch)

    _open(path)

    assert looks == ["looked"]


def test_what_is_noted_names_the_layout_and_not_every_field(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        [(declared,)] = plain.execute("SELECT declared FROM crmkit_prepared").fetchall()

    assert json.loads(declared) == [prepared.OWN_LAYOUT, list(builtin_schema().types), ""]


def test_a_note_that_cannot_be_written_now_is_left_for_later(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("DROP TABLE crmkit_prepared")
    other = SqliteStorage(path)
    other.prepare(builtin_schema(), create=False)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("DROP TABLE crmkit_prepared")

    with other.write():
        _open(path)  # neither waits nor fails
    other.close()

    with closing(sqlite3.connect(path)) as plain:
        assert not plain.execute("SELECT 1 FROM sqlite_master WHERE name = 'crmkit_prepared'").fetchall()


def test_fields_of_an_absent_plugin_travel_along_in_a_late_type(path: Path) -> None:
    _open(path, fields=(Badge,))
    _open(path)

    storage = SqliteStorage(path)
    schema = storage.prepare(builtin_schema(), create=False)
    storage.close()

    assert isinstance(schema.given["lead"], LateType)
    assert [field.name for field in schema["lead"].fields if field.carried] == ["badge.booth"]
