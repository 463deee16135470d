"""A real Chromium on a real server: Daphne in a process of its own, on the test database.

`live_site` is the server; `sign_in(persona)` gives a page of a signed-in person on a company's host. A test fails
when a page it opened threw an error or was refused a file. A machine without Chromium skips these tests loudly;
with `CI` set it fails.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import connection

from tests.conftest import Company, World

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
START_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Site:
    """The running server, in the clear and by HTTPS. Browsers find every company on `*.localhost`.

    `certificate`: the file with the self-signed certificate and its key, for whoever plays another site.
    """

    port: int
    tls_port: int
    certificate: Path

    def url(self, company: Company, path: str = "/", *, tls: bool = False) -> str:
        return (
            f"https://{company.host}:{self.tls_port}{path}"
            if tls
            else f"http://{company.host}:{self.port}{path}"
        )


def certificate_make(path: Path) -> Path:
    """A self-signed certificate and its key in one file; browsers here ask nobody whether to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def live_site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Daphne as in production, with the test database and the tests' Redis."""
    folder = tmp_path_factory.mktemp("web")
    site = Site(_free_port(), _free_port(), certificate_make(folder / "certificate.pem"))
    parts = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    log = folder / "daphne.log"
    tls = f"ssl:{site.tls_port}:privateKey={site.certificate}:certKey={site.certificate}:interface=127.0.0.1"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "cresta_app.web",
                "-b",
                "127.0.0.1",
                "-p",
                str(site.port),
                "-e",
                tls,
                "cresta_app.asgi:application",
            ],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database, "PLATFORM_DOMAIN": settings.PLATFORM_DOMAIN},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + START_SECONDS
        while not _listens(site.port):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        yield site
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, once for all browser tests that follow each other; every person has a context of their own in it."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("browser tests need Chromium: install it or name it in CHROMIUM")
        pytest.skip("NO BROWSER TEST RAN: no Chromium on this machine (set CHROMIUM to its path)")
    from playwright.sync_api import sync_playwright

    # Playwright's synchronous face runs an event loop in this thread, which Django takes for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
            )
            yield chromium
            chromium.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
        else:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def sign_in(live_site: Site, browser: Any, committed: World) -> Iterator[Callable[..., Any]]:
    """`sign_in("agent", path="/desk/", company=…, width=1280, height=800, theme="light")` gives an open page."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_page(
        persona: str | None,
        *,
        path: str | None = None,
        company: Company | None = None,
        width: int = 1280,
        height: int = 800,
        theme: str = "light",
        **options: Any,
    ) -> Any:
        company = company or committed.northwind
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        if persona is not None:
            value = company.client(persona).cookies[settings.SESSION_COOKIE_NAME].value
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_site.url(company)}
            context.add_cookies([cookie])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on(
            "response",
            lambda answer: answer.status >= 500 and errors.append(f"{answer.status} for {answer.url}"),
        )
        page.on(
            "response",
            lambda answer: (
                answer.status == 404 and "/static/" in answer.url and errors.append(f"no {answer.url}")
            ),
        )
        if path is not None:
            page.goto(live_site.url(company, path))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)
