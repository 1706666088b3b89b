"""How a media house converts leads."""

from collections.abc import Iterator

from crmkit import Amendment, Context, Demand, MapField, NameDeal, Proposal, SetDefault, Target, Veto, conversion_rule


@conversion_rule("media-house")
def media_house(proposal: Proposal, context: Context) -> Iterator[Amendment]:
    """Rivals stay out, offers go out by mail, and every deal is called alike."""
    lead = proposal.lead
    if "rival" in lead.tags:
        yield Veto(reason="it is a rival")
    yield Demand(target=Target.CONTACT, field="email", reason="offers go out by mail")
    yield SetDefault(target=Target.ACCOUNT, field="industry", value="media", reason="most of ours are")
    yield MapField(field="source", target=Target.CONTACT, to="notes", reason="sales reads the notes")
    yield NameDeal(name=f"{lead.company or lead.label} {context.at:%Y}", reason="one offer a year")
