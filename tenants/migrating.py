"""How the first tables come into a database: the public schema's, and those of the template, which companies clone.

By Django's own executor, as `migrate` does it. django-tenants' command serves what was migrated before: for the public
schema it would go through the migrations of all apps, which make nothing there.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState
from psycopg import sql

from tenants.scope import PUBLIC, schema_scope
from tenants.scope import connection as tenant_connection


class FirstState(ProjectState):
    """The models of a history of migrations that begins with an empty schema.

    Django makes the class of a new model, and those of all that it is related to, anew: to Django's own knowledge
    somebody may have waited for it under its name. Here each migration names what it needs, so that a new model is all
    that is new. That is a third of the time that making all tables takes.
    """

    def add_model(self, model_state: ModelState) -> None:
        made = self.__dict__.pop("apps", None)
        super().add_model(model_state)
        if made is not None:
            self.__dict__["apps"] = made
            made.render_multiple([model_state])


def shared_migrate() -> None:
    """Migrate the public schema, whose tables are those of the shared apps."""
    shared = {AppConfig.create(entry).label for entry in settings.SHARED_APPS}
    with schema_scope(PUBLIC):
        _migrate(shared)


def schema_make(schema: str) -> None:
    """Make a schema with the tables of all migrations."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    # Its own table of migrations: else the public one would be found, where all are done.
    tenant_connection.set_schema(schema, include_public=False)
    MigrationRecorder(connection).ensure_schema()
    with schema_scope(schema):
        _migrate(None)


def _migrate(labels: set[str] | None) -> None:
    """Migrate the current schema: of these apps, or of all (None)."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    loader.check_consistent_history(connection)
    targets = [node for node in loader.graph.leaf_nodes() if labels is None or node[0] in labels]
    plan = executor.migration_plan(targets)
    if plan:
        applied = [node for node in loader.applied_migrations if node in loader.graph.nodes]
        known = loader.project_state(applied).apps
        emit_pre_migrate_signal(0, False, connection.alias, apps=known, plan=plan)
        first = None if applied else FirstState(real_apps=loader.unmigrated_apps)
        executor.migrate(targets, plan=plan, state=first)
    # Content types of all apps, so that they have the same numbers here and in every company's schema.
    every = loader.project_state().apps
    emit_post_migrate_signal(0, False, connection.alias, apps=every, plan=plan)
