"""What editors and type checkers know about records, custom fields, and the values that may be given."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest
from mypy import api

from crmkit.core import inputs
from crmkit.core.builtin import builtin_schema

PROGRAM = """
import crmkit

@crmkit.custom_fields("lead")
class BadgeScan:
    booth: str | None = None

@crmkit.custom_record("booth")
class Booth(crmkit.Record):
    name: str

crm = crmkit.open("memory:", fields=[BadgeScan], record_types=[Booth])
lead = crm.leads.add(BadgeScan(booth="B12"), first_name="Ada", tags=["vip"], score="3")
reveal_type(lead[BadgeScan].booth)
reveal_type(crm[Booth].find("x").name)
reveal_type(crm[Booth].tag("booth_1", "corner"))
reveal_type(crm[crmkit.Lead].where().first())
crm.leads.update(lead, {"badge_scan.booth": "C1"}, title=None)
crm.leads.add(frist_name="Ada")
crm.leads.update(lead, score=[])
crm.contacts.add(company="x")
BadgeScan(boot="B12")
"""

KINDS = ("lead", "contact", "account", "deal", "campaign", "activity", "user")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = tmp_path_factory.mktemp("typing") / "program.py"
    program.write_text(PROGRAM)
    src = Path(__file__).parents[2] / "src"
    config = program.with_name("mypy.ini")
    config.write_text(f"[mypy]\nmypy_path = {src}\n")
    told, _, _ = api.run(["--strict", "--no-incremental", f"--config-file={config}", str(program)])
    return told.replace("builtins.", "")


@pytest.mark.parametrize(
    ("line", "revealed"),
    [(14, "str | None"), (15, "str"), (16, "list[program.Booth]"), (17, "crmkit.core.lead.Lead | None")],
)
def test_types_are_known(report: str, line: int, revealed: str) -> None:
    [told] = [text for text in report.splitlines() if f"program.py:{line}:" in text]

    assert told.endswith(
        (f'Revealed type is "{revealed}"', f'Revealed type is "{revealed.replace(" | None", "")} | None"')
    )


@pytest.mark.parametrize(("line", "name"), [(19, "frist_name"), (20, "score"), (21, "company"), (22, "boot")])
def test_misspelt_and_mistyped_values_are_errors(report: str, line: int, name: str) -> None:
    errors = [text for text in report.splitlines() if f"program.py:{line}: error" in text]

    assert any(name in text for text in errors), report


def test_nothing_else_is_an_error(report: str) -> None:
    lines = {int(text.split(":")[1]) for text in report.splitlines() if ": error:" in text}

    assert lines == {19, 20, 21, 22}, report


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_given_is_what_may_be_edited(kind: str) -> None:
    given = get_type_hints(getattr(inputs, f"{kind.capitalize()}Values"))

    assert set(given) == set(builtin_schema()[kind].editable_names)
