"""The command line: parse, call one service, print.

``program`` is the ``crmkit`` command, ``commands`` the table of what it can do. Each command
stands in the module that the table names, and is loaded only when it is called. ``state``
holds what all commands share, ``output`` how results look, ``failures`` how errors do.
"""

from crmkit.cli.program import main

__all__ = ["main"]
