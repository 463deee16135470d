"""Companies that had chosen a recogniser before there were accounts and positions keep it, there and back."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from providers.models import ProviderAccount, Route
from providers.selectors import speech_plan
from tests.conftest import Company

BEFORE, AFTER = ("providers", "0001_initial"), ("providers", "0002_accounts")


def migrated(to: tuple[str, str]) -> Any:
    """Bring this schema to a migration; returns the model of routes as it was then."""
    with connection.cursor() as cursor:
        # Checks that wait for the end of the transaction would hold up changes to their tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    executor.migrate([to])
    return executor.loader.project_state([to]).apps.get_model("providers", "Route")


def test_a_route_outlives_the_migration(northwind: Company) -> None:
    old = migrated(BEFORE)
    route = old.objects.create(task="speech_live", provider="pocketsphinx", active=True)

    migrated(AFTER)
    kept = Route.objects.get()
    assert (kept.pk, kept.task, kept.provider, kept.active) == (
        route.pk,
        "speech_live",
        "pocketsphinx",
        True,
    )
    assert (kept.language, kept.position, kept.account) == ("", 1, None)
    assert [choice.vendor for choice in speech_plan("en-GB", live=True)] == ["pocketsphinx"]
    # The new constraints hold for what comes now: a second position for the same task.
    account = ProviderAccount.objects.create(vendor="deepgram", name="Deepgram")
    Route.objects.create(task="speech_live", position=2, account=account)
    Route.objects.filter(position=2).delete()

    back = migrated(BEFORE)
    assert list(back.objects.values_list("pk", "task", "provider", "active")) == [
        (route.pk, "speech_live", "pocketsphinx", True)
    ]
    assert {column.name for column in _columns("providers_route")} == {"id", "task", "provider", "active"}
    migrated(AFTER)
    assert Route.objects.get().pk == route.pk


def _columns(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        return list(connection.introspection.get_table_description(cursor, table))
