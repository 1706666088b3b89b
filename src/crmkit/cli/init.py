"""``crmkit init``: make a workspace."""

from __future__ import annotations

from crmkit.cli.state import Session, command
from crmkit.errors import NotFoundError

__all__ = ["init"]

_NEXT = """
What next:
  crmkit import FILE --campaign NAME   leads from a file
  crmkit lead add first_name=Ada last_name=LOVELACE company="Analytical Engines"
  crmkit leads                         who is there
  crmkit --help                        all that it can do"""


@command("init")
def init(session: Session) -> None:
    """Make a workspace at --db, or where crmkit.toml says, or in ./crm.db.

    One that is there already is left as it is.
    """
    place = session.url or "crm.db"
    try:
        made = False
        crm = session.open(place)
    except NotFoundError:
        made = True
        crm = session.open(place, create=True)
    text = f"Made the workspace {crm.url}." if made else f"The workspace {crm.url} is there already."
    session.show({"url": crm.url, "created": made}, text, _NEXT)
