"""A workspace in one SQLite file, the default back end.

`storage` opens it, `schema` makes and migrates its tables (with sqlite-utils, only when
something is to be made), `sql` turns queries into SQL, `transaction` runs them,
`lock` lets writers in one after another, `failures` names what SQLite says.
"""

from crmkit.storage.sqlite.storage import SqliteStorage

__all__ = ["SqliteStorage"]
