"""A kind of lead source as a plugin: a function, or an object with a method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import crmkit
from crmkit import Batch, BytesSource, PassedOver
from crmkit.core.ports.pulling import CheckedLeadSourceKind, LeadSourceKind
from crmkit.errors import NotFoundError, PluginError
from crmkit.plugins.rules import lead_source


@lead_source("guest-book", settings={"path": "the file"})
def guest_book(cursor: str | None, settings: Mapping[str, str]) -> Iterator[Batch | PassedOver]:
    """A guest book, a line for each guest."""
    lines = Path(settings["path"]).read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if number > int(cursor or 0):
            data = f"Email\n{line}\n".encode()
            yield Batch(source=BytesSource(f"line {number}", data), cursor=str(number))


class Hello:
    """The smallest kind that is no function."""

    name = "hello"
    summary = "always the same"
    settings: Mapping[str, str] = {}

    def pull(self, _cursor: str | None, _settings: Mapping[str, str]) -> list[Batch]:
        return [Batch(source=BytesSource("hello", b"Email\nada@example.com\n"))]


def test_a_function_becomes_a_kind_of_lead_source() -> None:
    kind: LeadSourceKind = guest_book

    assert (kind.name, kind.summary) == ("guest-book", "A guest book, a line for each guest.")
    assert kind.settings == {"path": "the file"}
    assert not isinstance(kind, CheckedLeadSourceKind)


def test_what_it_yields_is_imported_before_more_is_asked_for(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("ada@example.com\nbob@example.com\n")
    with crmkit.open("memory:", plugins=[guest_book], discover=False) as crm:
        crm.add_source("Guests", "guest-book", {"path": book})
        first = crm.pull_source("Guests")
        book.write_text(book.read_text() + "cy@example.com\n")
        second = crm.pull_source("Guests")

        assert (first.created, second.created, second.cursor) == (2, 1, "3")
        assert crm.pull_source("Guests").batches == ()


@pytest.mark.parametrize("given", [Hello(), guest_book])
def test_an_object_needs_no_hook(given: LeadSourceKind) -> None:
    with crmkit.open("memory:", plugins=[given], discover=False) as crm:
        assert list(crm.workspace.extensions.lead_sources) == sorted(["folder", "http", given.name])
        assert f"lead source {given.name}" in crm.plugins.listing()[1].contributions


def test_a_list_will_do() -> None:
    with crmkit.open("memory:", plugins=[Hello()], discover=False) as crm:
        crm.add_source("Hello", "hello")

        assert [report.created for report in (crm.pull_source("Hello"), crm.pull_source("Hello"))] == [1, 0]


def test_a_kind_without_a_way_to_pull_is_told_what_it_lacks() -> None:
    class Plugin(crmkit.HookSpecs):
        @crmkit.hookimpl
        def crmkit_lead_sources(self) -> list[LeadSourceKind]:
            class Half:
                name = "half"
                summary = ""
                settings = "none"

                def pull(self, cursor: str) -> None: ...

            return [Half()]  # type: ignore[list-item]  # that is what is tried

    with pytest.raises(PluginError) as caught:
        crmkit.open("memory:", plugins=[Plugin()], discover=False)

    assert "Half 'half' has no settings that is a mapping" in str(caught.value)
    assert "pull of Half 'half' cannot be called as pull(cursor, settings)" in str(caught.value)


def test_two_kinds_of_one_name_are_an_error() -> None:
    class Folder(Hello):
        name = "folder"

    with pytest.raises(PluginError, match="the lead source folder is already provided by the plugin crmkit"):
        crmkit.open("memory:", plugins=[Folder()], discover=False)


def test_the_decorator_wants_a_name() -> None:
    with pytest.raises(PluginError, match='write @lead_source\\("name"\\)'):
        lead_source(guest_book)  # type: ignore[arg-type]  # that is what is tried


def test_what_a_function_raises_is_blamed_on_its_plugin(tmp_path: Path) -> None:
    with crmkit.open("memory:", plugins=[guest_book], discover=False) as crm:
        crm.add_source("Guests", "guest-book", {"path": tmp_path / "gone.txt"})

        error = crm.pull_source("Guests").error

        assert isinstance(error, PluginError)
        assert (error.plugin, error.hook) == ("guest-book", "crmkit_lead_sources")


def test_without_its_plugin_a_lead_source_is_kept_and_cannot_be_pulled(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, plugins=[Hello()], discover=False) as crm:
        crm.add_source("Hello", "hello")
    with crmkit.open(path, discover=False) as crm:
        assert isinstance(crm.pull_source("Hello").error, NotFoundError)
    with crmkit.open(path, plugins=[Hello()], discover=False) as crm:
        assert crm.pull_source("Hello").created == 1
