"""What the exports of other systems mean, as data: one module per family.

To add one, write it down with `crmkit.importer` in the module of its family, list it in
`FORMATS`, and put a sample into ``tests/samples/importers``.
"""

from __future__ import annotations

from crmkit.core.ports.sources import Importer
from crmkit.plugins.builtin.formats.ads import GOOGLE_ADS, meta_leads
from crmkit.plugins.builtin.formats.attendance import google_meet, teams, zoom
from crmkit.plugins.builtin.formats.badges import badge_scans
from crmkit.plugins.builtin.formats.dynamics import DYNAMICS
from crmkit.plugins.builtin.formats.espocrm import ESPOCRM
from crmkit.plugins.builtin.formats.forms import CALENDLY, GOOGLE_FORMS, TALLY, TYPEFORM
from crmkit.plugins.builtin.formats.google_contacts import google_contacts
from crmkit.plugins.builtin.formats.hubspot import HUBSPOT
from crmkit.plugins.builtin.formats.linkedin import LINKEDIN_CONNECTIONS, LINKEDIN_LEADS
from crmkit.plugins.builtin.formats.mailing import (
    ACTIVECAMPAIGN,
    BREVO,
    GHOST,
    KIT,
    MAILCHIMP,
    MAILERLITE,
    SHOPIFY,
    SYSTEME_IO,
)
from crmkit.plugins.builtin.formats.odoo import ODOO_LEADS, odoo_contacts
from crmkit.plugins.builtin.formats.outlook import outlook_contacts
from crmkit.plugins.builtin.formats.pipedrive import pipedrive
from crmkit.plugins.builtin.formats.salesforce import salesforce
from crmkit.plugins.builtin.formats.suitecrm import SUITECRM
from crmkit.plugins.builtin.formats.thunderbird import THUNDERBIRD
from crmkit.plugins.builtin.formats.ticketing import BILLETWEB, EVENTBRITE, MEETUP, WEEZEVENT, helloasso, luma
from crmkit.plugins.builtin.formats.zoho import ZOHO

__all__ = ["FORMATS"]

FORMATS: tuple[Importer, ...] = (
    *(ZOHO, salesforce, HUBSPOT, pipedrive, ODOO_LEADS, odoo_contacts, DYNAMICS, ESPOCRM, SUITECRM),
    *(LINKEDIN_CONNECTIONS, LINKEDIN_LEADS, google_contacts, outlook_contacts, THUNDERBIRD),
    *(badge_scans, EVENTBRITE, luma, helloasso, WEEZEVENT, BILLETWEB, MEETUP, zoom, teams, google_meet),
    *(MAILCHIMP, BREVO, ACTIVECAMPAIGN, KIT, SYSTEME_IO, GHOST, SHOPIFY, MAILERLITE),
    *(GOOGLE_FORMS, TYPEFORM, TALLY, CALENDLY, meta_leads, GOOGLE_ADS),
)
"""All of them; the surest reads a file."""
