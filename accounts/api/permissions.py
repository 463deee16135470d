"""A view names the permission it needs; nothing is open by default."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from accounts.permissions import Permission, Scope


class Allowed(BasePermission):
    """Allow by the matrix: `view.permission`, or `view.permissions_by_action[action]`.

    API keys also need a scope: read or write by the method, or one of `view.scopes`.
    """

    # `view` is an APIView; importing that here would go in a circle, as its module reads the settings that name this.
    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        by_action: dict[str, Permission] = getattr(view, "permissions_by_action", {})
        needed = by_action.get(getattr(view, "action", ""), getattr(view, "permission", None))
        if needed is None or not request.user.may(needed):
            return False
        if isinstance(request.auth, ApiKey):
            usual = {Scope.READ if request.method in SAFE_METHODS else Scope.WRITE}
            return bool(getattr(view, "scopes", usual) & set(request.auth.scopes))
        return True
