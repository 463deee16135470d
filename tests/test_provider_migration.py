"""Companies that had chosen a recogniser before there were accounts and positions keep it, there and back."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from providers.models import ProviderAccount, Route
from providers.selectors import speech_plan
from tests.conftest import Company

BEFORE, AFTER = "0001_initial", "0002_accounts"


class Moved:
    """This schema among the migrations of `providers`, of which all are applied at first.

    The models of all apps, which Django's own executor makes at each step, take a minute of a processor: these are made
    of what the step builds on.
    """

    def __init__(self) -> None:
        self._loader = MigrationLoader(connection)
        self._names = sorted(name for app, name in self._loader.graph.nodes if app == "providers")
        self._at = len(self._names)
        with connection.cursor() as cursor:
            # Checks that wait for the end of the transaction would hold up changes to their tables.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def to(self, name: str) -> Any:
        """Bring it to a migration; returns the model of routes as it was then."""
        wanted = self._names.index(name) + 1
        while self._at != wanted:
            forwards = self._at < wanted
            step = ("providers", self._names[self._at if forwards else self._at - 1])
            migration = self._loader.get_migration(*step)
            before = self._loader.project_state([step], at_end=False)
            with connection.schema_editor(atomic=migration.atomic) as editor:
                (migration.apply if forwards else migration.unapply)(before, editor)
            self._at += 1 if forwards else -1
        return self._loader.project_state([("providers", name)]).apps.get_model("providers", "Route")


def test_a_route_outlives_the_migration(northwind: Company) -> None:
    schema = Moved()
    old = schema.to(BEFORE)
    route = old.objects.create(task="speech_live", provider="pocketsphinx", active=True)

    schema.to(AFTER)
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

    back = schema.to(BEFORE)
    assert list(back.objects.values_list("pk", "task", "provider", "active")) == [
        (route.pk, "speech_live", "pocketsphinx", True)
    ]
    assert {column.name for column in _columns("providers_route")} == {"id", "task", "provider", "active"}
    schema.to(AFTER)
    assert Route.objects.get().pk == route.pk


def _columns(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        return list(connection.introspection.get_table_description(cursor, table))
