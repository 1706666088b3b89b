"""A command of its own: ``crmkit hot-badges``."""

from crmkit.cli.state import Session, command


@command("hot-badges", help="List the leads whose badge was marked hot.")
def hot_badges(session: Session) -> None:
    """The session opens the workspace and prints, also with --json; errors are its business, too."""
    leads = session.crm.leads.where(tags="hot").all()
    session.show(leads, *(f"{lead.name}, {lead.company}" for lead in leads))
