"""The hooks: their names, what their documentation says, and that types are checked."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from mypy import api

from crmkit.errors import ConfigError
from crmkit.plugins.hookspecs import HOOKS, HookSpecs, StorageScheme
from crmkit.storage.memory import MemoryStorage

SNAPSHOT = Path(__file__).with_name("hooks.json")

RULES = """
from collections.abc import Iterable
from crmkit.core.changes import ChangeSet
from crmkit.core.ports.plugins import StageGuard
from crmkit.plugins.hookspecs import HookSpecs, hookimpl

class Rules(HookSpecs):
    @hookimpl
    def crmkit_stage_guards(self) -> Iterable[{guard}]:
        return []

    @hookimpl
    def crmkit_committed(self, changes: {changes}) -> None: ...
"""


def test_hooks_are_those_of_the_snapshot() -> None:
    """A hook that changes breaks plugins: change the snapshot knowingly, and say so in the changelog."""
    assert {name: list(arguments) for name, arguments in HOOKS.items()} == json.loads(SNAPSHOT.read_text())


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_when_it_is_called_in_what_order_and_what_an_error_does(hook: str) -> None:
    text = inspect.getdoc(getattr(HookSpecs, hook)) or ""

    assert "Called" in text
    assert "order" in text
    assert "transaction" in text
    assert "None is an error" in text or "result is ignored" in text
    assert "raises" in text or "exception" in text


def test_hooks_of_the_base_class_contribute_nothing() -> None:
    hooks = HookSpecs()

    assert [list(getattr(hooks, name)()) for name, told in HOOKS.items() if not told] == [[]] * 11


def test_type_checker_accepts_a_right_plugin_and_names_both_faults_of_a_wrong_one(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(RULES.format(guard="StageGuard", changes="ChangeSet"))
    wrong.write_text(RULES.format(guard="int", changes="str"))

    report, _, _ = api.run(["--strict", "--no-incremental", "--config-file=", str(right), str(wrong)])

    assert 'Return type "Iterable[int]" of "crmkit_stage_guards" incompatible' in report
    assert 'Argument 1 of "crmkit_committed" is incompatible' in report
    assert "right.py" not in report


def test_scheme_opens_its_back_end_by_name() -> None:
    scheme = StorageScheme(scheme="memory", target="crmkit.storage.memory:MemoryStorage")

    assert isinstance(scheme.open(""), MemoryStorage)


def test_scheme_hands_over_what_follows_the_colon() -> None:
    scheme = StorageScheme(scheme="text", target="builtins:str", address="TEXT")

    assert str(scheme.open("somewhere")) == "somewhere"


@pytest.mark.parametrize(
    ("needs", "given", "hint"), [("PATH", "", "write sqlite:PATH"), ("", "leads.db", "write sqlite:")]
)
def test_scheme_refuses_an_address_too_few_or_too_many(needs: str, given: str, hint: str) -> None:
    scheme = StorageScheme(scheme="sqlite", target="builtins:str", address=needs)

    with pytest.raises(ConfigError) as caught:
        scheme.open(given)

    assert caught.value.hint == hint
