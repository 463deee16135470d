"""Customers as calls bring them: found or made by the company's own reference, and kept up to date."""

from __future__ import annotations

from typing import Any

from conversations.live import metadata
from conversations.live.identifiers import code_of
from conversations.live.wire import CustomerDetails
from conversations.models import Customer


def customer_clean(details: CustomerDetails) -> dict[str, Any]:
    """What a call says of its customer, as it may be kept: without what reads as a card or a phone number."""
    reference = details.reference
    # The name is what the company calls them: it stays, and what is no name in it goes.
    clean_reference, name, segment, fields = metadata.redacted(
        [reference, details.name, details.segment, details.fields]
    )
    if clean_reference != reference:
        # A phone or card number as reference: the customer stays recognisable, the number is not kept.
        reference = code_of(reference, "customer")
    return {
        "reference": reference,
        "name": name[:120],
        "segment": segment[:40],
        "fields": fields,
    }


def customer_typed(customer: Customer) -> None:
    """Take out of a customer's record, typed by a person and not saved yet, what `customer_clean` takes out."""
    details = CustomerDetails.model_construct(
        reference=customer.reference,
        name=customer.name,
        segment=customer.segment,
        fields=customer.fields if isinstance(customer.fields, dict) else {},
    )
    for name, value in customer_clean(details).items():
        setattr(customer, name, value)


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
