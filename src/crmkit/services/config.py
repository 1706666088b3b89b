"""Reading settings from a ``crmkit.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from crmkit.core.drafts import DRAFT_FIELDS
from crmkit.core.spelling import close_to
from crmkit.errors import ConfigError
from crmkit.services.settings import Settings

__all__ = ["load_settings"]


def load_settings(path: Path, *, trusted: bool) -> Settings:
    """Read settings; paths in it are relative to its folder.

    Args:
        path: The file.
        trusted: Whether it may name code to load. A file that merely lies in the current
            folder may name the workspace and how mail leaves, but no plugins.

    Raises:
        ConfigError: It cannot be read, or holds what it should not; with all that is wrong.
    """
    import tomllib  # needed only where there is a file

    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(message, hint="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not valid TOML: {error}"
        raise ConfigError(message, hint="mend the line it names") from error
    if not trusted and "plugins" in content:
        message = f"{path} names plugins, but code is never loaded from the current folder by itself"
        raise ConfigError(message, setting="plugins", hint=f"say so with: crmkit --config {path}")
    settings = _structured(content, path)
    _check_synonyms(settings, path)
    return attrs.evolve(
        settings,
        url=_beside(settings.url, path),
        plugins=attrs.evolve(settings.plugins, folder=_beside(settings.plugins.folder, path)),
    )


def _structured(content: dict[str, Any], path: Path) -> Settings:
    from cattrs import Converter, transform_error  # only those who configure pay for it
    from cattrs.errors import BaseValidationError

    converter = Converter(forbid_extra_keys=True)
    # Left alone, the converter would turn 3 into "3" and a text into a tuple of letters.
    converter.register_structure_hook(str, lambda value, _: _must_be(value, str, "text"))
    converter.register_structure_hook(int, lambda value, _: _must_be(value, int, "a whole number"))
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _words)
    try:
        return converter.structure(content, Settings)
    except BaseValidationError as error:
        problems = transform_error(error, path=str(path.name), format_exception=_in_words)
        raise ConfigError("; ".join(problems), hint="mend these settings") from error


def _check_synonyms(settings: Settings, path: Path) -> None:
    """Refuse words for fields that no file can fill; custom fields are known only once the plugins are."""
    for field in settings.synonyms:
        if "." not in field and field not in DRAFT_FIELDS:
            close = close_to(field, DRAFT_FIELDS)
            hint = f"did you mean {close[0]}?" if close else f"fields are {', '.join(DRAFT_FIELDS)}"
            message = f"{path.name}: leads have no field {field!r} to fill from a file"
            raise ConfigError(message, setting=f"synonyms.{field}", hint=hint)


def _must_be(value: Any, kind: type, noun: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        message = f"must be {noun}"
        raise ValueError(message)  # cattrs collects these
    return value


def _words(value: Any, _kind: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        message = "must be a list of texts"
        raise ValueError(message)
    return tuple(value)


def _in_words(error: BaseException, _kind: type | None) -> str:
    from cattrs.errors import ForbiddenExtraKeysError

    if isinstance(error, ForbiddenExtraKeysError):
        known = [a.name for a in attrs.fields(error.cl)]
        close = {key: close_to(key, known) for key in sorted(error.extra_fields)}
        return ", ".join(
            f"unknown setting {key!r}" + (f", did you mean {names[0]}?" if names else "")
            for key, names in close.items()
        )
    if isinstance(error, (AttributeError, TypeError)):  # cattrs went through it like through a table
        return "must be a table"
    if isinstance(error, ConfigError) and error.hint:
        return f"{error}: {error.hint}"
    return str(error)


def _beside(place: str | None, config: Path) -> str | None:
    """Return a path relative to the folder of the configuration; other addresses as they are, an empty one as none."""
    if not place or ":" in place:
        return place or None
    return str(config.parent / place)
