"""Customers as calls bring them: found or made by the company's own reference, and kept up to date."""

from __future__ import annotations

from typing import Any

from django.utils.crypto import salted_hmac

from conversations.live import metadata
from conversations.live.wire import CustomerDetails
from conversations.models import Customer
from tenants.scope import current_schema


def customer_clean(details: CustomerDetails) -> dict[str, Any]:
    """What a call says of its customer, as it may be kept: without what reads as a card or a phone number."""
    reference = details.reference
    clean = metadata.redacted(
        {
            "reference": reference,
            "name": details.name,
            "segment": details.segment,
            "fields": details.fields,
        }
    )
    if clean["reference"] != reference:
        # A phone or card number as reference: the customer stays recognisable, the number is not kept.
        reference = f"hidden-{salted_hmac(f'customer:{current_schema()}', reference).hexdigest()[:24]}"
    return {
        "reference": reference,
        "name": clean["name"][:120],
        "segment": clean["segment"][:40],
        "fields": clean["fields"],
    }


def customer_update(details: dict[str, Any]) -> Customer:
    """Find or make the customer, and take over what the call knows of them."""
    customer, created = Customer.objects.get_or_create(reference=details["reference"], defaults=details)
    if created:
        return customer
    changed = []
    for name in ("name", "segment"):
        if details[name] and details[name] != getattr(customer, name):
            setattr(customer, name, details[name])
            changed.append(name)
    merged = customer.fields | details["fields"]
    if merged != customer.fields:
        customer.fields = merged if _fits(merged) else details["fields"]
        changed.append("fields")
    if changed:
        customer.save(update_fields=changed)
    return customer


def _fits(fields: dict[str, Any]) -> bool:
    try:
        metadata.check(fields)
    except ValueError:
        return False
    return True
