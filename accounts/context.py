"""What every page's frame needs to know about the person in front of it."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.permissions import Permission
from tenants.scope import PUBLIC

_RARE = frozenset({"completeness", "privacy", "uploads", "providers-health", "models", "summary-figures"})


def navigation(request: HttpRequest) -> dict[str, object]:
    """The pages this person may open, in order: `[{"key", "name", "url", "on"}]`; `on`: they are in it now.

    What is looked at rarely stands under `navigation_more`, if there are two or more of it.
    """
    user = getattr(request, "user", None)
    tenant = getattr(request, "tenant", None)
    if tenant is None or tenant.schema_name == PUBLIC or user is None or not user.is_authenticated:
        return {"navigation": [], "navigation_more": []}
    offered = [
        (Permission.DESK_WORK, "desk", _("Desk")),
        (Permission.FLOOR_WATCH, "floor", _("Floor")),
        (Permission.CONVERSATION_READ_OWN, "conversations", _("Conversations")),
        (Permission.EVALUATION_READ, "quality", _("Quality")),
        (Permission.COACHING_READ, "coaching", _("Coaching")),
        (Permission.KNOWLEDGE_SEARCH, "knowledge", _("Knowledge")),
        (Permission.REPORT_READ, "reports", _("Reports")),
        (Permission.REPORT_READ, "completeness", _("Completeness")),
        (Permission.REPORT_READ, "summary-figures", _("Summaries")),
        (Permission.CONVERSATION_REDACT, "privacy", _("Privacy")),
        (Permission.UPLOAD_MANAGE, "uploads", _("Uploads")),
        (Permission.ADMIN_CONFIGURE, "providers-health", _("Speech")),
        (Permission.ADMIN_CONFIGURE, "models", _("Models")),
    ]
    items: list[dict[str, object]] = [
        {"key": name, "name": label, "url": reverse(name)}
        for permission, name, label in offered
        if user.may(permission)
    ]
    if user.may(Permission.ADMIN_CONFIGURE):
        items.append({"key": "admin", "name": _("Admin"), "url": reverse("admin:index")})
    for item in items:
        item["on"] = request.path.startswith(str(item["url"]))
    more = [item for item in items if item["key"] in _RARE]
    if len(more) < 2:
        more = []
    return {"navigation": [item for item in items if item not in more], "navigation_more": more}
