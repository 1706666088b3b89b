"""Plugins are told what stands under ``[plugin.NAME]`` in the configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

import crmkit
from crmkit.core.ports.plugins import StageGuard
from crmkit.errors import PluginError
from crmkit.plugins.hookspecs import HookSpecs, hookimpl
from crmkit.plugins.manager import PluginManager, Status
from crmkit.plugins.rules import stage_guard
from crmkit.services.settings import PluginSettings, Settings


class Closed(HookSpecs):
    """A guard whose name depends on what the plugin is configured with."""

    name = "closed"

    def __init__(self) -> None:
        self.day = "never told"

    @hookimpl
    def crmkit_configured(self, settings: Mapping[str, Any]) -> None:
        self.day = settings.get("day", "no day")
        if self.day == "someday":
            raise ValueError(f"there is no {self.day}")

    @hookimpl
    def crmkit_stage_guards(self) -> Iterable[StageGuard]:
        @stage_guard(f"closed-on-{self.day.replace(' ', '-')}")
        def guard(_move: object, _context: object) -> list[str]:
            return []

        return [guard]


def guards(plugin: object, configured: Mapping[str, Mapping[str, Any]]) -> list[str]:
    plugins = PluginManager(PluginSettings(), configured=configured, plugins=[plugin], discover=False)
    return [each.item.name for each in plugins.collect().stage_guards]


@pytest.mark.parametrize(
    ("configured", "name"),
    [
        ({"closed": {"day": "sunday"}, "other": {"day": "monday"}}, "closed-on-sunday"),
        ({"other": {"day": "monday"}}, "closed-on-no-day"),
        ({}, "closed-on-no-day"),
    ],
)
def test_a_plugin_is_told_its_own_settings_before_it_hands_anything_over(
    configured: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    assert guards(Closed(), configured) == [name]


def test_an_instance_is_told_before_the_hooks_of_its_module_are_called() -> None:
    source = """
        from crmkit.plugins.hookspecs import HookSpecs, hookimpl
        from crmkit.plugins.rules import stage_guard
        DAY = []

        class Listening(HookSpecs):
            @hookimpl
            def crmkit_configured(self, settings):
                DAY.append(settings["day"])
                yield

        listening = Listening()

        @hookimpl
        def crmkit_stage_guards():
            return [stage_guard("closed-on-" + day)(lambda move, context: []) for day in DAY]
    """
    module = ModuleType("week")
    exec(dedent(source), vars(module))  # noqa: S102  # the source above

    assert guards(module, {"week": {"day": "friday"}}) == ["closed-on-friday"]


def test_a_setting_that_a_plugin_refuses_is_the_failure_of_that_plugin(tmp_path: Path) -> None:
    source = "import crmkit\n@crmkit.hookimpl\ndef crmkit_configured(settings): settings['day']\n"
    (tmp_path / "week.py").write_text(source)

    with pytest.raises(PluginError, match=r"closed failed in crmkit_configured: .*there is no someday"):
        guards(Closed(), {"closed": {"day": "someday"}})
    found = PluginManager(PluginSettings(folder=str(tmp_path))).listing()
    week = next(info for info in found if info.name == "week")
    assert (week.status, week.reason) == (Status.BROKEN, "crmkit_configured: it raised: KeyError: 'day'")


def test_a_misspelt_plugin_in_the_settings_does_not_go_unnoticed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="crmkit.plugins"):
        PluginManager(PluginSettings(), configured={"colsed": {}, "quite-another": {}}, plugins=[Closed()])

    assert "[plugin] names a plugin that is not there: colsed; did you mean closed?" in caplog.text
    assert "quite-another" not in caplog.text


def test_settings_reach_the_plugins_of_an_opened_workspace(tmp_path: Path) -> None:
    (tmp_path / "crmkit.toml").write_text('[plugin.closed]\nday = "sunday"\n')
    from_file, made = Closed(), Closed()

    with (
        crmkit.open("memory:", plugins=[from_file], discover=False, config=tmp_path / "crmkit.toml"),
        crmkit.open("memory:", plugins=[made], discover=False, settings=Settings(plugin={"closed": {"day": "monday"}})),
    ):
        days = [from_file.day, made.day]

    assert days == ["sunday", "monday"]
