"""Every error crmkit raises on purpose, drawn as a tree.

The branches are sorted by what the reader of the message can do next::

    CrmkitError
    ├── RejectedError           change the request: .reasons
    │   ├── AmbiguousMatchError     choose one of: .candidates
    │   ├── AlreadyConvertedError   use what it became: .result
    │   ├── DisqualifiedError       reopen the lead first
    │   ├── MissingFieldsError      give what is demanded: .fields
    │   │   └── OwnerRequiredError      say who is responsible
    │   ├── ContactNotInAccountError    take another contact or account
    │   ├── StageNotInPipelineError     take a stage of that pipeline
    │   ├── VetoedError             a plugin said no: .plugin .rule
    │   ├── NotReversibleError      what stands in the way: .obstacles
    │   ├── KeyReusedError          the key already names another request: .key
    │   └── UnreadableError         the file cannot be read: .source
    ├── NotFoundError           use another id or name: .kind .name .suggestions
    ├── ConflictError           load again and retry: .record .expected .found
    │   └── StalePlanError          plan again: .moved
    ├── StorageError            the back end failed; maybe retry: .url
    │   ├── NotAWorkspaceError      this is something else
    │   ├── NewerWorkspaceError     upgrade crmkit: .found .supported
    │   ├── ReadOnlyError           it cannot be written
    │   ├── LockedError             somebody else holds it: .waited_s
    │   └── FullError               no space is left
    ├── DeliveryError           a notifier cannot work now: .notifier
    ├── PluginError             tell its author: .plugin .version .hook .record
    └── ConfigError             fix the settings: .setting
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

__all__ = [
    "AlreadyConvertedError",
    "AmbiguousMatchError",
    "ConfigError",
    "ConflictError",
    "ContactNotInAccountError",
    "CrmkitError",
    "DeliveryError",
    "DisqualifiedError",
    "FullError",
    "KeyReusedError",
    "LockedError",
    "MissingFieldsError",
    "NewerWorkspaceError",
    "NotAWorkspaceError",
    "NotFoundError",
    "NotReversibleError",
    "OwnerRequiredError",
    "PluginError",
    "ReadOnlyError",
    "RejectedError",
    "StageNotInPipelineError",
    "StalePlanError",
    "StorageError",
    "UnreadableError",
    "VetoedError",
]


class CrmkitError(Exception):
    """The root: catch this to catch everything crmkit raises on purpose.

    Attributes:
        hint: One sentence that says what to do next, or empty.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Facts are keyword arguments, which the default protocol would lose.
        return _rebuilt, (type(self), self.args, dict(self.__dict__))


def _rebuilt(kind: type[CrmkitError], args: tuple[Any, ...], facts: dict[str, Any]) -> CrmkitError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class RejectedError(CrmkitError):
    """The request cannot be carried out as it is; nothing was changed.

    Attributes:
        reasons: All that is wrong, each as one clause; never just the first.
    """

    exit_code = 3

    def __init__(self, reasons: str | Iterable[str], *, hint: str = "") -> None:
        self.reasons = (reasons,) if isinstance(reasons, str) else tuple(reasons)
        super().__init__("; ".join(self.reasons), hint=hint)


class AmbiguousMatchError(RejectedError):
    """Several records fit equally well.

    Attributes:
        candidates: What could be meant, each as ``(id, label, evidence)``.
    """

    def __init__(self, reason: str, candidates: Iterable[tuple[str, str, str]], *, hint: str = "") -> None:
        self.candidates = tuple(candidates)
        listed = ", ".join(f"{label} ({id_}: {evidence})" for id_, label, evidence in self.candidates)
        super().__init__(f"{reason}: {listed}", hint=hint or "name one of them by its id")


class AlreadyConvertedError(RejectedError):
    """A lead is converted already, so there is nothing to plan; converting it again gives `.result`.

    Attributes:
        result: The `ConversionResult` of the first conversion.
    """

    def __init__(self, reasons: str | Iterable[str], *, result: Any, hint: str = "") -> None:
        super().__init__(reasons, hint=hint or "convert gives back the first conversion")
        self.result = result


class DisqualifiedError(RejectedError):
    """A lead was given up, so it cannot be converted."""


class MissingFieldsError(RejectedError):
    """What a rule or a stage demands is empty.

    Attributes:
        fields: What is missing, each as ``contact.phone``.
    """

    def __init__(self, reasons: str | Iterable[str], *, fields: Iterable[str], hint: str = "") -> None:
        super().__init__(reasons, hint=hint)
        self.fields = tuple(fields)


class OwnerRequiredError(MissingFieldsError):
    """A rule demands somebody who is responsible, and nobody is."""


class ContactNotInAccountError(RejectedError):
    """A contact was chosen together with an account that is not its own."""


class StageNotInPipelineError(RejectedError):
    """A deal was to go to a stage of another pipeline."""


class VetoedError(RejectedError):
    """A rule or guard of a plugin refused.

    Attributes:
        plugin: The plugin that refused.
        rule: Which of its rules.
    """

    def __init__(self, reasons: str | Iterable[str], *, plugin: str, rule: str, hint: str = "") -> None:
        super().__init__(reasons, hint=hint)
        self.plugin = plugin
        self.rule = rule


class NotReversibleError(RejectedError):
    """An operation cannot be undone; nothing was changed.

    Attributes:
        obstacles: What stands in the way, each as one clause.
    """

    def __init__(self, reason: str, obstacles: Iterable[str] = (), *, hint: str = "") -> None:
        self.obstacles = tuple(obstacles)
        super().__init__((reason, *self.obstacles), hint=hint)


class KeyReusedError(RejectedError):
    """An idempotency key came back with other arguments.

    Attributes:
        key: The key.
    """

    def __init__(self, key: str, *, hint: str = "") -> None:
        super().__init__(
            f"the key {key!r} was already used for another request",
            hint=hint or "use a new key for a new request",
        )
        self.key = key


class UnreadableError(RejectedError):
    """A file or stream cannot be read as what it should be.

    Attributes:
        source: The name of the file or stream.
    """

    def __init__(self, reason: str, *, source: str, hint: str = "") -> None:
        super().__init__(f"{source}: {reason}", hint=hint)
        self.source = source


class NotFoundError(CrmkitError):
    """There is no such thing.

    Attributes:
        kind: What was looked for: ``lead``, ``stage``, ``importer`` …
        name: The id, e-mail, key or name that was given.
        suggestions: Names that come close, best first.
    """

    exit_code = 4

    def __init__(self, kind: str, name: str, *, suggestions: Sequence[str] = (), hint: str = "") -> None:
        self.kind = kind
        self.name = name
        self.suggestions = tuple(suggestions)
        if self.suggestions and not hint:
            hint = f"did you mean {' or '.join(self.suggestions)}?"
        super().__init__(f"there is no {kind} {name!r}", hint=hint)


class ConflictError(CrmkitError):
    """Somebody else changed the record meanwhile.

    Attributes:
        record: The id of the record.
        expected: The version that was expected.
        found: The version that was found, or None when the record is gone.
    """

    exit_code = 5

    def __init__(self, record: str, *, expected: int, found: int | None, hint: str = "") -> None:
        self.record = record
        self.expected = expected
        self.found = found
        state = "is gone" if found is None else f"has version {found}"
        super().__init__(
            f"{record} was changed meanwhile: version {expected} was expected, it {state}",
            hint=hint or "load it again and repeat the change",
        )


class StalePlanError(ConflictError):
    """What a plan relied on has moved since it was made; nothing was changed.

    Attributes:
        moved: What moved, each as one clause.
    """

    def __init__(self, moved: Iterable[str], *, hint: str = "") -> None:
        self.moved = tuple(moved)
        CrmkitError.__init__(
            self,
            f"the plan is out of date: {'; '.join(self.moved)}",
            hint=hint or "make the plan anew and apply that",
        )
        self.record = self.moved[0] if self.moved else ""
        self.expected = 0
        self.found = None


class StorageError(CrmkitError):
    """The back end failed; the driver's own error is the ``__cause__``.

    Attributes:
        url: The workspace, without password, or empty when unknown.
    """

    exit_code = 6

    def __init__(self, message: str, *, url: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.url = url


class NotAWorkspaceError(StorageError):
    """The file is not a crmkit workspace; it was not touched."""


class NewerWorkspaceError(StorageError):
    """The workspace was written by a newer crmkit; it was not touched.

    Attributes:
        found: The schema number of the workspace.
        supported: The newest one that this crmkit knows.
    """

    def __init__(self, *, url: str, found: int, supported: int) -> None:
        super().__init__(
            f"{url} was written by a newer crmkit (schema {found}, this one knows {supported})",
            url=url,
            hint="upgrade crmkit to open it",
        )
        self.found = found
        self.supported = supported


class ReadOnlyError(StorageError):
    """The workspace cannot be written."""


class LockedError(StorageError):
    """Another process holds the workspace.

    Attributes:
        waited_s: How long this one waited, in seconds.
    """

    def __init__(self, message: str, *, waited_s: float, url: str = "", hint: str = "") -> None:
        super().__init__(message, url=url, hint=hint or "try again when the other program is done")
        self.waited_s = waited_s


class FullError(StorageError):
    """No space is left where the workspace lives; the last change was rolled back."""


class DeliveryError(CrmkitError):
    """A notifier cannot deliver now; the messages stay queued.

    Attributes:
        notifier: The name of the notifier.
    """

    exit_code = 9

    def __init__(self, message: str, *, notifier: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.notifier = notifier


class PluginError(CrmkitError):
    """A plugin failed; the plugin's own error is the ``__cause__``.

    Attributes:
        plugin: Its name.
        version: Its version, or empty when it has none.
        hook: The hook, rule or object that failed.
        record: The id of the record at hand, or empty.
    """

    exit_code = 7

    def __init__(
        self, message: str, *, plugin: str, version: str = "", hook: str = "", record: str = "", hint: str = ""
    ) -> None:
        name = f"{plugin} {version}".strip()
        where = f" in {hook}" if hook else ""
        what = f" for {record}" if record else ""
        super().__init__(f"plugin {name} failed{where}{what}: {message}", hint=hint or "tell its author")
        self.plugin = plugin
        self.version = version
        self.hook = hook
        self.record = record


class ConfigError(CrmkitError):
    """A setting is wrong.

    Attributes:
        setting: Its name, or empty when the file as a whole is wrong.
    """

    exit_code = 8

    def __init__(self, message: str, *, setting: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.setting = setting
