"""Fixtures: two companies with the same people each, clients on their hosts, and clean tables.

`world` works within the test's own transaction, which is rolled back. `committed` is for tests whose code runs in
other threads or processes: what it writes is really there, and is removed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone
from psycopg import sql

from tests.services import SHARED_DATA, prepared

# Found when asked for. Otherwise every client of a test reads all static files' places first, thousands of times.
settings.WHITENOISE_AUTOREFRESH = True

PASSWORD = "a long enough secret"
COMPANIES = ("northwind", "acme")
KEPT = (
    "accounts_user",
    "accounts_team",
    "accounts_team_supervisors",
    "accounts_queue",
    "accounts_queue_teams",
)


@dataclass
class Company:
    """One company of the test world. `people` by persona: agent, teammate, outsider, supervisor, analyst, admin."""

    schema: str
    people: dict[str, Any] = field(default_factory=dict)
    team: Any = None
    other_team: Any = None
    queue: Any = None

    @property
    def host(self) -> str:
        return f"{self.schema}.localhost"

    def client(self, persona: str | None = None, **extra: Any) -> Client:
        """A browser on this company's host, signed in as `persona`."""
        client = Client(headers={"host": self.host}, **extra)
        if persona is not None:
            with self.scope():
                client.force_login(self.people[persona])
        return client

    def scope(self) -> Any:
        from tenants.scope import schema_scope

        return schema_scope(self.schema)


@dataclass
class World:
    northwind: Company
    acme: Company


# The people of each company by persona, once they are made.
_people: dict[str, dict[str, Any]] = {}


def _company(schema: str) -> Company:
    """Find or make the people of one company: agent and teammate in Billing, outsider in Sales."""
    from accounts.models import Queue, Team, User
    from accounts.services import user_create
    from tenants.models import Tenant
    from tenants.scope import schema_scope
    from tenants.services import tenant_create

    if not Tenant.objects.filter(schema_name=schema).exists():
        tenant_create(schema=schema, name=schema.title(), domain=f"{schema}.localhost")
    company = Company(schema)
    with schema_scope(schema):
        company.team, _ = Team.objects.get_or_create(name="Billing")
        company.other_team, _ = Team.objects.get_or_create(name="Sales")
        company.queue, _ = Queue.objects.get_or_create(key="billing", defaults={"name": "Billing"})
        company.queue.teams.set([company.team])
        personas = {
            "agent": ("agent", company.team),
            "teammate": ("agent", company.team),
            "outsider": ("agent", company.other_team),
            "supervisor": ("supervisor", None),
            "other_supervisor": ("supervisor", None),
            "analyst": ("analyst", None),
            "admin": ("admin", None),
        }
        for persona, (role, team) in personas.items():
            email = f"{persona}@{schema}.test"
            user = User.objects.filter(email=email).first() or user_create(
                email=email, name=persona.replace("_", " ").title(), role=role, team=team, password=PASSWORD
            )
            company.people[persona] = user
        company.team.supervisors.set([company.people["supervisor"]])
        company.other_team.supervisors.set([company.people["other_supervisor"]])
    _people[schema] = {persona: user.pk for persona, user in company.people.items()}
    return company


# Each company as it was read, until a test writes for good.
_read: dict[str, Company] = {}


def _company_again(schema: str) -> Company:
    """The company as it was made: what tests wrote was rolled back, or mended when they ended. Each gets its copy."""
    if schema not in _read:
        _read[schema] = _company_read(schema)
    kept = _read[schema]
    return Company(
        schema,
        people={persona: copy(user) for persona, user in kept.people.items()},
        team=copy(kept.team),
        other_team=copy(kept.other_team),
        queue=copy(kept.queue),
    )


def _company_read(schema: str) -> Company:
    from accounts.models import Queue, Team, User
    from tenants.scope import schema_scope

    company = Company(schema)
    with schema_scope(schema):
        teams = {team.name: team for team in Team.objects.all()}
        company.team, company.other_team = teams["Billing"], teams["Sales"]
        company.queue = Queue.objects.get(key="billing")
        users = User.objects.in_bulk(_people[schema].values())
        for persona, pk in _people[schema].items():
            company.people[persona] = users[pk]
    return company


def pytest_configure() -> None:
    # The slow hash that guards real passwords would be most of what the tests of sign-in do.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: Any,
    django_db_keepdb: bool,
    django_db_createdb: bool,
    django_db_modify_db_settings: None,
) -> Iterator[None]:
    """The test database with both companies in it, whatever the tests that run were marked with.

    pytest-django's own fixture makes it for tests with its mark only; one of ours without would be on the real one.
    Nor does Django's own way: it would go through all migrations once more, which `platform_prepare` knows better.
    """
    from tenants.services import platform_prepare

    with django_db_blocker.unblock():
        keep = django_db_keepdb and not django_db_createdb
        real, creation = connection.settings_dict["NAME"], connection.creation
        name = creation._create_test_db(verbosity=0, autoclobber=True, keepdb=keep)
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
        assert name.startswith("test_")
        if name not in prepared:
            platform_prepare(domain=settings.PLATFORM_DOMAIN)
        for schema in COMPANIES:
            _company(schema)
        connection.close()
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            creation.destroy_test_db(real, verbosity=0)


def _flush_redis() -> None:
    urls = (
        settings.REDIS_STREAMS_URL,
        settings.REDIS_LAYER_URL,
        settings.REDIS_BROKER_URL,
        settings.REDIS_CACHE_URL,
    )
    for url in urls:
        with redis.Redis.from_url(url) as client:
            client.flushdb()


@pytest.fixture(autouse=True)
def messages_hold_ids() -> Iterator[None]:
    """Whatever a test has Celery told, its arguments are ids: see `task_guard`."""
    from tests.task_guard import guard

    with guard():
        yield


class _Outside:
    """The connection as code sees it that runs outside the test's own transaction."""

    def __init__(self, depth: int) -> None:
        self._depth = depth

    @property
    def in_atomic_block(self) -> bool:
        return len(connection.savepoint_ids) > self._depth

    def __getattr__(self, name: str) -> Any:
        return getattr(connection, name)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Both companies; everything the test writes is rolled back."""
    # What must be within a transaction must be so without the test's own.
    outside = _Outside(len(connection.savepoint_ids))
    for module in ("conversations.services", "conversations.news"):
        monkeypatch.setattr(f"{module}.connection", outside)
    connection.set_schema_to_public()
    yield World(*(_company_again(schema) for schema in COMPANIES))
    connection.set_schema_to_public()
    cache.clear()


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Both companies, with writes that other threads and processes see; removed when the test ends."""
    _read.clear()
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        _flush_redis()
        world = World(*(_company(schema) for schema in COMPANIES))
        try:
            yield world
        finally:
            connection.set_schema_to_public()
            for company in (world.northwind, world.acme):
                _clean(company)
                _company(company.schema)
            connection.close()
            _flush_redis()


def _clean(company: Company) -> None:
    """Empty every table of the company but its people.

    Only what has rows is emptied: to truncate five hundred tables and indexes takes longer than most tests.
    """
    from accounts.models import User

    with company.scope(), transaction.atomic(), connection.cursor() as cursor:
        # Most have never had a row: their files are empty, and they need not be asked.
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
            " AND relname NOT LIKE 'auth_%%' AND relname NOT IN ('django_migrations', 'django_content_type')"
            " AND pg_relation_size(oid) > 0",
            [company.schema],
        )
        tables = [sql.Identifier(company.schema, row[0]) for row in cursor.fetchall() if row[0] not in KEPT]
        having = sql.SQL("SELECT {0} WHERE EXISTS (SELECT FROM {1})")
        cursor.execute(
            sql.SQL(" UNION ALL ").join(
                having.format(sql.Literal(at), table) for at, table in enumerate(tables)
            )
            if tables
            else "SELECT 0 WHERE FALSE"
        )
        # Foreign keys are looked at when the transaction ends: any order will do.
        for (at,) in cursor.fetchall():
            cursor.execute(sql.SQL("DELETE FROM {}").format(tables[at]))
        others = User.objects.exclude(pk__in=[user.pk for user in company.people.values()])
        if others.exists():
            others.delete()


@pytest.fixture
def northwind(world: World) -> Iterator[Company]:
    """Northwind, with its schema set; everything is rolled back."""
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def receiver(settings: Any) -> Iterator[Any]:
    """A receiver of webhooks on loopback (`tests.webhook_receiver.Receiver`) that may be asked."""
    from tests.webhook_receiver import receiver_run

    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = ["127.0.0.0/8"], True
    with receiver_run() as receiver:
        yield receiver


@pytest.fixture
def shared_data() -> Path:
    """The folder of public evaluation data beside the project; the test skips without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the evaluation data is not beside the project ({SHARED_DATA.name} is absent)")
    return SHARED_DATA


@pytest.fixture
def make_conversation() -> Callable[..., Any]:
    """Write a past conversation with utterances, in the current schema: `make_conversation(agent=…, lines=[…])`."""
    from accounts.ids import new_id
    from conversations.models import CallOwner, Conversation, Participant, Speaker, Utterance

    def make(
        *,
        agent: Any = None,
        lines: list[tuple[str, str]] | None = None,
        state: str = "completed",
        at: datetime | None = None,
        **fields: Any,
    ) -> Conversation:
        at = at or timezone.now() - timedelta(hours=1)
        lines = lines or [("agent", "thank you for calling how can i help"), ("customer", "my bill is wrong")]
        conversation = Conversation.objects.create(
            agent=agent,
            state=state,
            announced_at=at,
            started_at=at,
            ended_at=None if state in {"announced", "live"} else at + timedelta(seconds=5 * len(lines)),
            provider_call_id=fields.pop("provider_call_id", str(new_id())),
            **fields,
        )
        CallOwner.objects.create(conversation=conversation)
        sides = {}
        for index, role in enumerate((Speaker.AGENT, Speaker.CUSTOMER)):
            sides[role.value] = Participant.objects.create(
                conversation=conversation, role=role, channel_index=index, joined_at=at
            )
        Utterance.objects.bulk_create(
            Utterance(
                conversation=conversation,
                sequence=number,
                speaker=speaker,
                channel_index=0 if speaker == "agent" else 1,
                start_ms=5000 * (number - 1),
                end_ms=5000 * (number - 1) + 4000,
                text=text,
                provider="test",
            )
            for number, (speaker, text) in enumerate(lines, 1)
        )
        return conversation

    return make


@pytest.fixture
def own_folder(tmp_path: Path) -> Iterator[Path]:
    """File storage in a folder of this test alone."""
    storages = {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=storages):
        yield tmp_path


@pytest.fixture
def past(world: World) -> Any:
    """A conversation of Northwind's agent that is over, with all that belongs to it."""
    from tests.past_calls import past_call

    with world.northwind.scope():
        return past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
