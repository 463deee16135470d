"""Starts the embedded PostgreSQL and Redis for the tests, before Django reads its settings.

Loaded by `-p tests.services` (see pyproject.toml). A `DATABASE_URL` and `REDIS_URL` in the environment are used
instead. `TEST_DATA_DIR` moves the data folder, so that two runs can go side by side.
"""

from __future__ import annotations

import os
from pathlib import Path

from cresta_app.stack.services import services_start, services_stop

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("TEST_DATA_DIR") or ROOT / ".data" / "test").resolve()
SHARED_DATA = Path(os.environ.get("SHARED_DATA") or ROOT.parent / "shared" / "data")


def _prepare() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("DATABASE_URL"):
        services = services_start(FOLDER, durable=False)
        os.environ["DATABASE_URL"] = services.database_url
        os.environ["REDIS_URL"] = services.redis_url
        os.environ["SECRET_KEY"] = services.secret_key
    os.environ["DATA_DIR"] = str(FOLDER)
    os.environ["EMAIL_BACKEND"] = "django.core.mail.backends.locmem.EmailBackend"
    os.environ.setdefault("LOG_LEVEL", "WARNING")


_prepare()


def pytest_unconfigure() -> None:
    if os.environ.get("CI"):
        services_stop(FOLDER)
