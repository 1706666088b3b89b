"""A CRM for a bicycle workshop: ``python bicycle_workshop.py workshop.db``, then ``datasette workshop.db``."""

from __future__ import annotations

import sys
from datetime import date

import attrs

import crmkit


@crmkit.custom_record("bicycle", search=("name", "brand"), unique=[("name",)])
class Bicycle(crmkit.Record):
    name: str  # the number on its frame
    brand: str
    rider_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="contact"))


@crmkit.custom_record("repair_order", search=("name",))
class RepairOrder(crmkit.Record):
    name: str
    bicycle_id: str = attrs.field(metadata=crmkit.stored(references="bicycle"))
    deal_id: str | None = attrs.field(default=None, metadata=crmkit.stored(references="deal"))


@crmkit.custom_fields("lead", "contact")
class Rider:
    height_cm: int | None = None
    style: str | None = attrs.field(default=None, metadata=crmkit.stored(indexed=True))


@crmkit.custom_fields("deal")
class Job:
    hours: int | None = None
    waits_for_parts: bool = False
    promised_on: date | None = None


STAGES = [
    {"key": "brought", "title": "Brought in", "default_probability": "60"},
    {"key": "at_work", "title": "On the stand", "default_probability": "90", "required_fields": "job.hours"},
    {"key": "fetched", "title": "Fetched and paid", "kind": "won"},
    {"key": "scrapped", "title": "Not worth it", "kind": "lost"},
]

url = sys.argv[1] if len(sys.argv) > 1 else "memory:"
with crmkit.open(url, create=True, fields=[Rider, Job], record_types=[Bicycle, RepairOrder]) as crm:
    crm.add_pipeline("workshop", "Workshop", STAGES, currency="EUR")
    crm.convert(crm.leads.add(Rider(height_cm=182, style="touring"), first_name="Zoé", email="zoe@roue.example"))
    bike = crm[Bicycle].add(name="FR-4711", brand="Gitane", rider_id=crm.contacts.find("Zoé"))
    deal = {"contacts": [bike.rider_id], "amount": "180", "pipeline": "workshop"}
    job = crm.open_deal("New wheels", Job(hours=2), **deal)
    order = crm[RepairOrder].add(name="Wheels of Zoé", bicycle_id=bike, deal_id=job)
    crm.note(order, "Rear spokes are broken")
    crm.move_deal(crm.deals.update(job, {"job.waits_for_parts": True}), "at_work")
    print("Tourers:", [rider.label for rider in crm.contacts.where("rider.style = touring")])
    print("Waiting:", [deal.name for deal in crm.deals.where("job.waits_for_parts = yes and stage = at_work")])
    print("Gitanes:", [each.name for each in crm[RepairOrder].where("bicycle.brand = Gitane")])
