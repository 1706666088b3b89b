"""Opening a workspace: what is made, what is refused, and that refusing leaves no trace."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import crmkit
from crmkit.errors import ConfigError, NotAWorkspaceError, NotFoundError


def test_a_new_workspace_has_a_pipeline_and_templates(tmp_path: Path) -> None:
    with crmkit.open(tmp_path / "crm.db", create=True, discover=False) as crm:
        assert [stage.key for stage in crm.stages.where().order_by("position")] == [
            "qualification",
            "needs_analysis",
            "proposal",
            "negotiation",
            "closed_won",
            "closed_lost",
        ]
        assert {(t.key, t.language) for t in crm.templates} == {("thank_you", "en"), ("thank_you", "fr")}


def test_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with crmkit.open(path, create=True, discover=False) as crm:
        crm.leads.add(first_name="Jules")
    with crmkit.open(f"sqlite:{path}", create=True, discover=False) as crm:
        assert [lead.first_name for lead in crm.leads] == ["Jules"]
        assert len(crm.log()) == 2


def test_a_workspace_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no workspace") as caught:
        crmkit.open(tmp_path / "crm.db", discover=False)

    assert "init" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "hint"), [("sqlight:crm.db", "did you mean sqlite:"), ("oracle:x", "known are memory, sqlite")]
)
def test_an_address_that_nobody_opens_is_refused(url: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        crmkit.open(url, discover=False)

    assert hint in caught.value.hint


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="no workspace is named"):
        crmkit.open(discover=False)


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but longer than the header of one" * 10)

    with pytest.raises(NotAWorkspaceError):
        crmkit.open(path, create=True, discover=False)

    assert path.read_text().startswith("not a database")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_configuration_names_the_workspace_beside_it(tmp_path: Path) -> None:
    (tmp_path / "crmkit.toml").write_text('url = "crm.db"\nlanguage = "fr"\n[mail]\nsender = "A <a@b.example>"\n')

    with crmkit.open(config=tmp_path / "crmkit.toml", create=True, discover=False) as crm:
        assert crm.workspace.settings.language == "fr"
        assert crm.workspace.settings.mail.sender == "A <a@b.example>"
    assert (tmp_path / "crm.db").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('langauge = "fr"', "unknown setting 'langauge', did you mean language?"),
        ("language = 3", "must be text"),
        ('[mail]\nmax_attempts = "five"', "must be a whole number"),
        ('[plugins]\norder = "acme"', "must be a list of texts"),
        ("language = ", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "crmkit.toml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        crmkit.open("memory:", config=path, discover=False)

    assert problem in str(caught.value)


def test_a_workspace_can_be_used_from_several_threads(tmp_path: Path) -> None:
    with crmkit.open(tmp_path / "crm.db", create=True, discover=False) as crm:
        threads = [threading.Thread(target=lambda: crm.leads.add(first_name="Jules")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert crm.leads.count() == 8


def test_opening_a_current_workspace_brings_in_neither_sqlite_utils_nor_cattrs(tmp_path: Path) -> None:
    crmkit.open(tmp_path / "crm.db", create=True, discover=False).close()
    program = (
        "import sys, crmkit\n"
        f"crm = crmkit.open({str(tmp_path / 'crm.db')!r})\n"
        "crm.leads.count()\n"
        "heavy = {'sqlite_utils', 'cattrs', 'click', 'rich', 'liquid', 'babel', 'phonenumbers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == "[]"


# Each of these takes milliseconds, and a program that opens a workspace may do without.
NOT_FOR_OPENING = """
    crmkit.core.codecs crmkit.core.conversion crmkit.core.declare crmkit.core.fields crmkit.core.lead
    crmkit.core.merging crmkit.core.message crmkit.core.planning crmkit.core.query crmkit.core.record_type
    crmkit.core.records
    crmkit.core.values crmkit.core.ports.notifiers crmkit.core.ports.plugins crmkit.core.ports.pulling
    crmkit.core.ports.sources crmkit.core.ports.storage crmkit.plugins.builtin.funnel
    crmkit.plugins.builtin.importers crmkit.plugins.builtin.lead_sources crmkit.plugins.builtin.notifiers
    crmkit.services.collections crmkit.services.config crmkit.services.operations
    crmkit.storage.sqlite.derived crmkit.storage.sqlite.schema crmkit.storage.sqlite.transaction
    decimal difflib importlib.metadata logging ssl
""".split()


def test_opening_a_current_workspace_loads_only_what_opening_needs(tmp_path: Path) -> None:
    crmkit.open(tmp_path / "crm.db", create=True, discover=False).close()
    program = (
        "import sys, crmkit\n"
        f"crmkit.open({str(tmp_path / 'crm.db')!r}, discover=False)\n"
        f"print([name for name in {NOT_FOR_OPENING} if name in sys.modules])"
    )

    seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert seen.stdout.strip() == "[]"
