"""API of people: who there is, as far as one needs it to filter and to attach."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import Q, QuerySet
from rest_framework import mixins, serializers

from accounts.api.base import CompanyViewSet
from accounts.models import User
from accounts.permissions import Permission, Role


class UserSerializer(serializers.ModelSerializer[User]):
    team: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="name", read_only=True)

    class Meta:
        model = User
        fields = ("id", "name", "role", "team", "is_active")


class UserFilter(filters.FilterSet):
    role = filters.ChoiceFilter(choices=[one for one in Role.choices if one[0] != Role.PLATFORM])
    team = filters.UUIDFilter(field_name="team_id")
    q = filters.CharFilter(field_name="name", lookup_expr="icontains")

    class Meta:
        model = User
        fields: list[str] = []


def users_visible(user: User) -> QuerySet[User]:
    """People whose conversations this person may read: themselves, their teams' members, or everybody."""
    rows = User.objects.select_related("team")
    if user.may(Permission.CONVERSATION_READ_ALL):
        return rows
    return rows.filter(Q(pk=user.pk) | Q(team__in=user.supervised_teams.values("pk")))


class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """People whose conversations you may read."""

    permission = Permission.CONVERSATION_READ_OWN
    serializer_class = UserSerializer
    filterset_class = UserFilter
    queryset = User.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return User.objects.none() if self.is_schema else users_visible(self.user)
