"""``crmkit.toml``: what is in it, where its paths lead, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmkit.errors import ConfigError
from crmkit.services.config import load_settings
from crmkit.services.settings import MailSettings, PluginSettings, Settings


def loaded(folder: Path, text: str, *, trusted: bool = True) -> Settings:
    (folder / "crmkit.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "crmkit.toml", trusted=trusted)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == Settings()


def test_paths_are_relative_to_the_file_and_addresses_are_not(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'url = "data/crm.db"\n[plugins]\nfolder = "mine"')

    assert (settings.url, settings.plugins.folder) == (str(tmp_path / "data/crm.db"), str(tmp_path / "mine"))
    assert loaded(tmp_path, 'url = "memory:"').url == "memory:"


def test_what_is_empty_is_not_said(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'url = ""\n[plugins]\nfolder = ""')

    assert (settings.url, settings.plugins.folder) == (None, None)


def test_all_parts_are_read(tmp_path: Path) -> None:
    text = """
        [mail]
        sender = "Ada <ada@analytical.example>"
        max_attempts = 3
        [plugins]
        disabled = ["acme"]
        order = ["badges"]
        [plugin.badges]
        booth = "12A"
        [synonyms]
        company = ["Betrieb"]
    """

    assert loaded(tmp_path, text) == Settings(
        mail=MailSettings(sender="Ada <ada@analytical.example>", max_attempts=3),
        plugins=PluginSettings(disabled=("acme",), order=("badges",)),
        plugin={"badges": {"booth": "12A"}},
        synonyms={"company": ("Betrieb",)},
    )


@pytest.mark.parametrize(
    ("said", "code"), [("fr", "fr"), ("FR", "fr"), ("fr-CH", "fr"), ("French", "fr"), ("en", "en")]
)
def test_a_language_is_understood_however_it_is_named(tmp_path: Path, said: str, code: str) -> None:
    assert loaded(tmp_path, f'language = "{said}"').language == code


@pytest.mark.parametrize("said", ["FR", "fr", "France", "Frankreich"])
def test_a_country_is_understood_however_it_is_named(said: str) -> None:
    assert Settings(region=said).region == "FR"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("url = 3", "must be text @ crmkit.toml.url"),
        ("[mail]\nmax_attempts = true", "must be a whole number @ crmkit.toml.mail.max_attempts"),
        ("[mail]\nmax_attempts = 0", "'max_attempts' must be >= 1: 0"),
        ('[plugins]\norder = "badges"', "must be a list of texts @ crmkit.toml.plugins.order"),
        ('[synonyms]\ncompany = "Firma"', "must be a list of texts"),
        ("mail = 3", "must be a table @ crmkit.toml.mail"),
        ("mail = [1]", "must be a table @ crmkit.toml.mail"),
        ("synonyms = 3", "must be a table @ crmkit.toml.synonyms"),
        ("plugin = 3", "must be a table @ crmkit.toml.plugin"),
        ("[plugin]\nbadges = 3", "must be a table @ crmkit.toml.plugin['badges']"),
        ('region = "Atlantis"', "the region 'Atlantis' is not known: write two letters of ISO 3166"),
        ('language = "Elvish"', "the language 'Elvish' is not known: write two letters of ISO 639-1"),
        ('urll = "crm.db"', "unknown setting 'urll', did you mean url?"),
        ('[mail]\nsendr = "a"\n[plugins]\nfoldr = "b"', "unknown setting 'sendr', did you mean sender?"),
        ('[synonyms]\ncompny = ["Firma"]', "leads have no field 'compny'"),
        ("url", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)

    assert said in str(caught.value)
    assert caught.value.hint


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, 'url = 3\nregon = "FR"\n[mail]\nsender = 4')

    assert [word for word in ("url", "regon", "mail.sender") if word not in str(caught.value)] == []


def test_synonyms_may_be_of_custom_fields(tmp_path: Path) -> None:
    assert loaded(tmp_path, '[synonyms]\n"scan.booth" = ["Stand"]').synonyms == {"scan.booth": ("Stand",)}


def test_a_file_that_lies_there_may_not_name_plugins(tmp_path: Path) -> None:
    text = '[plugins]\nfolder = "mine"'

    with pytest.raises(ConfigError, match="code is never loaded") as caught:
        loaded(tmp_path, text, trusted=False)

    assert "--config" in caught.value.hint
    assert loaded(tmp_path, "[plugin.badges]\nbooth = 12", trusted=False).plugin == {"badges": {"booth": 12}}


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"\xff", "is not valid TOML")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "crmkit.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=said) as caught:
        load_settings(path, trusted=True)

    assert str(path) in str(caught.value)
