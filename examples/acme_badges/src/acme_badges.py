"""Reads the files that the badge scanners of ACME Events write."""

from crmkit import LeadDraft, Row, importer


@importer("acme-badges", columns=["BadgeID", "First", "Last", "Company", "Email", "Interest"])
def badges(row: Row) -> LeadDraft | None:
    """Badge scans of ACME Events."""
    if row["Interest"] == "exhibitor":
        return None  # colleagues from the next booth are no leads
    return LeadDraft(
        source_id=row["BadgeID"],
        first_name=row["First"],
        last_name=row["Last"],
        company=row["Company"],
        email=row["Email"],
        tags=[row["Interest"]] if row["Interest"] else [],
        source="trade_show",
    )
