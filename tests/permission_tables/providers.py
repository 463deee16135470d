"""Who sees how recognisers do, tries them and uses them again."""

from __future__ import annotations

from tests.conftest import Company

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
DONE = ADMIN_ONLY | {"admin": 302}


def _account(company: Company) -> str:
    from providers.models import ProviderAccount

    # Nobody listens at this port: trying it fails at once.
    made, _ = ProviderAccount.objects.get_or_create(
        name="Ours",
        defaults={
            "vendor": "openai_audio",
            "base_url": "http://127.0.0.1:9/v1",
            "options": {"retries": 0, "timeout_s": 1.0},
        },
    )
    return str(made.pk)


def reset(company: Company) -> str:
    return f"/settings/providers/{_account(company)}/reset/"


def trial(company: Company) -> str:
    return f"/settings/providers/{_account(company)}/try/"


def chat_server(company: Company) -> str:
    from providers.models import ChatServer

    made, _ = ChatServer.objects.get_or_create(
        name="Ours", defaults={"base_url": "http://127.0.0.1:9/v1", "model": "m", "active": False}
    )
    return f"/admin/providers/chatserver/{made.pk}/change/"


def search_server(company: Company) -> str:
    from providers.models import SearchServer

    made, _ = SearchServer.objects.get_or_create(
        name="Ours",
        defaults={"base_url": "http://127.0.0.1:9/v1", "model": "m", "dimensions": 8, "active": False},
    )
    return f"/admin/providers/searchserver/{made.pk}/change/"


ROWS = [
    ("GET", "/settings/providers/", ADMIN_ONLY),
    ("POST", reset, DONE),
    ("POST", trial, DONE),
    ("GET", "/api/v1/providers/health/", ADMIN_ONLY | {"nobody": 401}),
    ("GET", "/admin/providers/searchserver/", ADMIN_ONLY),
    ("GET", search_server, ADMIN_ONLY),
    ("POST", "/admin/providers/searchserver/add/", ADMIN_ONLY, {"name": ""}),
    ("POST", "/admin/providers/searchserver/", ADMIN_ONLY, {"action": "try_it", "_selected_action": []}),
    ("GET", "/admin/providers/chatserver/", ADMIN_ONLY),
    ("GET", chat_server, ADMIN_ONLY),
    ("POST", "/admin/providers/chatserver/add/", ADMIN_ONLY, {"name": ""}),
    ("POST", "/admin/providers/chatserver/", ADMIN_ONLY, {"action": "try_it", "_selected_action": []}),
]
