"""Finding plugins, checking them, and keeping what is wrong with one from the others."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import attrs
import pytest

import crmkit
from crmkit import __version__
from crmkit.core.changes import ChangeSet
from crmkit.core.ports.plugins import Context, ConversionRule, Extensions, StageGuard, StageMove
from crmkit.errors import ConfigError, NotFoundError, PluginError
from crmkit.plugins.commands import command_names
from crmkit.plugins.discovery import Origin, in_arguments
from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl
from crmkit.plugins.manager import PluginInfo, PluginManager, Status
from crmkit.plugins.rules import notifier, stage_guard
from crmkit.services.settings import PluginSettings

CHANGES = ChangeSet(operation_id="operation_1", kind="edit", at=datetime(2026, 1, 15, tzinfo=UTC))

BADGES = """
from crmkit.core.drafts import LeadDraft
from crmkit.plugins.importer import importer

@importer("acme-badges", columns=["BadgeID", "Last"])
def acme(row):
    return LeadDraft(source_id=row["BadgeID"], last_name=row["Last"])
"""


def module(source: str, name: str = "acme") -> ModuleType:
    """Return a module made of its source."""
    made = ModuleType(name)
    exec(dedent(source), vars(made))  # noqa: S102  # the sources are those below
    return made


def manager(*plugins: object, **options: Any) -> PluginManager:
    """Return a manager that looks at nothing but what it is given."""
    settings = options.pop("settings", PluginSettings())
    return PluginManager(settings, plugins=plugins, **{"discover": False, **options})


def hooked(body: str) -> ModuleType:
    """Return a module with hooks."""
    return module(f"from crmkit.plugins.hookspecs import hookimpl\n{dedent(body)}")


def guard(name: str) -> StageGuard:
    return stage_guard(name)(lambda _move, _context: ())


class Guards(HookSpecs):
    """A plugin written as a class."""

    def __init__(self, name: str, *guards: StageGuard) -> None:
        self.name = name
        self.guards = guards

    @hookimpl
    def crmkit_stage_guards(self) -> Iterable[StageGuard]:
        yield from self.guards


class Listener(HookSpecs):
    """A plugin that remembers what it was told, or raises."""

    def __init__(self, name: str, error: BaseException | None = None) -> None:
        self.name = name
        self.error = error
        self.told: list[str] = []

    @hookimpl
    def crmkit_committed(self, changes: ChangeSet) -> None:
        self.told.append(changes.operation_id)
        if self.error:
            raise self.error


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install packages: a module each, and a folder of metadata as pip writes it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)

    def install(distribution: str, source: str = "", *, group: str = "crmkit", **points: str) -> None:
        module_name = distribution.replace("-", "_")
        (folder / f"{module_name}.py").write_text(dedent(source))
        info = folder / f"{module_name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        lines = [f"{name.replace('_', '-')} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))

    yield install
    for name in set(sys.modules) - before:
        del sys.modules[name]


def by_name(plugins: PluginManager) -> dict[str, PluginInfo]:
    return {info.name: info for info in plugins.listing()}


# ------------------------------------------------------------------- ways in


def test_own_contributions_of_crmkit_come_first_and_on_the_same_hooks() -> None:
    plugins = manager()

    (own,) = plugins.listing()
    assert (own.name, own.version, own.origin, own.status) == ("crmkit", __version__, "builtin", "active")
    assert "importer csv" in own.contributions
    assert set(plugins.collect().storages) == {"memory", "sqlite"}
    assert set(plugins.collect().reports) == {"funnel"}
    assert set(plugins.collect().notifiers) == {"console", "folder", "smtp", "webhook"}


def test_what_is_collected_fulfils_what_services_ask_for() -> None:
    extensions: Extensions = manager().collect()

    assert extensions.importers["csv"].item.name == "csv"


def test_module_without_hooks_contributes_what_stands_at_its_top() -> None:
    plugins = manager(module(BADGES))

    found = plugins.collect().importers["acme-badges"]
    assert (found.plugin, found.hook, found.item.name) == ("acme", "crmkit_importers", "acme-badges")
    assert by_name(plugins)["acme"].contributions == ("importer acme-badges",)


def test_module_may_hold_instances_of_classes_with_hooks() -> None:
    source = """
        from crmkit.plugins.hookspecs import HookSpecs, StorageScheme, hookimpl

        class Vault(HookSpecs):
            @hookimpl
            def crmkit_storages(self):
                return [StorageScheme(scheme="vault", target="vault:open", address="KEY")]

        vault = Vault()
    """

    plugins = manager(module(source))

    assert plugins.collect().storages["vault"].plugin == "acme"
    assert by_name(plugins)["acme"].hooks == ("crmkit_storages",)


def test_object_that_stands_at_the_top_and_is_handed_over_too_counts_once() -> None:
    source = f"""{BADGES}
from crmkit.plugins.hookspecs import hookimpl

@hookimpl
def crmkit_importers():
    return [acme]
"""

    assert by_name(manager(module(source)))["acme"].contributions == ("importer acme-badges",)


def test_objects_imported_from_elsewhere_and_private_ones_are_left_alone() -> None:
    source = """
        from tests.plugins.test_manager import BORROWED
        from crmkit.plugins.rules import stage_guard

        @stage_guard("own")
        def own(move, context):
            return []

        @stage_guard("hidden")
        def _hidden(move, context):
            return []
    """

    assert by_name(manager(module(source)))["acme"].contributions == ("stage guard own",)


BORROWED = guard("borrowed")


def test_objects_can_be_given_directly() -> None:
    @notifier("pigeon")
    def pigeon(_mails: object, _options: object) -> Sequence[Any]:
        return []

    extensions = manager(pigeon, guard("own")).collect()

    assert extensions.notifiers["pigeon"].item is pigeon
    assert [one.item.name for one in extensions.stage_guards] == ["own"]


def test_file_is_a_plugin_by_its_stem(tmp_path: Path) -> None:
    file = tmp_path / "badges.py"
    file.write_text(f"__version__ = '2.0'\n{BADGES}")

    plugins = manager(files=[file])

    info = by_name(plugins)["badges"]
    assert (info.version, info.origin, info.where) == ("2.0", Origin.FILE, str(file))
    assert plugins.collect().importers["acme-badges"].version == "2.0"


def test_file_may_hold_dataclasses(tmp_path: Path) -> None:
    """They look their module up by name, so it must be there while it is loaded."""
    source = (
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass Badge:\n    id: str\n"
    )
    file = tmp_path / "badges.py"
    file.write_text(source + BADGES)

    assert "acme-badges" in manager(files=[file]).collect().importers


def test_folder_holds_a_plugin_per_file_but_for_hidden_ones(tmp_path: Path) -> None:
    (tmp_path / "badges.py").write_text(BADGES)
    (tmp_path / "_draft.py").write_text("raise RuntimeError")
    (tmp_path / "broken.py").write_text("1 / 0")

    plugins = PluginManager(PluginSettings(folder=str(tmp_path)))

    infos = by_name(plugins)
    assert (infos["badges"].origin, infos["badges"].status) == (Origin.FOLDER, Status.ACTIVE)
    assert infos["broken"].reason == "it cannot be loaded: ZeroDivisionError: division by zero"
    assert "_draft" not in infos
    assert "acme-badges" in plugins.collect().importers


def test_missing_folder_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="there is no folder /nowhere/plugins"):
        PluginManager(PluginSettings(folder="/nowhere/plugins"))


def test_current_folder_is_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "badges.py").write_text(BADGES)
    monkeypatch.chdir(tmp_path)

    assert "badges" not in by_name(PluginManager(PluginSettings()))


def test_installed_package_is_found_by_its_entry_point(site: Callable[..., None]) -> None:
    site("acme-badges", BADGES, badges="acme_badges", direct="acme_badges:acme")

    plugins = PluginManager(PluginSettings(disabled=("direct",)))

    info = by_name(plugins)["badges"]
    assert (info.version, info.origin, info.where) == ("1.5", Origin.ENTRY_POINT, "acme-badges")
    assert plugins.collect().importers["acme-badges"].version == "1.5"


def test_entry_point_may_name_the_object_itself(site: Callable[..., None]) -> None:
    site("acme-badges", BADGES, direct="acme_badges:acme")

    assert by_name(PluginManager(PluginSettings()))["direct"].contributions == ("importer acme-badges",)


def test_one_broken_package_is_listed_and_the_others_work(
    site: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    site("aaa-broken", "import no_such_module", broken="aaa_broken")
    site("bbb-exits", "raise SystemExit(0)", exits="bbb_exits")
    site("ccc-misses", "", misses="ccc_misses:plugin")
    site("zzz-badges", BADGES, badges="zzz_badges")

    plugins = PluginManager(PluginSettings())

    infos = by_name(plugins)
    assert [infos[name].status for name in ("broken", "exits", "misses", "badges")] == ["broken"] * 3 + ["active"]
    assert "No module named 'no_such_module'" in infos["broken"].reason
    assert "SystemExit: 0" in infos["exits"].reason
    assert "has no attribute 'plugin'" in infos["misses"].reason
    assert "acme-badges" in plugins.collect().importers
    assert "plugin broken is left out" in caplog.text


def test_strict_manager_raises_what_it_would_list(site: Callable[..., None]) -> None:
    site("acme-broken", "1 / 0", broken="acme_broken")

    with pytest.raises(PluginError) as caught:
        PluginManager(PluginSettings(), strict=True)

    assert (caught.value.plugin, caught.value.version) == ("broken", "1.5")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_control_c_while_loading_passes(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        PluginManager(PluginSettings(folder=str(tmp_path)))


def test_of_two_packages_with_one_name_the_first_is_kept_and_both_are_reported(site: Callable[..., None]) -> None:
    site("zzz-badges", BADGES, badges="zzz_badges")
    site("aaa-badges", BADGES, badges="aaa_badges")

    first, second = (info for info in PluginManager(PluginSettings()).listing() if info.name == "badges")

    assert (first.where, first.status) == ("aaa-badges", Status.ACTIVE)
    assert (second.where, second.status) == ("zzz-badges", Status.BROKEN)
    assert "aaa-badges" in second.reason
    assert "zzz-badges" in second.reason


def test_disabled_plugin_is_not_even_loaded(site: Callable[..., None]) -> None:
    site("acme-badges", "raise AssertionError('loaded')", badges="acme_badges")

    info = by_name(PluginManager(PluginSettings(disabled=("badges",)), strict=True))["badges"]

    assert (info.status, info.reason) == (Status.DISABLED, "plugins.disabled names it")
    assert "acme_badges" not in sys.modules


def test_plugin_that_is_given_can_be_disabled_but_crmkits_own_cannot() -> None:
    settings = PluginSettings(disabled=("bad",))

    assert by_name(manager(Listener("bad"), settings=settings))["bad"].status is Status.DISABLED
    with pytest.raises(ConfigError, match="crmkit itself cannot be disabled"):
        PluginManager(PluginSettings(disabled=("crmkit",)))


def test_misspelt_name_in_the_settings_does_not_go_unnoticed(
    site: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    site("acme-badges", BADGES, badges="acme_badges")

    PluginManager(PluginSettings(disabled=("bagdes",)))

    assert "plugins.disabled names a plugin that is not there: bagdes; did you mean badges?" in caplog.text
    with pytest.raises(ConfigError, match="bagdes"):
        PluginManager(PluginSettings(disabled=("bagdes",)), strict=True)


def test_nothing_is_searched_for_without_discovery(site: Callable[..., None], tmp_path: Path) -> None:
    site("acme-badges", BADGES, badges="acme_badges")
    (tmp_path / "file.py").write_text(BADGES)

    plugins = PluginManager(PluginSettings(folder=str(tmp_path)), discover=False)

    assert [info.name for info in plugins.listing()] == ["crmkit"]


def test_plugin_that_is_given_goes_before_an_installed_twin(site: Callable[..., None]) -> None:
    """Whoever works on a plugin tries the new one while the old one is installed."""
    site("acme-badges", BADGES, badges="acme_badges")

    plugins = PluginManager(PluginSettings(), plugins=[module(BADGES)])

    assert plugins.collect().importers["acme-badges"].plugin == "acme"
    assert "already provided by the plugin acme" in by_name(plugins)["badges"].reason


def test_managers_do_not_share_plugins() -> None:
    listener = Listener("one")

    manager(listener)
    manager().collect().committed(CHANGES)

    assert listener.told == []


def test_commands_are_found_without_loading_them(site: Callable[..., None]) -> None:
    site("zzz-tools", "1 / 0", group="crmkit.commands", clean="zzz_tools:clean")
    site("aaa-tools", "1 / 0", group="crmkit.commands", clean="aaa_tools:clean", tidy="aaa_tools:tidy")

    commands = command_names()

    assert {name: (dist, point.value) for name, (dist, point) in commands.items()} == {
        "clean": ("aaa-tools", "aaa_tools:clean"),
        "tidy": ("aaa-tools", "aaa_tools:tidy"),
    }


# ------------------------------------------------------------ wrong plugins


def nothing() -> None:
    """Do nothing, marked as nothing."""


WRONG: dict[str, tuple[str, object, str, str]] = {
    "misspelt hook": (
        "",
        hooked("@hookimpl\ndef crmkit_importer(): return []"),
        "there is no hook crmkit_importer",
        "did you mean crmkit_importers?",
    ),
    "unknown hook": ("", hooked("@hookimpl\ndef on_save(): return []"), "there is no hook on_save", "the hooks are"),
    "misspelt argument": (
        "crmkit_committed",
        hooked("@hookimpl\ndef crmkit_committed(change): pass"),
        "there is no argument change",
        "write def crmkit_committed(changes)",
    ),
    "keyword argument": (
        "crmkit_committed",
        hooked("@hookimpl\ndef crmkit_committed(*, changes): pass"),
        "the argument changes is not a plain one",
        "write def crmkit_committed(changes)",
    ),
    "unmarked hook": (
        "crmkit_importers",
        hooked("def crmkit_importers(): return []"),
        "it is not marked as a hook",
        "@crmkit.hookimpl",
    ),
    "async hook": (
        "crmkit_committed",
        hooked("@hookimpl\nasync def crmkit_committed(changes): pass"),
        "it is async",
        "write def",
    ),
    "wrapper": (
        "crmkit_importers",
        hooked("@hookimpl(wrapper=True)\ndef crmkit_importers(): return (yield)"),
        "cannot be wrapped",
        "leave out wrapper=True",
    ),
    "old wrapper": (
        "crmkit_importers",
        hooked("@hookimpl(hookwrapper=True)\ndef crmkit_importers(): yield"),
        "cannot be wrapped",
        "",
    ),
    "class": ("", Guards, "Guards is a class, not an instance", "give Guards()"),
    "empty module": ("", module(""), "it has no hook and contributes nothing", "@crmkit.hookimpl"),
    "function": ("", nothing, "it has no hook and contributes nothing", "@crmkit.importer"),
    "no instance": (
        "",
        module("from crmkit.plugins.hookspecs import HookSpecs\nclass Rules(HookSpecs): pass"),
        "it has no hook and contributes nothing",
        "plugin = Rules()",
    ),
    "near miss": (
        "",
        module("class G:\n    name = 'own'\n    def check(self, move): return []\nguard = G()"),
        "it has no hook and contributes nothing",
        "check of G 'own' cannot be called as check(move, context)",
    ),
    "hook that raises": (
        "crmkit_importers",
        hooked("@hookimpl\ndef crmkit_importers(): return 1 / 0"),
        "it raised: ZeroDivisionError",
        "",
    ),
    "generator that raises": (
        "crmkit_importers",
        hooked("@hookimpl\ndef crmkit_importers():\n    yield from ()\n    1 / 0"),
        "it raised: ZeroDivisionError",
        "",
    ),
    "forgotten return": (
        "crmkit_importers",
        hooked("@hookimpl\ndef crmkit_importers(): pass"),
        "it returned NoneType instead of a list",
        "an empty one for none",
    ),
    "no list": (
        "crmkit_reports",
        hooked("@hookimpl\ndef crmkit_reports(): return 7"),
        "it returned int instead of a list",
        "put it in a list",
    ),
    "wrong kind": (
        "crmkit_importers",
        hooked("@hookimpl\ndef crmkit_importers(): return ['csv']"),
        "str is no importer: it has no identify and no read",
        "see crmkit's Importer",
    ),
    "class in a list": (
        "crmkit_importers",
        hooked("class Csv: pass\n@hookimpl\ndef crmkit_importers(): return [Csv]"),
        "Csv is a class, not an instance: give Csv()",
        "",
    ),
    "incomplete": (
        "crmkit_importers",
        hooked(
            """
            class Half:
                name = "Half Done"
                def read(self): ...
                async def identify(self, source): ...

            @hookimpl
            def crmkit_importers(): return [Half()]
            """
        ),
        "Half 'Half Done' has no summary that is text; identify of Half 'Half Done' is async",
        "see crmkit's Importer",
    ),
    "wrong target": (
        "crmkit_storages",
        StorageScheme(scheme="vault", target="vault.open"),
        "the target of a storage is written module:callable",
        "",
    ),
    "taken name": (
        "crmkit_importers",
        hooked(
            """
            from crmkit.plugins.builtin.csv_importer import CsvImporter

            @hookimpl
            def crmkit_importers(): return [CsvImporter()]
            """
        ),
        "the importer csv is already provided by the plugin crmkit",
        "rename one of them",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_plugin_that_is_given_raises_with_a_suggestion(case: str) -> None:
    hook, plugin, complaint, suggestion = WRONG[case]

    with pytest.raises(PluginError) as caught:
        manager(plugin)

    assert caught.value.hook == hook
    assert complaint in str(caught.value)
    assert suggestion in caught.value.hint


@pytest.mark.parametrize("case", WRONG)
def test_wrong_plugin_that_is_found_is_listed_with_the_suggestion(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hook, plugin, complaint, suggestion = WRONG[case]
    found = [attrs.evolve(each, origin=Origin.ENTRY_POINT) for each in in_arguments([plugin])]
    monkeypatch.setattr("crmkit.plugins.manager.in_entry_points", lambda: found)

    plugins = PluginManager(PluginSettings())

    info = plugins.listing()[-1]
    assert info.status is Status.BROKEN
    assert info.reason.startswith(f"{hook}: " if hook else "")
    assert complaint in info.reason
    assert suggestion in info.reason
    assert plugins.collect().listeners == []
    assert {told.plugin for told in plugins.collect().importers.values()} == {"crmkit"}


def test_error_names_plugin_version_and_hook_and_keeps_the_cause() -> None:
    plugin = hooked("__version__ = '3.1'\n@hookimpl\ndef crmkit_reports(): return 1 / 0")

    with pytest.raises(PluginError, match=r"plugin acme 3\.1 failed in crmkit_reports") as caught:
        manager(plugin)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_plugin_that_is_left_out_contributes_nothing_and_hears_nothing(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(
        f"{BADGES}\nfrom crmkit.plugins.hookspecs import hookimpl\nheard = []\n"
        "@hookimpl\ndef crmkit_committed(changes): heard.append(changes)\n"
        "@hookimpl\ndef crmkit_reports(): return None\n"
    )

    extensions = PluginManager(PluginSettings(folder=str(tmp_path))).collect()
    extensions.committed(CHANGES)

    assert "acme-badges" not in extensions.importers
    assert extensions.listeners == []


def test_same_plugin_twice_is_an_error() -> None:
    listener = Listener("one")

    with pytest.raises(PluginError, match="another plugin of that name"):
        manager(listener, listener)


def test_installed_plugin_that_is_given_too_is_told_of_a_commit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener("given")
    installed = [attrs.evolve(each, name="it", origin=Origin.ENTRY_POINT) for each in in_arguments([listener])]
    monkeypatch.setattr("crmkit.plugins.manager.in_entry_points", lambda: installed)

    plugins = PluginManager(PluginSettings(), plugins=[listener])
    plugins.collect().committed(CHANGES)

    assert by_name(plugins)["it"].reason == "it is loaded already, as given; give it once"
    assert listener.told == ["operation_1"]


def test_hook_of_a_newer_crmkit_may_be_optional() -> None:
    plugin = hooked(
        """
        @hookimpl(optionalhook=True)
        def crmkit_of_tomorrow(): ...

        @hookimpl
        def crmkit_committed(): ...
        """
    )

    assert by_name(manager(plugin))["acme"].hooks == ("crmkit_committed",)


def test_hook_may_have_another_name_as_function() -> None:
    plugin = hooked("@hookimpl(specname='crmkit_committed')\ndef on_commit(changes): told.append(changes)\ntold = []")

    manager(plugin).collect().committed(CHANGES)

    assert plugin.told == [CHANGES]


def test_properties_of_a_plugin_are_not_run() -> None:
    class Lazy(Guards):
        @property
        def expensive(self) -> int:
            raise AssertionError

    assert by_name(manager(Lazy("lazy")))["lazy"].hooks == ("crmkit_stage_guards",)


# -------------------------------------------------------------------- order


def names(extensions: Extensions) -> list[str]:
    return [one.item.name for one in extensions.stage_guards]


def test_guards_go_by_the_setting_then_by_plugin_and_within_it_as_handed_over() -> None:
    plugins = [Guards("zoe", guard("z2"), guard("z1")), Guards("ada", guard("a")), Guards("max", guard("m"))]
    settings = PluginSettings(order=("max",))

    for seed in range(6):
        random.Random(seed).shuffle(plugins)  # noqa: S311  # not for secrets

        assert names(manager(*plugins, settings=settings).collect()) == ["m", "a", "z2", "z1"]


def test_hook_may_ask_to_be_first_or_last_among_those_the_setting_does_not_name() -> None:
    class First(Guards):
        @hookimpl(tryfirst=True)
        def crmkit_stage_guards(self) -> Iterable[StageGuard]:
            return self.guards

    class Last(Guards):
        @hookimpl(trylast=True)
        def crmkit_stage_guards(self) -> Iterable[StageGuard]:
            return self.guards

    plugins = manager(
        Last("ada", guard("a")),
        Guards("bob", guard("b")),
        First("zoe", guard("z")),
        Guards("tom", guard("t")),
        settings=PluginSettings(order=("tom",)),
    )

    assert names(plugins.collect()) == ["t", "z", "b", "a"]
    assert plugins.chain("crmkit_stage_guards") == [
        ("tom", "plugins.order names it as number 1"),
        ("zoe", "it asks to be first"),
        ("bob", "by name"),
        ("ada", "it asks to be last"),
    ]


def test_chain_of_an_unknown_hook_suggests_a_known_one() -> None:
    with pytest.raises(NotFoundError) as caught:
        manager().chain("crmkit_commited")

    assert caught.value.suggestions[0] == "crmkit_committed"


def test_rules_keep_the_plugin_they_come_from() -> None:
    class Silent:
        name = "silent"

        def amend(self, proposal: object, context: Context) -> Iterable[Any]:
            return ()

    rule: ConversionRule = Silent()

    (found,) = manager(rule).collect().conversion_rules

    assert (found.plugin, found.hook, found.item) == ("silent", "crmkit_conversion_rules", rule)


def test_guard_written_as_a_class_is_recognised() -> None:
    class Closed:
        name = "closed"

        def check(self, move: StageMove, context: Context) -> Iterable[str]:
            return ["closed today"]

    assert names(manager(Closed()).collect()) == ["closed"]


# ------------------------------------------------------------ after a commit


def test_all_plugins_are_told_of_a_commit_in_order() -> None:
    order: list[str] = []
    first = hooked("@hookimpl\ndef crmkit_committed(changes): order.append('first')")
    second = hooked("@hookimpl\ndef crmkit_committed(): order.append('second')")
    for plugin in (first, second):
        vars(plugin)["order"] = order
    first.__name__, second.__name__ = "ada", "bob"

    manager(second, first).collect().committed(CHANGES)

    assert order == ["first", "second"]


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit("boom"), PluginError("boom", plugin="bad")])
def test_plugin_that_raises_after_a_commit_breaks_nothing_and_is_named(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = Listener("bad", error), Listener("good")
    extensions = manager(bad, good).collect()

    with caplog.at_level(logging.WARNING, logger="crmkit.plugins"):
        extensions.committed(CHANGES)

    (failure,) = extensions.failures
    assert (failure.plugin, failure.hook, failure.operation_id) == ("bad", "crmkit_committed", "operation_1")
    assert failure.error.startswith(type(error).__name__)
    assert "boom" in failure.error
    assert good.told == ["operation_1"]
    assert "plugin bad failed in crmkit_committed after edit" in caplog.text


def test_control_c_in_a_plugin_passes() -> None:
    extensions = manager(Listener("slow", KeyboardInterrupt())).collect()

    with pytest.raises(KeyboardInterrupt):
        extensions.committed(CHANGES)


def test_only_the_last_failures_are_kept() -> None:
    extensions = manager(Listener("bad", ValueError())).collect()

    for _ in range(150):
        extensions.committed(CHANGES)

    assert len(extensions.failures) == 100


def test_generator_that_listens_is_run_to_its_end() -> None:
    plugin = hooked("told = []\n@hookimpl\ndef crmkit_committed(changes):\n    told.append(changes)\n    yield")

    manager(plugin).collect().committed(CHANGES)

    assert plugin.told == [CHANGES]


# ------------------------------------------------------------------- weight


def test_collecting_crmkits_own_plugins_imports_nothing_heavy() -> None:
    script = dedent(
        """
        import sys
        from crmkit.plugins.manager import PluginManager
        from crmkit.services.settings import PluginSettings
        PluginManager(PluginSettings())
        heavy = "babel cattrs crmkit.storage email_validator liquid phonenumbers rich sqlite3 sqlite_utils"
        print([name for name in heavy.split() if name in sys.modules])
        """
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# ------------------------------------------------- fields and record types

FIELDS = """
import crmkit

@crmkit.custom_fields("lead", name={name!r})
class Scan:
    booth: str | None = None
"""


def test_declared_classes_of_a_module_are_found_and_can_be_handed_over_themselves() -> None:
    made = module(FIELDS.format(name="scan"))

    assert list(manager(made).collect().fields) == ["scan"]
    assert list(manager(made.Scan).collect().fields) == ["scan"]
    hooks = hooked(
        """
        import crmkit

        @crmkit.custom_record("booth")
        class _Booth(crmkit.Record):
            name: str

        @hookimpl
        def crmkit_record_types():
            yield _Booth
        """
    )
    extensions = manager(hooks).collect()
    assert [one.item.name for one in extensions.record_types.values()] == ["booth"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("@hookimpl\ndef crmkit_fields(): return [str]", "str is not declared: put @crmkit.custom_fields"),
        ("@hookimpl\ndef crmkit_record_types(): return ['booth']", "str is no record type"),
        (FIELDS.format(name="import").replace("booth", "key"), "a lead already has the field import_key"),
        (
            'import crmkit\n@crmkit.custom_record("lead")\nclass Mine(crmkit.Record):\n    name: str',
            "there is a record type called lead already",
        ),
    ],
)
def test_fields_and_types_that_do_not_fit_beside_crmkits_own_are_flaws_of_the_plugin(body: str, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        crmkit.open("memory:", plugins=[hooked(body)], discover=False)


def test_two_plugins_with_fields_of_one_name_clash() -> None:
    with pytest.raises(PluginError, match="the custom fields scan is already provided by the plugin acme"):
        manager(module(FIELDS.format(name="scan")), module(FIELDS.format(name="scan"), "other"))
