"""Every example does what it says, as a stranger would run it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BADGES = "BadgeID;First;Last;Company;Email;Interest\n7;Zoé;Lefèvre;Phare;zoe@phare.example;hot\n8;Bob;;;;exhibitor\n"


def run(*command: object, cwd: Path, path: str = "") -> str:
    """Run Python in a process of its own; it must succeed and complain about nothing."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT / "src"))))}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**environment, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error", "TMPDIR": str(cwd), "COLUMNS": "100"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("url", ["memory:", "show.db"])
def test_trade_show_tells_its_story(tmp_path: Path, url: str) -> None:
    told = run(EXAMPLES / "trade_show/story.py", url, cwd=tmp_path)

    assert "12 rows: 9 leads, 1 duplicate, 1 rejected" in told
    assert "line 9 is rejected: 'leo.marchand(at)oeuvres' is no e-mail address" in told
    assert "first run: 9 queued, 9 written" in told
    assert "second run: 0 queued, 0 written" in told
    assert "create account.name: Hospy Médias (company of the lead)" in told
    assert "Contacts of Hospy Médias: Camille Roy, Jules Etienne" in told
    assert "Converting Jules again: already" in told
    assert "the contact Camille Roy belongs to Hospy Médias" in told
    assert "Undoing Camille is fine: she is new again" in told
    assert "Too early: Negotiation needs an amount; Negotiation needs an expected close date" in told
    assert "Won: Studio equipment, 12000.00 EUR" in told
    assert "Captured          9   100%" in told
    assert len(list(tmp_path.glob("trade-show-*/mails/*.eml"))) == 9
    assert "<svg" in next(tmp_path.glob("trade-show-*/funnel.html")).read_text(encoding="utf-8")
    assert "leo.marchand" in next(tmp_path.glob("trade-show-*/rejects.csv")).read_text(encoding="utf-8-sig")
    assert (tmp_path / "show.db").exists() is (url == "show.db")


@pytest.mark.parametrize("url", ["memory:", "scratch:"])
def test_smallest_plugins_are_all_at_work(tmp_path: Path, url: str) -> None:
    told = run(EXAMPLES / "plugins/smallest.py", url, cwd=tmp_path)

    assert "The importer visitor-badges made 1 lead and ignored 1 row" in told
    assert "The lead source brought 1 lead" in told
    assert "TO ADA@ANALYTICAL.EXAMPLE: THANK YOU FOR YOUR VISIT!" in told
    assert "The rule gave Ada King the tags ('met-" in told
    assert "After the merge she is Programmer and Countess" in told
    assert "The guard says: big-deals-need-a-date: a deal of this size needs an expected close date" in told
    assert "The report says: 1 contact" in told
    assert "(convert: " in told
    assert len(list(tmp_path.glob("scratch-*/crm.db"))) == (url == "scratch:")


@pytest.mark.parametrize("url", ["memory:", "workshop.db"])
def test_bicycle_workshop_is_a_crm_of_its_own_in_sixty_lines(tmp_path: Path, url: str) -> None:
    program = EXAMPLES / "bicycle_workshop.py"

    told = run(program, url, cwd=tmp_path)

    assert told == "Tourers: ['Zoé']\nWaiting: ['New wheels']\nGitanes: ['Wheels of Zoé']\n"
    assert len(program.read_text(encoding="utf-8").splitlines()) <= 60
    if url != "memory:":
        with closing(sqlite3.connect(tmp_path / url)) as connection:
            [(hours,)] = connection.execute("SELECT job_hours FROM deal").fetchall()
            [(name,)] = connection.execute("SELECT name FROM repair_order").fetchall()
        assert (hours, name) == (2, "Wheels of Zoé")


def test_plugin_package_passes_its_own_tests(tmp_path: Path) -> None:
    folder = EXAMPLES / "acme_badges"

    told = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder, cwd=tmp_path)

    assert "2 passed" in told


def test_installed_plugin_package_is_found_and_used_by_the_command_line(tmp_path: Path) -> None:
    project = tomllib.loads((EXAMPLES / "acme_badges/pyproject.toml").read_text())["project"]
    installed = tmp_path / "site" / "acme_badges-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (installed / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "scans.csv").write_text(BADGES, encoding="cp1252")
    path = os.pathsep.join([str(installed.parent), str(EXAMPLES / "acme_badges/src")])

    def crmkit(*arguments: str) -> str:
        return run("-m", "crmkit", *arguments, cwd=tmp_path, path=path)

    crmkit("init")
    plugins, imported, hot = crmkit("plugins"), crmkit("import", "scans.csv"), crmkit("hot-badges")

    assert "acme-badges" in plugins
    assert "acme-badges" in imported
    assert hot == "Zoé Lefèvre, Phare\n"
