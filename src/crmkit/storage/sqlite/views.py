"""Views for the common questions, for people who open the file with sqlite-utils or Datasette.

crmkit itself reads none of them. They say what `crmkit.services` says: names instead of
ids, amounts as people write them, and nothing that is deleted.
"""

from __future__ import annotations

from crmkit.core.schema import Schema
from crmkit.core.values.money import UNUSUAL_DIGITS

__all__ = ["VIEWS", "view_statements"]


def view_statements(schema: Schema) -> dict[str, str]:
    """Return the statements that make the views, by name; none whose tables are not there or whose name is taken."""
    return {
        name: f"CREATE VIEW {name} AS\n{text.strip()}"
        for name, (tables, text) in VIEWS.items()
        if name not in schema.types and schema.types.keys() >= set(tables.split())
    }


def _decimal(minor: str, currency: str) -> str:
    """Return SQL for an amount as exact text, with the decimals of its currency."""
    by_digits: dict[int, list[str]] = {}
    for code, digits in UNUSUAL_DIGITS.items():
        by_digits.setdefault(digits, []).append(f"'{code}'")
    unusual = " ".join(
        f"WHEN {currency} IN ({', '.join(codes)}) THEN {_with_digits(minor, digits)}"
        for digits, codes in by_digits.items()
    )
    return f"CASE WHEN {minor} IS NULL THEN NULL {unusual} ELSE {_with_digits(minor, 2)} END"


def _with_digits(minor: str, digits: int) -> str:
    if not digits:
        return f"CAST({minor} AS TEXT)"
    sign, unit = f"CASE WHEN {minor} < 0 THEN '-' ELSE '' END", 10**digits
    return f"printf('%s%d.%0{digits}d', {sign}, abs({minor}) / {unit}, abs({minor}) % {unit})"


# In two steps, so that no product of an amount and a percentage grows beyond 63 bits.
_WEIGHTED = """(
  SELECT whole + CASE
    WHEN abs(rest) > 50 OR (abs(rest) = 50 AND whole % 2 <> 0) THEN CASE WHEN rest < 0 THEN -1 ELSE 1 END
    ELSE 0
  END
  FROM (SELECT
    d.amount_minor / 100 * d.probability_percent + d.amount_minor % 100 * d.probability_percent / 100 AS whole,
    d.amount_minor % 100 * d.probability_percent % 100 AS rest)
)"""

_OPEN_DEALS = f"""
SELECT
  p.title AS pipeline, s.title AS stage, a.name AS account, d.name AS deal,
  {_decimal("d.amount_minor", "d.amount_currency")} AS amount,
  d.probability_percent,
  {_decimal("d.weighted_minor", "d.amount_currency")} AS weighted,
  d.amount_currency AS currency, d.expected_close_on, u.name AS owner,
  CAST(julianday('now') - julianday(coalesce(d.moved_at, d.created_at)) AS INTEGER) AS days_in_stage,
  d.id AS deal_id
FROM (
  SELECT
    d.*, {_WEIGHTED} AS weighted_minor,
    (SELECT max(moved_at) FROM stage_change WHERE deal_id = d.id AND deleted_at IS NULL) AS moved_at
  FROM deal AS d
) AS d
JOIN stage AS s ON s.id = d.stage_id
JOIN pipeline AS p ON p.id = d.pipeline_id
LEFT JOIN account AS a ON a.id = d.account_id
LEFT JOIN user AS u ON u.id = d.owner_id
WHERE d.deleted_at IS NULL AND s.kind = 'open'
"""

_OPEN_LEADS = """
SELECT
  trim(coalesce(l.first_name, '') || ' ' || coalesce(l.last_name, '')) AS name, l.company, l.title, l.email,
  coalesce(l.phone, l.mobile) AS phone, l.city, l.country, l.status, l.score, c.name AS campaign, u.name AS owner,
  l.created_at, l.id AS lead_id
FROM lead AS l
LEFT JOIN campaign AS c ON c.id = l.campaign_id
LEFT JOIN user AS u ON u.id = l.owner_id
WHERE l.deleted_at IS NULL AND l.status NOT IN ('converted', 'disqualified')
"""

# A lead counts at each step up to the furthest it has come to; see `crmkit.services.funnel`.
_LEAD_FUNNEL = """
SELECT
  campaign, count(*) AS leads,
  sum(spoken_to OR status IN ('contacted', 'nurturing', 'qualified') OR conversion_id IS NOT NULL) AS contacted,
  sum(conversion_id IS NOT NULL) AS converted, sum(deals > 0) AS with_deal, sum(deals_won > 0) AS won,
  campaign_id
FROM (
  SELECT
    c.name AS campaign, c.id AS campaign_id, l.status, v.id AS conversion_id,
    EXISTS (
      SELECT 1 FROM link AS k JOIN activity AS t ON t.id = k.from_id
      WHERE k.to_id = l.id AND k.kind = 'about' AND k.deleted_at IS NULL
        AND t.kind IN ('call', 'meeting', 'email') AND t.deleted_at IS NULL
    ) AS spoken_to,
    count(DISTINCT d.id) AS deals, count(DISTINCT CASE WHEN s.kind = 'won' THEN d.id END) AS deals_won
  FROM campaign AS c
  JOIN campaign_member AS m ON m.campaign_id = c.id AND m.deleted_at IS NULL
  JOIN lead AS l ON l.id = m.person_id AND l.deleted_at IS NULL
  LEFT JOIN conversion AS v ON v.lead_id = l.id AND v.deleted_at IS NULL
  LEFT JOIN link AS k ON k.to_id = v.contact_id AND k.kind = 'contact' AND k.deleted_at IS NULL
  LEFT JOIN deal AS d ON d.deleted_at IS NULL
    AND (d.id = v.deal_id OR (d.id = k.from_id AND d.created_at >= l.created_at))
  LEFT JOIN stage AS s ON s.id = d.stage_id
  WHERE c.deleted_at IS NULL
  GROUP BY c.id, l.id
)
GROUP BY campaign_id
"""


def _created(kind: str, label: str) -> str:
    return f"SELECT created_at, 'created', id, '{kind} ' || coalesce({label}, id), operation_id FROM {kind}"


_PERSON = "nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')"

_TIMELINE = f"""
SELECT e.moment, e.kind, e.record_id, e.text, o.actor, e.operation_id
FROM (
  SELECT NULL AS moment, NULL AS kind, NULL AS record_id, NULL AS text, NULL AS operation_id WHERE 0
  UNION ALL {_created("lead", f"{_PERSON}, company, email")}
  UNION ALL {_created("contact", f"{_PERSON}, email")}
  UNION ALL {_created("account", "name")}
  UNION ALL {_created("deal", "name")}
  UNION ALL
  SELECT
    created_at,
    CASE json_type(fields, '$.deleted_at[1]') WHEN 'text' THEN 'deleted' WHEN 'null' THEN 'restored' ELSE 'changed' END,
    record_id,
    (SELECT group_concat(
      f.key || ': ' || coalesce(json_extract(f.value, '$[0]'), '–') || ' → '
      || coalesce(json_extract(f.value, '$[1]'), '–'), ', ') FROM json_each(fields) AS f WHERE f.key <> 'deleted_at'),
    operation_id
  FROM change
  UNION ALL
  SELECT
    coalesce(t.done_at, t.happened_at, t.created_at), t.kind, k.to_id, t.subject || coalesce(': ' || t.body, ''),
    t.operation_id
  FROM link AS k JOIN activity AS t ON t.id = k.from_id
  WHERE k.kind = 'about' AND k.deleted_at IS NULL AND t.deleted_at IS NULL
  UNION ALL
  SELECT
    coalesce(sent_at, created_at), 'mail', person_id, '“' || subject || '” to ' || address || ': ' || status,
    operation_id
  FROM message WHERE deleted_at IS NULL
  UNION ALL
  SELECT
    g.moved_at, 'stage', g.deal_id, CASE WHEN g.from_stage_id IS NULL THEN 'opened in ' ELSE 'moved to ' END || s.title
    || coalesce(' (' || g.reason || ')', ''), g.operation_id
  FROM stage_change AS g JOIN stage AS s ON s.id = g.to_stage_id WHERE g.deleted_at IS NULL
) AS e
LEFT JOIN operation AS o ON o.id = e.operation_id
"""

VIEWS = {
    "open_deals": ("deal stage pipeline account user stage_change", _OPEN_DEALS),
    "open_leads": ("lead campaign user", _OPEN_LEADS),
    "lead_funnel": ("campaign campaign_member lead conversion link activity deal stage", _LEAD_FUNNEL),
    "timeline": ("lead contact account deal change link activity message stage_change stage operation", _TIMELINE),
}
"""Name to the tables it needs, and the question it answers."""
