"""Who may see and change webhooks: admins."""

from __future__ import annotations

from integrations.webhooks.models import WebhookDelivery, WebhookEndpoint
from integrations.webhooks.services import endpoint_create, endpoint_test
from tests.conftest import Company

ADMIN = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
URL = "https://hooks.example/in"


def _made() -> WebhookEndpoint:
    return endpoint_create(url=URL, events=["summary.ready"])[0]


def _sent() -> WebhookDelivery:
    return endpoint_test(endpoint=_made())


def endpoint(company: Company) -> str:
    return f"/api/v1/webhook-endpoints/{_made().pk}/"


def endpoint_tested(company: Company) -> str:
    return endpoint(company) + "test/"


def endpoint_rotated(company: Company) -> str:
    return endpoint(company) + "rotate/"


def endpoint_replayed(company: Company) -> str:
    return endpoint(company) + "replay/"


def delivery(company: Company) -> str:
    return f"/api/v1/webhook-deliveries/{_sent().pk}/"


def delivery_replayed(company: Company) -> str:
    return delivery(company) + "replay/"


ROWS = [
    ("GET", "/api/v1/webhook-endpoints/", ADMIN),
    (
        "POST",
        "/api/v1/webhook-endpoints/",
        ADMIN | {"admin": 201},
        {"url": URL, "events": ["conversation.completed"]},
    ),
    ("GET", endpoint, ADMIN),
    ("PATCH", endpoint, ADMIN, {"active": False}),
    ("DELETE", endpoint, ADMIN | {"admin": 204}),
    ("POST", endpoint_tested, ADMIN | {"admin": 202}, {}),
    ("POST", endpoint_rotated, ADMIN, {}),
    ("POST", endpoint_replayed, ADMIN, {"since": "2026-01-01T00:00:00Z"}),
    ("GET", "/api/v1/webhook-deliveries/", ADMIN),
    ("GET", delivery, ADMIN),
    ("POST", delivery_replayed, ADMIN | {"admin": 202}, {}),
]
