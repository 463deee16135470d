"""With a pool of database connections, each of which serves both companies in turn, nobody reads the other's rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

# In a process of its own: the pool is made from the settings, once.
WORK = """
import asyncio, json, sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
import django
django.setup()
from django.db import connection, transaction
from accounts.models import User
from tenants.scope import TenantThreads

class Undone(Exception):
    pass

def companies(undo):
    found = set()
    try:
        with transaction.atomic():
            found |= set(User.objects.values_list("email", flat=True))
            try:
                with transaction.atomic():
                    found |= set(User.objects.values_list("email", flat=True))
                    raise Undone
            except Undone:
                found |= set(User.objects.values_list("email", flat=True))
            if undo:
                raise Undone
    except Undone:
        # A rolled back transaction takes its search path with it.
        found |= set(User.objects.values_list("email", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return [sorted({email.partition("@")[2] for email in found}), cursor.fetchone()[0]]

async def main():
    threads = TenantThreads(4, "test")
    schemas = ("northwind", "acme")
    work = (threads.run(schemas[n % 2], companies, n % 3 == 0) for n in range(120))
    found = await asyncio.gather(*work)
    threads.close()
    return found

print(json.dumps(asyncio.run(main())))
connection.close_pool()
"""


@pytest.mark.parametrize("size", [1, 3])
def test_pooled_connections_keep_no_company(committed: object, size: int) -> None:
    environment = os.environ | {
        "DATABASE_POOL_SIZE": str(size),
        "DJANGO_SETTINGS_MODULE": "cresta_app.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", WORK, connection.settings_dict["NAME"]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [companies for companies, _backend in found] == [["northwind.test"], ["acme.test"]] * 60
    # They did share: each connection served both.
    served = [{backend for _companies, backend in found[company::2]} for company in (0, 1)]
    assert served[0] & served[1]
    assert len(served[0] | served[1]) <= size + 1
