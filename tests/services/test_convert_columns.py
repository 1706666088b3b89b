"""However many leads are converted at once, and however that is planned, the same becomes of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmkit.core.activity import ActivityKind
from crmkit.core.conversion import ConversionResult
from crmkit.core.declarations import fields_of
from crmkit.core.query import Query
from crmkit.services.activities import log_activity
from crmkit.services.convert import ConversionOptions, convert_leads
from crmkit.services.undo import undo
from crmkit.services.workspace import Workspace
from crmkit.storage.memory import MemoryStorage
from tests.services.conftest import open_workspace
from tests.services.test_convert import CUSTOM, LEADS, Scan, Survey, with_rules
from tests.services.test_edit import add

COMPANIES = st.sampled_from(["Acme", "Acme SARL", "Other", None])
KNOWN = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("account"), "name": st.sampled_from(["ACME", "Other", "Third"])},
            optional={
                "domain": st.sampled_from(["acme.example", "other.example"]),
                "city": st.just("Lyon"),
                "website": st.just("https://acme.example"),
                "scan.booth": st.sampled_from(["A1", "C3"]),
            },
        ),
        st.fixed_dictionaries(
            {"kind": st.just("contact"), "first_name": st.sampled_from(["Ada", "Bob"])},
            optional={
                "email": st.sampled_from(["a@acme.example", "b@acme.example"]),
                "phone": st.just("+33142685300"),
                "title": st.just("Boss"),
            },
        ),
    ),
    max_size=3,
)
HANGING = st.fixed_dictionaries(
    {
        "called": st.booleans(),
        "member": st.booleans(),
        "point": st.sampled_from([None, ("email", "c@acme.example"), ("phone", "+33142685301")]),
        "company": COMPANIES,
        "status": st.sampled_from(["new", "qualified", "disqualified"]),
    }
)
CASES = st.lists(st.tuples(LEADS, CUSTOM, HANGING), min_size=1, max_size=6)
OPTIONS = st.sampled_from(
    [ConversionOptions(), ConversionOptions(with_account=False), ConversionOptions(with_account=True)]
)


def world(
    known: Sequence[Mapping[str, Any]], cases: Sequence[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]
) -> tuple[Workspace, list[str]]:
    """Return a workspace, the same each time, and the leads to convert."""
    workspace = open_workspace(MemoryStorage())
    extended = workspace.schema.extended([fields_of(Scan), fields_of(Survey)])
    workspace = attrs.evolve(workspace, schema=workspace.storage.prepare(extended, create=True))
    for values in known:
        add(workspace, values["kind"], **{name: value for name, value in values.items() if name != "kind"})
    campaign = add(workspace, "campaign", name="Salon")
    ids = []
    for values, custom, hanging in cases:
        of_case = {"company": hanging["company"], "status": hanging["status"]}
        if hanging["member"]:
            of_case["campaign_id"] = campaign
        if hanging["status"] == "disqualified":
            of_case["disqualified_reason"] = "spam"
        lead = add(workspace, "lead", **{**values, **custom, **of_case})
        if hanging["called"]:
            log_activity(workspace, ActivityKind.CALL, "He is interested", about=[lead])
        if hanging["point"]:
            kind, value = hanging["point"]
            add(workspace, "contact_point", person_id=lead, kind=kind, value=value)
        ids.append(lead.id)
    return workspace, ids


def contents(workspace: Workspace, lead_ids: Sequence[str], *, but: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Return all that is stored, with names of our own for the ids of what was made, and without some fields."""
    with workspace.storage.read() as view:
        ids = [id_ for lead in lead_ids for _, id_ in view.lookup("conversion", "lead_id", [lead])]
        conversions = [workspace.schema["conversion"].load(row) for row in view.get_many("conversion", ids)]
        names: dict[str, str] = {}
        for conversion in sorted(conversions, key=lambda c: lead_ids.index(c.lead_id)):
            lead = lead_ids.index(conversion.lead_id)
            for kind in ("contact", "account"):
                if kind in conversion.created:
                    names[getattr(conversion, f"{kind}_id")] = f"{kind} of {lead}"
            names[conversion.id] = f"conversion of {lead}"

        def named(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            return re.sub(r"[a-z_]+_[0-9a-f]{32}", lambda found: names.get(found[0], found[0]), value)

        found: dict[str, list[Any]] = {}
        for type_ in workspace.schema:
            if type_.name in ("operation", *but):
                continue
            left_out = {*but, *(() if type_.name in ("contact", "account", "conversion") else ("id",))}
            rows = view.find(Query(type=type_.name, deleted=True))
            found[type_.name] = sorted(
                str({n: named(v) for n, v in zip(type_.field_names, row, strict=True) if n not in left_out})
                for row in rows
            )
        return found


def said(result: ConversionResult) -> tuple[str, list[str]]:
    """Return what a person is told, but for the ids of what was made on the way."""
    return result.outcome, [re.sub("_[0-9a-f]{32}", "", reason) for reason in result.reasons]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(known=KNOWN, cases=CASES, options=OPTIONS)
def test_in_columns_the_same_is_decided_as_field_by_field(known: Any, cases: Any, options: ConversionOptions) -> None:
    """A rule that has nothing to say makes each lead be decided field by field."""
    columns, ids = world(known, cases)
    fields, same_ids = world(known, cases)
    assert ids == same_ids

    in_columns = convert_leads(columns, ids, options=options).value
    by_fields = convert_leads(with_rules(fields, lambda _proposal: []), ids, options=options).value

    assert list(map(said, in_columns)) == list(map(said, by_fields))
    assert contents(columns, ids) == contents(fields, ids)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(known=KNOWN, cases=CASES)
def test_many_at_once_become_what_they_become_one_by_one(known: Any, cases: Any) -> None:
    at_once, ids = world(known, cases)
    singly, _ = world(known, cases)
    moments = ("operation_id", "created_at", "updated_at", "version", "change")

    many = convert_leads(at_once, ids).value
    each = [convert_leads(singly, [id_]).value[0] for id_ in ids]

    assert list(map(said, many)) == list(map(said, each))
    assert contents(at_once, ids, but=moments) == contents(singly, ids, but=moments)


def test_the_results_of_a_bulk_are_given_again_under_its_key_also_when_it_is_undone() -> None:
    workspace = open_workspace(MemoryStorage())
    done = add(workspace, "lead", first_name="Done", email="done@acme.example")
    convert_leads(workspace, [done])
    gone = add(workspace, "lead", first_name="Gone", status="disqualified", disqualified_reason="spam")
    leads = [add(workspace, "lead", first_name="A"), gone, done, add(workspace, "lead", first_name="B")]

    first = convert_leads(workspace, leads, key="monday")
    again = convert_leads(workspace, leads, key="monday")
    undo(workspace, first.operation_id or "")
    after_undo = convert_leads(workspace, leads, key="monday")

    assert [result.outcome for result in first.value] == ["converted", "refused", "already", "converted"]
    assert again.replayed
    assert list(again.value) == list(first.value)
    assert [r.outcome for r in after_undo.value] == [r.outcome for r in first.value]


def test_the_results_of_a_bulk_are_a_sequence() -> None:
    workspace = open_workspace(MemoryStorage())
    leads = [add(workspace, "lead", first_name=name) for name in "ABC"]

    results = convert_leads(workspace, leads).value

    assert len(results) == 3
    assert [result.lead_id for result in results[1:]] == [leads[1].id, leads[2].id]
    assert results[-1] == list(results)[2]
    with pytest.raises(IndexError):
        results[3]
