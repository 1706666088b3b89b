"""Nothing a person writes becomes SQL: names come from what is declared, values go as parameters."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmkit
from crmkit import CRM, CrmkitError, field
from crmkit.core.query import Query
from crmkit.storage.sqlite.sql import column_name

KEYWORDS: Final = frozenset(
    """
    SELECT FROM WHERE AND OR NOT IN IS NULL AS ORDER BY DESC ASC LIMIT GROUP COLLATE EXISTS JOIN ON MATCH DISTINCT WITH
    UNION ALL CASE WHEN THEN ELSE END BEGIN DEFERRED COMMIT ROLLBACK PRAGMA data_version value typeof key json_each
    coalesce count sum min max instr crmkit_fold crmkit_decimal found id rowid length search_key search_text
    """.split()
)
"""What the statements of a question are made of, besides declared names in double quotes."""

HOSTILE: Final = (
    "x' OR '1'='1",
    'x" OR "1"="1',
    'name"; DROP TABLE lead; --',
    "1); DELETE FROM lead; --",
    "(case when (select 1) then id else -id end)",
    "id) UNION SELECT sql FROM sqlite_master --",
    "status = 'new' OR zzhostile()",
    "zzhostile",
    "zzhostile.name",
    "?1",
    ":zz",
    "%",
    "_",
    "NEAR(",
    "a OR",
    '"',
    "*",
    "\0",
    "\ud800",
    "ZZ\u202ehostile",
    "é" * 50,
)


STATEMENTS: Final[list[str]] = []
"""What was executed, as it was before any value was put in."""


class RecordingConnection(sqlite3.Connection):
    """A connection that keeps its statements; the back end uses no cursors of its own."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        STATEMENTS.append(sql)
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        STATEMENTS.append(sql)
        return super().executemany(sql, *parameters)

    def executescript(self, sql: str) -> sqlite3.Cursor:
        STATEMENTS.append(sql)
        return super().executescript(sql)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CRM]:
    path = tmp_path_factory.mktemp("asked") / "crm.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=RecordingConnection))
        with crmkit.open(path, create=True, discover=False) as opened:
            salon = opened.campaigns.add(name="Salon")
            account = opened.accounts.add(name="Hospy Médias")
            opened.leads.add(first_name="Jules", campaign_id=salon, score=5, tags="vip")
            opened.leads.add(first_name="Zoé", company="Hospy Médias")
            opened.open_deal("Refonte", account=account, amount="1200 EUR")
            yield opened


def _strange_statements(crm: CRM) -> list[str]:
    """Return the statements that are made of anything but declared names and known words."""
    schema = crm.workspace.schema
    declared = {"search_key"} | {name for kind in schema for name in (kind.name, f"{kind.name}_fts")}
    declared |= {column_name(name) for kind in schema for name in kind.field_names}
    strange = []
    for statement in STATEMENTS:
        if statement == "SELECT 1 FROM sqlite_master LIMIT 1":  # with which a view begins
            continue
        names = re.findall(r'"([^"]*)"', statement)
        rest = re.sub(r'"[^"]*"', " ", statement).replace("'integer'", " ").replace("'text'", " ")
        words = re.findall(r"[^\W\d]\w*", rest)
        signs = re.sub(r"[\w\s]", "", rest)
        if not (set(names) <= declared and set(words) <= KEYWORDS and re.fullmatch(r"[?,()=<>*.&|+-]*", signs)):
            strange.append(statement)
    return strange


def _everything(crm: CRM) -> dict[str, list[Any]]:
    with crm.workspace.storage.read() as view:
        return {
            kind.name: [row for batch in view.iterate(Query(type=kind.name, deleted=True)) for row in batch]
            for kind in crm.workspace.schema
        }


ANYTHING = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=20),
    st.text(alphabet="abis=<>!~()\"'\\., -*?;%_0123", max_size=20),
    st.sampled_from(["status", "score", "campaign", "campaign.name", "tags", "created_at", "name", "id"]),
)


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Text that is nearly a condition: well-formed pieces with anything in the places of names and values."""
    name, value = draw(ANYTHING), draw(ANYTHING)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    sign = draw(st.sampled_from(["=", "!=", "<", ">=", "~", "has", "in", "is"]))
    return draw(
        st.sampled_from([f"{name} {sign} {value}", f'{name} {sign} "{escaped}"', f'"{name}" {sign} ("{escaped}")'])
    )


def _fuzzed(crm: CRM, ask: Any) -> None:
    before = _everything(crm)
    STATEMENTS.clear()

    with contextlib.suppress(CrmkitError):
        ask()

    assert _strange_statements(crm) == []
    STATEMENTS.clear()
    assert _everything(crm) == before


@given(conditions() | ANYTHING, st.sampled_from(["lead", "deal", "campaign", "user"]))
@settings(max_examples=150)
def test_conditions_as_text(crm: CRM, text: str, kind: str) -> None:
    _fuzzed(crm, lambda: crm.collection(kind).where(text).all())
    _fuzzed(crm, lambda: crm.collection(kind).count(text))


@given(ANYTHING, ANYTHING, st.integers(0, 5))
@settings(max_examples=150)
def test_conditions_in_python(crm: CRM, name: str, value: str, which: int) -> None:
    path = field(name)
    expression = [
        path == value,
        path > value,
        path.contains(value),
        path.has(value),
        path.in_([value, None]),
        ~(path == value),
    ]
    known = field("first_name") == value

    _fuzzed(crm, lambda: crm.leads.where(expression[which]).all())
    _fuzzed(crm, lambda: crm.leads.where(known | field("campaign.name").contains(value)).all())
    _fuzzed(crm, lambda: crm.leads.where(**{name: value}).all())


@given(st.lists(ANYTHING, min_size=1, max_size=3))
@settings(max_examples=100)
def test_orders_groups_and_measures(crm: CRM, names: list[str]) -> None:
    _fuzzed(crm, lambda: crm.leads.where().order_by(*names).all())
    _fuzzed(crm, lambda: crm.leads.where().order_by(*(f"-{name}" for name in names)).page(1))
    _fuzzed(crm, lambda: crm.deals.where().group_by(*names).count())
    _fuzzed(crm, lambda: crm.deals.where().group_by().measure(sum=names[:1], min=names[1:], max=names))


@given(ANYTHING, ANYTHING)
@settings(max_examples=100)
def test_cursors_and_searches(crm: CRM, text: str, other: str) -> None:
    _fuzzed(crm, lambda: crm.leads.where().page(1, after=text))
    _fuzzed(crm, lambda: crm.leads.where().after(text).all())
    _fuzzed(crm, lambda: crm.search(f"{text} {other}"))
    _fuzzed(crm, lambda: crm.search(text, kinds=[other]))
    _fuzzed(crm, lambda: crm.leads.find(text))


@given(st.text(max_size=30))
@settings(max_examples=100)
def test_forged_cursors_with_the_right_digest(crm: CRM, value: str) -> None:
    selection = crm.leads.where().order_by("first_name")
    cursor = selection.page(1).next
    assert cursor is not None
    digest, _, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for forged in ([digest, value, last], [digest, None, value], [digest, 5, last], [digest, value]):
        text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode()
        _fuzzed(crm, partial(lambda after: selection.page(1, after=after), text))


def test_any_search_is_answered(crm: CRM) -> None:
    for text in HOSTILE:
        assert isinstance(crm.search(text), list)


def test_the_check_sees_the_statements_and_would_notice(crm: CRM) -> None:
    """A statement with a text of the user in it, however it got there, is strange."""
    STATEMENTS.clear()
    crm.leads.where("campaign.name = Salon").order_by("score").all()
    crm.search("hospy")
    assert [sum(word in each for each in STATEMENTS) > 0 for word in ("ORDER BY", "MATCH", '"name" = ?')] == [True] * 3

    for bad in [
        'SELECT "id" FROM "lead" WHERE zz = ?',
        'SELECT "zz" FROM "lead"',
        """SELECT "id" FROM "lead" WHERE 'x'""",
    ]:
        STATEMENTS[:] = [bad]
        assert _strange_statements(crm) == [bad]
    STATEMENTS.clear()
