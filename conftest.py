"""Runs the snippets of the documentation; see CONTRIBUTING.md for what they may contain."""

from __future__ import annotations

import os
import tempfile
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests.docs_console import run_console_block


def _enter_a_folder_of_its_own(namespace: dict[str, Any]) -> None:
    namespace["_home"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory(prefix="crmkit-docs-")
    os.chdir(namespace["_folder"].name)


def _leave_it(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_home"])
    namespace["_folder"].cleanup()


def _documents(folder: str, pattern: str) -> Sybil:
    return Sybil(
        parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS), CodeBlockParser("console", run_console_block)],
        path=folder,
        pattern=pattern,
        excludes=["*/README.md"] if folder == "." else [],
        setup=_enter_a_folder_of_its_own,
        teardown=_leave_it,
    )


pytest_collect_file = (_documents(".", "README.md") + _documents("docs", "*.md")).pytest()
