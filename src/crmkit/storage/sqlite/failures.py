"""What SQLite says when something fails, as crmkit's own errors."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from crmkit.errors import FullError, LockedError, NotAWorkspaceError, ReadOnlyError, RejectedError, StorageError

__all__ = ["translated"]


@contextmanager
def translated(url: str, *, waited_s: float = 0.0) -> Iterator[None]:
    """Raise crmkit's error for whatever SQLite raises in the block; the original is the cause."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise RejectedError(_broken_rule(str(error))) from error
    except sqlite3.Error as error:
        raise _failure(error, url, waited_s) from error
    except UnicodeEncodeError as error:
        reason = "a text holds a broken character (a lone surrogate)"
        raise RejectedError(reason) from error
    except OverflowError as error:
        reason = "a whole number has more than 63 bits"
        raise RejectedError(reason) from error


def _failure(error: sqlite3.Error, url: str, waited_s: float) -> StorageError:
    # A fault at opening has no name in Python 3.11, only its words.
    name = getattr(error, "sqlite_errorname", None) or str(error)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LockedError(f"{url} is locked by another program", waited_s=waited_s, url=url)
    if name.startswith("SQLITE_FULL") or name == "SQLITE_IOERR_WRITE":
        return FullError(f"no space is left for {url}", url=url, hint="free some space and repeat the command")
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return ReadOnlyError(f"{url} is read-only", url=url, hint="make the file and its folder writable")
    if name.startswith("SQLITE_NOTADB"):
        return NotAWorkspaceError(f"{url} is not a crmkit workspace", url=url, hint="choose another file")
    if name.startswith("SQLITE_CANTOPEN") or "unable to open" in name:
        return StorageError(f"{url} cannot be opened", url=url, hint="check that its folder exists and may be read")
    return StorageError(f"{url}: {error}", url=url)


def _broken_rule(message: str) -> str:
    columns = re.search(r"UNIQUE constraint failed: (.+)", message)
    if columns:
        table, names = "", []
        for place in columns[1].split(", "):
            table, _, name = place.partition(".")
            names.append(name)
        return f"another {table} has the same {' and '.join(names)}"
    missing = re.search(r"NOT NULL constraint failed: (\w+)\.(\w+)", message)
    if missing:
        return f"a {missing[1]} needs a {missing[2]}"
    if "FOREIGN KEY" in message:
        return "a record refers to one that does not exist"
    return message
