"""Starts the embedded PostgreSQL and Redis for the tests, before Django reads its settings.

Loaded by `-p tests.services` (see pyproject.toml). A `DATABASE_URL` and `REDIS_URL` in the environment are used
instead. `TEST_DATA_DIR` moves the data folder, so that two runs can go side by side.

With `-n` (pytest-xdist) every worker has services and a data folder of its own, below the run's folder, and stops
them when its last test is done; the process that hands out the tests has none. A worker's first database is a copy
(`tests.made`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cresta_app.stack.services import services_start, services_stop
from tests.made import companies_name, copy_begin

ROOT = Path(__file__).resolve().parent.parent
# "gw0", "gw1", … in a worker of pytest-xdist.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
# What all processes of a run share, and what this one has for itself.
RUN = Path(os.environ.get("TEST_DATA_DIR") or ROOT / ".data" / "test").resolve()
FOLDER = RUN / WORKER
SHARED_DATA = Path(os.environ.get("SHARED_DATA") or ROOT.parent / "shared" / "data")
# What the process that only hands out tests has for addresses: nothing answers there.
NOWHERE = {"DATABASE_URL": "postgresql://nowhere.invalid/none", "REDIS_URL": "redis://nowhere.invalid"}
# The database that was copied just now, if one was: nothing needs to be migrated in it.
prepared: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    # A wrapper, because that runs before pytest-django loads the settings.
    _prepare(hands_out=not WORKER and _is_distributed(early_config))
    yield


def _is_distributed(config: pytest.Config) -> bool:
    options = config.known_args_namespace
    return bool(getattr(options, "numprocesses", 0) or getattr(options, "tx", []))


def _prepare(*, hands_out: bool) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if hands_out:
        if os.environ.get("DATABASE_URL"):
            raise pytest.UsageError("with -n every worker has services of its own: unset DATABASE_URL")
        os.environ.update(NOWHERE)
    elif WORKER or not os.environ.get("DATABASE_URL"):
        is_new = bool(WORKER) and not (FOLDER / "services.json").is_file()
        if is_new:
            copy_begin(RUN, FOLDER)
        services = services_start(FOLDER, durable=False)
        if is_new:
            companies_name(services, f"test_cresta_{WORKER}")
            prepared.append(f"test_cresta_{WORKER}")
        os.environ["DATABASE_URL"] = services.database_url
        os.environ["REDIS_URL"] = services.redis_url
        os.environ["SECRET_KEY"] = services.secret_key
    os.environ["DATA_DIR"] = str(FOLDER)
    os.environ["EMAIL_BACKEND"] = "django.core.mail.backends.locmem.EmailBackend"
    os.environ.setdefault("LOG_LEVEL", "WARNING")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    # Here and not later: the process that hands out the tests ends its workers soon after they have said good-bye.
    if WORKER:
        services_stop(FOLDER)


def pytest_unconfigure() -> None:
    if os.environ.get("CI") and not WORKER:
        services_stop(FOLDER)
