"""The two sample companies: people, policies, a scorecard, documents, a week of conversations. Safe to run again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import ApiKey, Queue, TelephonyIdentity, User
from accounts.models import Team as TeamRow
from accounts.permissions import Role, Scope
from accounts.services import api_key_create, api_key_revoke, identity_attach, user_create
from conversations.live.stages import Stage
from demo.calibration import calibration_make
from demo.coaching import coaching_make
from demo.content import content_install
from demo.history import history_make
from demo.people import COMPANIES, PASSWORD, PLATFORM_EMAIL, PLATFORM_NAME, Company, agent_number
from demo.trial import trial_make
from engines.documents.model import Kind
from engines.documents.reading import document_read
from knowledge.documents.services import document_save
from knowledge.models import Collection
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope
from tenants.services import domain_ensure, tenant_create

DOCUMENTS = Path(__file__).parent / "documents"
CONVERSATIONS = 60
PLAN = "demo"
KEY_NAME = "Sample call"
COLLECTION = "Handbook"
# By company: the folder of its documents, and the collection that they are in.
COLLECTIONS = {
    "northwind": (("offers", "Offers and bills"), ("internet", "Internet at home")),
    "acme": (("tariffs", "Tariffs"), ("phones", "Phones and networks")),
}
QUESTIONS = "Questions and answers"


def demo_provision(
    *, stages: list[Stage], conversations: int = CONVERSATIONS, say: Callable[[str], None] = lambda line: None
) -> None:
    """Bring both companies to where a newcomer should find them. What people changed meanwhile stays.

    `conversations` past ones are made for each company; `stages` are those of a live call.
    """
    _platform_operator()
    for company in COMPANIES:
        if not Tenant.objects.filter(schema_name=company.schema).exists():
            tenant_create(
                schema=company.schema,
                name=company.name,
                domain=company.host(settings.PLATFORM_DOMAIN),
                plan=PLAN,
                time_zone=company.time_zone,
            )
        domain_ensure(schema=company.schema, domain=company.floor_host(settings.PLATFORM_DOMAIN))
        with schema_scope(company.schema):
            with transaction.atomic():
                people = _people(company)
            content_install(team=TeamRow.objects.get(name=company.teams[0].name), actor=people[company.admin])
            _documents(company, people[company.admin])
            ingest_key(company.schema)
            if conversations:
                # First, so that the calls of last week are drawn like others.
                trial_make(company=company, actor=people[company.admin])
            made = history_make(company=company, stages=stages, count=conversations)
            if conversations:
                calibration_make(company=company, people=people)
                coaching_make(company=company, people=people)
        say(f"{company.name}: {len(people)} people, {made} new past conversations")


def is_demo(schema: str) -> bool:
    """Whether the sample call may be played in this company. One query, on the public schema."""
    with schema_scope(PUBLIC):
        return Tenant.objects.filter(schema_name=schema, plan=PLAN).exists()


def _platform_operator() -> None:
    with schema_scope(PUBLIC):
        if not User.objects.filter(email=PLATFORM_EMAIL).exists():
            user_create(email=PLATFORM_EMAIL, name=PLATFORM_NAME, role=Role.PLATFORM, password=PASSWORD)


def _people(company: Company) -> dict[str, User]:
    """Everyone who works there, by name, with teams, queues and telephony identities."""
    people = {}

    def person(name: str, role: str, team: TeamRow | None = None) -> User:
        email = company.email(name)
        found = User.objects.filter(email=email).first()
        if found is None:
            found = user_create(email=email, name=name, role=role, team=team)
            User.objects.filter(pk=found.pk).update(password=_password_hash())
        people[name] = found
        return found

    person(company.admin, Role.ADMIN)
    person(company.analyst, Role.ANALYST)
    for team in company.teams:
        row, new = TeamRow.objects.get_or_create(name=team.name)
        supervisor = person(team.supervisor, Role.SUPERVISOR)
        if new:
            row.supervisors.add(supervisor)
        for key, name in team.queues:
            queue, new_queue = Queue.objects.get_or_create(key=key, defaults={"name": name})
            if new_queue:
                queue.teams.add(row)
        for name in team.agents:
            agent = person(name, Role.AGENT, row)
            if not TelephonyIdentity.objects.filter(user=agent).exists():
                identity_attach(user=agent, provider="native", agent_id=agent_number(company, name))
    return people


@cache
def _password_hash() -> str:
    """One hash for all: making it takes half a second, and there is nothing secret about it."""
    return make_password(PASSWORD)


def _documents(company: Company, owner: User) -> None:
    """The handbook that both companies have, and the collections of their own. What people changed stays."""
    _collection(COLLECTION, DOCUMENTS, owner)
    for folder, name in COLLECTIONS[company.schema]:
        _collection(name, DOCUMENTS / company.schema / folder, owner)


def _collection(name: str, folder: Path, owner: User) -> None:
    collection, _created = Collection.objects.get_or_create(name=name, defaults={"owner": owner})
    known = set(collection.documents.values_list("title", flat=True))
    for title, body in _texts(folder):
        if title not in known:
            document_save(collection=collection, title=title, body=body, actor=owner)


def handbook(schema: str) -> list[tuple[str, str]]:
    """Title and text of all documents that a sample company has."""
    folders = [DOCUMENTS, *(DOCUMENTS / schema / folder for folder, _name in COLLECTIONS[schema])]
    return [text for folder in folders for text in _texts(folder)]


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted([*folder.glob("*.md"), *folder.glob("*.csv")]):
        read = document_read(path.name, path.read_bytes())
        # The page shows the title above the text; there is no need of it twice.
        body = read.body.removeprefix(f"# {read.title}\n").lstrip("\n")
        yield (QUESTIONS if read.kind is Kind.CSV else read.title), body


# --- The key that the sample call is sent with ----------------------------------------------------------


def ingest_key(schema: str) -> str:
    """The secret of the company's key for the sample call, made on first use. Called in the company's schema.

    Secrets are stored nowhere in the database, so this one is kept in a file of the data folder (mode 0600); where
    the two do not fit together any more, a new key is made.
    """
    path = Path(settings.DATA_DIR) / f"demo-{schema}.key"
    if path.is_file():
        secret = path.read_text().strip()
        if ApiKey.objects.filter(prefix=secret[:12], revoked_at__isnull=True).exists():
            return secret
    admin = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("created_at").first()
    if admin is None:
        raise LookupError("the company has no admin who could own the key")
    for old in ApiKey.objects.filter(name=KEY_NAME, revoked_at__isnull=True):
        api_key_revoke(key=old, actor=admin)
    _key, secret = api_key_create(owner=admin, name=KEY_NAME, scopes=[Scope.INGEST.value])
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    draft.replace(path)
    return secret
