"""The side panel where it works: in a frame of another site, by HTTPS, with third-party cookies blocked."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import User
from conversations.correlation import identifiers_add
from conversations.models import Note
from desk.models import PanelSession, PanelSettings
from tests import live_events as live
from tests.browser.conftest import CHROMIUM, Site
from tests.conftest import PASSWORD, Company, World

CRM = "crm.example.test"
ELSEWHERE = "elsewhere.example.test"


@dataclass
class Vendor:
    """Another site, whose page shows ours in a frame. `shows`: the address of the frame."""

    port: int = 0
    shows: str = ""

    def url(self, host: str = CRM) -> str:
        return f"https://{host}:{self.port}/"


@pytest.fixture
def vendor(live_site: Site) -> Iterator[Vendor]:
    made = Vendor()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            frame = (
                f'<iframe id="panel" src="{made.shows}" style="width:360px;height:640px;border:0"></iframe>'
            )
            body = f"<!doctype html><title>CRM</title><h1>Case 12</h1>{frame}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Not into the tests' output."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(live_site.certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def strict(browser: Any) -> Iterator[Any]:
    """A browser that blocks third-party cookies. `browser` has begun Playwright, or skipped."""
    chromium = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=[
            "--no-sandbox",
            "--test-third-party-cookie-phaseout",
            "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP *.example.test 127.0.0.1",
        ],
    )
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 800, "height": 720})
    context.set_default_timeout(30_000)
    yield context
    chromium.close()


@pytest.fixture
def northwind(committed: World) -> Iterator[Company]:
    with committed.northwind.scope():
        agent = User.objects.get(pk=committed.northwind.people["agent"].pk)
        before = agent.password
        # The tests' own fast hash is unknown to the server; one round of the real one is as fast.
        agent.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt" * 6, iterations=1)
        agent.save(update_fields=["password"])
        yield committed.northwind
        User.objects.filter(pk=agent.pk).update(password=before)


def until(page: Any, check: Callable[[], bool]) -> None:
    for _ in range(400):
        if check():
            return
        page.wait_for_timeout(50)
    assert check()


def sign_in(page: Any, frame: Any, company: Company) -> None:
    """As a person does: the button, the window, the password."""
    with page.expect_popup() as opened:
        frame.locator("#sign-in").click()
    popup = opened.value
    popup.get_by_label("E-mail").fill(f"agent@{company.schema}.test")
    popup.get_by_label("Password").fill(PASSWORD)
    popup.get_by_role("button", name="Sign in").click()
    frame.locator("#panel-top").wait_for()
    until(page, popup.is_closed)


def test_an_agent_works_in_a_frame_without_cookies(
    northwind: Company, live_site: Site, vendor: Vendor, strict: Any
) -> None:
    PanelSettings.objects.create(frame_ancestors=f"https://*.example.test:{vendor.port}")
    vendor.shows = live_site.url(northwind, "/panel/?conversation=gen-77&provider=genesys", tls=True)
    errors: list[str] = []
    sent: list[tuple[str, dict[str, str]]] = []
    page = strict.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(vendor.url())
    frame = page.frame_locator("#panel")
    frame.get_by_text("Sign in to Northwind").wait_for()
    inner = page.frames[1]
    # The browser keeps cookies back in this frame, or the test would show nothing.
    assert inner.evaluate("document.cookie = 'probe=1; SameSite=None; Secure'; document.cookie") == ""

    sign_in(page, frame, northwind)
    page.on("request", lambda request: sent.append((request.url, request.all_headers())))
    frame.get_by_text("Not known yet.").wait_for()
    assert "gen-77" in frame.locator("#panel-id").inner_text()

    call = live.call_begin(
        northwind.people["agent"], ago_seconds=5, provider="genesys", customer=live.customer_make()
    )
    identifiers_add(conversation_id=call.pk, provider="genesys", identifiers={"conversation": "gen-77"})
    frame.locator("#bit-name", has_text="Helen Marsh").wait_for()
    said = live.say(call, "customer", "i want to cancel my contract", 1000)
    frame.locator("#tx p", has_text="cancel my contract").wait_for()
    hint = live.hint(call, "Refund, then offer", said=said, words="cancel", say="It goes back today.")
    card = frame.locator("article.hint", has_text="Refund, then offer")
    card.wait_for()
    until(page, lambda: _fresh(hint).shown_at is not None)
    page.wait_for_timeout(450)
    card.get_by_role("button", name="Accept").click()
    until(page, lambda: _fresh(hint).state == "accepted")
    frame.get_by_role("button", name="Note").click()
    frame.locator("#note").fill("Wants it on the card")
    until(page, lambda: Note.objects.filter(conversation=call).exists())
    ours = [(url, headers) for url, headers in sent if f":{live_site.tls_port}/" in url]
    assert ours
    assert not [url for url, headers in ours if "cookie" in headers], "no request of the frame has a cookie"
    assert not [url for url, _headers in ours if "crp_" in url], "the token stands in no address"

    # The frame is loaded again for the next call, as vendors do. This browser closes its storage, too: one click, and
    # the window goes by itself, since its person is signed in there.
    page.reload()
    with page.expect_popup() as opened:
        frame.locator("#sign-in").click()
    frame.locator("#bit-name", has_text="Helen Marsh").wait_for()
    until(page, opened.value.is_closed)
    frame.locator("#me > summary").click()
    frame.locator("#sign-out").click()
    frame.get_by_text("Sign in to Northwind").wait_for()
    assert not [one for one in PanelSession.objects.all() if one.revoked_at is None]
    assert not errors, errors


def test_a_page_that_is_not_named_shows_nothing_of_it(
    northwind: Company, live_site: Site, vendor: Vendor, strict: Any
) -> None:
    PanelSettings.objects.create(frame_ancestors=f"https://{CRM}:{vendor.port}")
    vendor.shows = live_site.url(northwind, "/panel/", tls=True)
    page = strict.new_page()
    page.goto(vendor.url(ELSEWHERE))
    until(page, lambda: len(page.frames) > 1 and page.frames[1].url.startswith("chrome-error:"))
    page.goto(vendor.url(CRM))
    page.frame_locator("#panel").get_by_text("Sign in to Northwind").wait_for()


def _fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)
