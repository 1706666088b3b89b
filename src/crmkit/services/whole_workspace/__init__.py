"""The whole workspace as one file of JSON lines, and back: every record of every type, but not the log.

`outline` says what travels and what the first line of such a file is, `writing` makes the
file, `reading` takes it apart again and finds what is wrong with it, and `restoring` puts
it into a fresh workspace as one operation.
"""

from __future__ import annotations

from crmkit.services.whole_workspace.restoring import import_workspace
from crmkit.services.whole_workspace.writing import export_workspace

__all__ = ["export_workspace", "import_workspace"]
