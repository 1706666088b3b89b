"""``crmkit demo``: a whole sales cycle, played in a new folder and told step by step."""

from __future__ import annotations

from pathlib import Path

import click

from crmkit.cli.state import Session, command
from crmkit.errors import RejectedError

__all__ = ["demo"]


@command("demo")
@click.argument("folder", default="crmkit-demo", type=click.Path(path_type=Path))
@click.option("--smtp", metavar="HOST[:PORT]", help="Send the mails to this server, instead of writing .eml files.")
@click.option("--fast", is_flag=True, help="Do not pause between the steps.")
def demo(session: Session, folder: Path, *, smtp: str | None, fast: bool) -> None:
    """Play the sales cycle of a trade show in a new FOLDER, and tell the story.

    100 leads are imported, thanked, followed up, converted; deals are won and lost, and a funnel
    sums it up. All of it is real: the folder holds a workspace that one can go on using. Plugins
    that are installed stay out, so that the story is the same everywhere; --plugin lets one in.
    """
    from crmkit.app import open as open_crm
    from crmkit.cli.demo.story import SETTINGS, Story
    from crmkit.cli.demo.teller import Teller
    from crmkit.cli.mail import smtp_options
    from crmkit.services.config import load_settings

    _make(folder)
    (folder / "crmkit.toml").write_text(SETTINGS, encoding="utf-8")
    session.crm = open_crm(
        folder / "crm.db",
        create=True,
        settings=load_settings(folder / "crmkit.toml", trusted=False),
        plugin_files=session.plugin_files,
        discover=False,
        actor=session.actor or "Camille",
    )
    teller = Teller(silent=session.as_json, fast=fast)
    figures = Story(session.crm, folder, teller, smtp=smtp_options(smtp) if smtp else None).play()
    if session.as_json:
        session.show(figures)


def _make(folder: Path) -> None:
    """Make the folder, which may be there as long as it is empty."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        reason = f"the folder {folder} cannot be made: {(error.strerror or str(error)).lower()}"
        raise RejectedError(reason, hint="name another one: crmkit demo FOLDER") from error
    if taken:
        raise RejectedError(
            f"the folder {folder} is not empty, and the demo begins in a new one",
            hint=f"remove it, or name another one: crmkit demo {folder}-2",
        )
