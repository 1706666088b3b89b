"""The documentation speaks of everything there is, by its right name."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path

import attrs
import pytest

import crmkit
from crmkit import errors
from crmkit.cli.commands import COMMANDS
from crmkit.core.expressions import KEYWORDS, Verb
from crmkit.core.periods import PERIOD_WORDS
from crmkit.plugins.hookspecs import HOOKS, HookSpecs
from crmkit.services.config import load_settings
from crmkit.services.settings import MailSettings, PluginSettings, Settings

ROOT = Path(__file__).parents[2]
PAGES = {
    path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
ALL = "\n".join(PAGES.values())


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_documented_with_its_signature(hook: str) -> None:
    signature = str(inspect.signature(getattr(HookSpecs, hook))).replace("'", "")

    assert f"## {hook}\n" in PAGES["hooks.md"]
    assert f"def {hook}{signature}:" in PAGES["hooks.md"]


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_when_it_runs_in_which_transaction_and_in_what_order(hook: str) -> None:
    section = PAGES["hooks.md"].partition(f"## {hook}\n")[2].partition("\n## ")[0]

    assert [word for word in ("Called", "transaction", "order", "```python") if word not in section] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_documented(name: str) -> None:
    assert re.search(rf"crmkit {name}\b", PAGES["cli.md"])


def test_no_command_is_documented_that_is_not_there() -> None:
    named = set(re.findall(r"`crmkit ([a-z]+)", PAGES["cli.md"]))

    assert named - set(COMMANDS) == set()


@pytest.mark.parametrize("name", crmkit.__all__)
def test_each_public_name_is_documented(name: str) -> None:
    assert re.search(rf"`(crmkit\.)?{name}`", ALL)


@pytest.mark.parametrize("verb", Verb)
def test_each_operator_of_queries_is_documented_as_text_and_in_python(verb: Verb) -> None:
    table = PAGES["queries.md"].partition("## What can be asked")[2].partition("\n\nBrackets")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    calls = {
        Verb.IN: "in_(",
        Verb.BETWEEN: "between(",
        Verb.EMPTY: "is_empty(",
        Verb.CONTAINS: "contains(",
        Verb.HAS: "has(",
    }
    python = calls.get(verb, "==" if verb is Verb.EQUALS else verb.value)

    assert any(verb.value in row[0] and python in row[1] for row in rows)


@pytest.mark.parametrize("word", sorted({*KEYWORDS, *PERIOD_WORDS}))
def test_each_word_of_queries_is_documented(word: str) -> None:
    assert re.search(rf"`[^`]*\b{word}\b[^`]*`", PAGES["queries.md"])


@pytest.mark.parametrize("name", errors.__all__)
def test_each_error_is_in_the_tree_with_its_exit_code(name: str) -> None:
    code = getattr(errors, name).exit_code

    assert re.search(rf"── {name} |^{name}$", PAGES["errors.md"], re.MULTILINE)
    assert re.search(rf"^\| {code} \|", PAGES["cli.md"], re.MULTILINE)


def test_the_settings_shown_are_all_there_are_and_they_are_right(tmp_path: Path) -> None:
    shown = PAGES["cli.md"].partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "crmkit.toml").write_text(shown, encoding="utf-8")
    names = {cls: {field.name for field in attrs.fields(cls)} for cls in (Settings, MailSettings, PluginSettings)}

    load_settings(tmp_path / "crmkit.toml", trusted=True)

    written = tomllib.loads(shown)
    assert set(written) == names[Settings]
    assert set(written["mail"]) == names[MailSettings]
    assert set(written["plugins"]) == names[PluginSettings]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = ROOT if page == "README.md" else ROOT / "docs"
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]) if "://" not in link]

    broken = [link for link in links if not _leads_somewhere(folder, page, link)]

    assert broken == []


def test_every_page_is_in_the_index() -> None:
    missing = [name for name in PAGES if f"({name})" not in PAGES["index.md"]]

    assert missing == ["README.md", "index.md"]


def _leads_somewhere(folder: Path, page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = folder / (path or page)
    if not target.exists():
        return False
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
    return not anchor or anchor in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings]
