"""What dies at each of its statements in turn: ``python -m tests.app.killed WHAT FOLDER``.

A process of its own, with one thread, so that it may fork: each child does the same on a
copy of the same workspace and is killed by SIGKILL right before one of its statements, a
later one each time, until one comes to its end. What each of them left behind is printed as a line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import crmkit
from crmkit import CRM
from crmkit.core.query import Query

TYPES = ("lead", "contact", "account", "deal", "conversion", "merge", "link", "campaign_member", "contact_point")


def begin(path: Path, what: str) -> dict[str, str]:
    """Make the workspace that all of them copy, and return the ids of what matters in it."""
    with crmkit.open(path, create=True, discover=False) as crm:
        salon = crm.campaigns.add(name="Salon")
        lead = crm.leads.add(first_name="Zoé", email="zoe@phare.example", company="Phare", campaign_id=salon)
        crm.note(lead, "Wants screens")
        jules = crm.contacts.add(first_name="Jules", email="jules@hospy.example", title="PDG")
        twin = crm.contacts.add(first_name="Jules", email="j@hospy.example", city="Lyon")
        crm.note(twin, "Likes tea")
        crm.open_deal("Screens", contacts=[twin])
        crm.task(jules, "Call again")
        done = crm.convert(lead).operation_id if what == "undo" else None
        return {"zoe": lead.id, "jules": jules.id, "twin": twin.id, "operation": done or ""}


def convert(crm: CRM, ids: Mapping[str, str]) -> None:
    crm.convert(ids["zoe"], deal="Screens of Zoé")


def merge(crm: CRM, ids: Mapping[str, str]) -> None:
    crm.merge(ids["jules"], ids["twin"])


def undo(crm: CRM, ids: Mapping[str, str]) -> None:
    crm.undo(ids["operation"], key="the undo")


Deed = Callable[[CRM, Mapping[str, str]], None]
DEEDS: dict[str, Deed] = {"convert": convert, "merge": merge, "undo": undo}
STEP = 3  # statements; each process costs a few hundredths of a second


def state(path: Path) -> dict[str, Any]:
    """Return how much there is of everything, the deleted apart."""
    with crmkit.open(path, discover=False) as crm, crm.workspace.reading() as view:
        found: dict[str, Any] = {}
        for kind in TYPES:
            rows = view.find(Query(type=kind, deleted=True))
            place = crm.workspace.schema[kind].position["deleted_at"]
            found[kind] = [len(rows), sum(row[place] is not None for row in rows)]
        statuses = [str(row[crm.workspace.schema["lead"].position["status"]]) for row in view.find(Query(type="lead"))]
        return {**found, "statuses": statuses, "operations": len(crm.log(limit=10_000))}


def main(what: str, folder: Path) -> None:
    base = folder / "base.db"
    ids = begin(base, what)
    print(json.dumps({"killed": None, "state": state(base)}))  # noqa: T201  # this is what the parent reads
    statement, alive = 0, False
    while not alive:
        copy = folder / f"{statement}.db"
        shutil.copy(base, copy)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _die_at(statement, copy, DEEDS[what], ids)
        _, status = os.waitpid(child, 0)
        alive = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        assert alive or os.WIFSIGNALED(status), status
        left = state(copy)
        with crmkit.open(copy, discover=False) as crm:
            DEEDS[what](crm, ids)  # whoever comes next finishes it, or finds it done
        print(json.dumps({"killed": None if alive else statement, "state": left, "after": state(copy)}))  # noqa: T201  # as above
        statement += STEP


def _die_at(statement: int, path: Path, deed: Deed, ids: Mapping[str, str]) -> None:
    left = {"statements": -1}
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(count)
        return connection

    def count(_statement: str) -> None:
        if left["statements"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left["statements"] -= 1

    sqlite3.connect = traced  # type: ignore[assignment]  # it takes whatever connect takes
    crm = crmkit.open(path, discover=False)
    left["statements"] = statement
    deed(crm, ids)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
