"""The conversion rule that is a package: fifteen lines, and tests that pass as they stand."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.examples.test_examples import EXAMPLES, run

HOUSE = EXAMPLES / "media_house"


def test_a_conversion_rule_is_a_plugin_in_fifteen_lines() -> None:
    source = (HOUSE / "src/media_house.py").read_text(encoding="utf-8")
    rule = ast.parse(source).body[-1]

    lines = [line for line in source.splitlines() if line.strip() and not line.startswith('"""')]

    assert isinstance(rule, ast.FunctionDef)
    assert len(lines) <= 15


def test_its_own_tests_pass_without_an_installation(tmp_path: Path) -> None:
    told = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", HOUSE, HOUSE, cwd=tmp_path)

    assert "2 passed" in told
