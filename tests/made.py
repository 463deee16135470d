"""A prepared database, made once a run: the processes of `-n`, and installations that tests start, begin with a copy.

To migrate from nothing takes twenty seconds of a processor, and each PostgreSQL of a run would do it anew. That it
works from nothing is shown by who makes the copies' original, and by `manage.py demo` (test_demo_proof.py).

`python -m tests.made FOLDER` makes the original in a process of its own, because its settings name its database.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from cresta_app.stack import postgres
from cresta_app.stack.services import Services, services_remove, services_start, services_stop
from cresta_app.stack.supervisor import code_stamp

ROOT = Path(__file__).resolve().parent.parent
# Beside the platform's own database, which has no company: one with the companies of `tests.conftest`.
COMPANIES = "companies"


def copy_begin(run: Path, folder: Path) -> None:
    """Put a copy of the run's prepared PostgreSQL, not started, and its keys into the new `folder`.

    `run`: the folder that all processes of a run share. Who comes first makes the original, the others wait.
    """
    original = run / "made"
    original.mkdir(parents=True, exist_ok=True)
    with (run / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = original / "made", code_stamp(demo=False)
        if not stamp.is_file() or stamp.read_text() != wanted:
            services_remove(original)
            subprocess.run([sys.executable, "-m", "tests.made", str(original)], cwd=ROOT, check=True)
            stamp.write_text(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    place = postgres._prepare(folder / "postgres")
    # With its owner, who for root is another.
    subprocess.run(["cp", "-a", f"{postgres._data(original / 'postgres')}/.", str(place.data)], check=True)
    # What the companies' keys are sealed with.
    shutil.copy2(original / "platform.key", folder)
    services = json.loads((original / "services.json").read_text())
    # The address of Redis is each one's own.
    (folder / "services.json").write_text(json.dumps(services | {"database_url": "", "redis_url": ""}))


def companies_name(services: Services, name: str) -> None:
    """Have the copy's database with the companies bear `name`, and the server's own be empty."""
    with psycopg.connect(services.database_url, dbname="postgres", autocommit=True) as connection:
        for statement in (
            "DROP DATABASE cresta",
            "ALTER DATABASE companies RENAME TO {name}",
            "CREATE DATABASE cresta",
        ):
            connection.execute(sql.SQL(statement).format(name=sql.Identifier(name)))


def _make(folder: Path) -> None:
    services = services_start(folder, durable=False)
    try:
        os.environ.update(
            DATABASE_URL=services.database_url,
            REDIS_URL=services.redis_url,
            SECRET_KEY=services.secret_key,
            DATA_DIR=str(folder),
            KEY_FILE=str(folder / "platform.key"),
            DJANGO_SETTINGS_MODULE="cresta_app.settings",
            LOG_LEVEL="WARNING",
        )
        import django

        django.setup()
        from django.conf import settings
        from django.db import connection

        from tenants.services import platform_prepare
        from tests import conftest

        conftest.pytest_configure()
        platform_prepare(domain=settings.PLATFORM_DOMAIN)
        connection.close()
        with psycopg.connect(services.database_url, dbname="postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE companies TEMPLATE cresta")
        connection.settings_dict["NAME"] = COMPANIES
        for schema in conftest.COMPANIES:
            conftest._company(schema)
        connection.close()
    finally:
        services_stop(folder)


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
