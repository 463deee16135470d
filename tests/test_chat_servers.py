"""A company's own chat server: who may read, keys that nothing shows, whose word it takes, trying it out."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import AuditEvent
from engines.language.chat_replies import CHAT_REPLY, variables
from engines.language.wire import addresses_of
from engines.pinned import PinnedTransport
from engines.redaction.hindsight import Line, NotRead
from engines.redaction.redactor import RedactionConfig
from engines.redaction.text import RedactedText
from providers import addresses
from providers.addresses import encryption_check
from providers.language import task_run
from providers.language_selectors import default_server
from providers.models import ChatServer, ProviderAccount
from providers.reading import chat_mark, chat_reader, chat_try
from providers.selectors import account_secret
from providers.services import account_create, account_secret_set, chat_server_create, chat_server_vouch
from tests.conftest import Company, World
from tests.peers.chat import chat_server, found
from tests.test_egress import Server as Listener
from tests.test_egress import certificate_made

SECRET = "sk-very-inside"
SAID = [Line("customer", "it is saoirse mcglone", 0, 1000)]


@pytest.fixture
def company(world: World, settings: Any) -> Any:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with world.northwind.scope():
        yield world.northwind


def refused() -> str:
    """Why the company's model reads nothing."""
    reader = chat_reader()
    assert reader is not None
    with pytest.raises(NotRead) as raised:
        reader.read(SAID, RedactionConfig())
    return raised.value.fault


def server_of(url: str = "http://127.0.0.1:9/v1", **fields: Any) -> ChatServer:
    given: dict[str, Any] = {"name": "Ours", "model": "ours-8b", "secret": SECRET, "inside": True}
    return chat_server_create(base_url=url, **given | fields)


# --- Who reads ------------------------------------------------------------------------------------------


def test_none_reads_unless_it_is_active_and_somebody_says_it_is_inside(
    company: Company, django_assert_num_queries: Any
) -> None:
    assert (chat_reader(), chat_mark()) == (None, "")
    server = server_of(inside=False)
    assert (chat_reader(), chat_mark()) == (None, "")
    actor = company.people["admin"]
    chat_server_vouch(server=server, inside=True, actor=actor)
    with django_assert_num_queries(3):
        assert chat_mark() == "chat:ours-8b"
    assert chat_reader() is not None
    assert (server.inside_by, server.inside) == (actor, True)
    # It was said of that address, however another one came there.
    ChatServer.objects.update(base_url="http://127.0.0.1:8/v1")
    server.refresh_from_db()
    assert (default_server(), server.inside) == (None, False)
    chat_server_vouch(server=server, inside=True, actor=actor)
    assert default_server() == server
    chat_server_vouch(server=server, inside=False, actor=actor)
    assert (default_server(), server.inside_by, server.inside_at) == (None, None, None)
    chat_server_vouch(server=server, inside=True, actor=actor)
    ChatServer.objects.update(active=False)
    assert default_server() is None
    noted = AuditEvent.objects.filter(action__startswith="chatserver.").order_by("pk")
    assert [(one.action, one.actor) for one in noted][2:4] == [("chatserver.inside", actor)] * 2
    assert noted[2].changes == {"address": "http://127.0.0.1:9/v1"}


def test_one_is_active(company: Company) -> None:
    server_of()
    with pytest.raises(ValidationError, match="active already"):
        server_of(name="Another")
    server_of(name="Another", active=False)


def test_what_it_reads_with(company: Company) -> None:
    with chat_server({"saoirse mcglone": "NAME"}) as server:
        server_of(server.url)
        reader = chat_reader()
        assert reader is not None
        [one] = reader.read(SAID, RedactionConfig())
        [request] = server.requests
    assert (one.span.start, one.span.end, one.span.type) == (6, 21, "NAME")
    assert request["headers"]["authorization"] == f"Bearer {SECRET}"
    assert request["model"] == "ours-8b"


def test_another_company_s_is_not_ours(company: Company, world: World) -> None:
    server = server_of()
    with world.acme.scope():
        assert (chat_reader(), chat_mark()) == (None, "")
        assert not ChatServer.objects.exists()
        # A sealed key is of use to nobody else, even where it was copied with its row.
        copied = ChatServer(
            pk=server.pk, name="Copied", base_url=server.base_url, model="m", active=True,
            secret_sealed=server.secret_sealed, secret_version=server.secret_version,
        )  # fmt: skip
        copied.save(force_insert=True)
        chat_server_vouch(server=copied, inside=True, actor=None)
        assert refused() == "refused"
        ChatServer.objects.all().delete()
    page = world.acme.client("admin").get(f"/admin/providers/chatserver/{server.pk}/change/")
    assert page.status_code == 302  # Django's admin leads away from what is not there


def test_keys_are_sealed_and_bound_to_their_server(company: Company) -> None:
    server = server_of()
    assert SECRET.encode() not in bytes(server.secret_sealed or b"")
    assert account_secret(server) == SECRET
    account = account_create(vendor="deepgram", name="Deepgram", secret="another")
    ChatServer.objects.update(secret_sealed=account.secret_sealed)
    assert refused() == "refused"
    account_secret_set(account=server, secret="")
    assert account_secret(server) == "" and chat_reader() is not None
    assert SECRET not in str(list(AuditEvent.objects.values()))
    assert ProviderAccount.objects.count() == 1


# --- Which addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://169.254.169.254/v1",
        "http://user:word@10.0.0.1/v1",
        "ws://10.0.0.1/v1",
        "http://8.8.8.8/v1",
        "https://10.0.0.1/v1?key=1",
    ],
)
def test_addresses_that_are_refused(company: Company, url: str) -> None:
    with pytest.raises(ValidationError):
        server_of(url)


def test_private_addresses_as_the_installation_says(company: Company, settings: Any) -> None:
    server_of("http://10.0.0.1/v1")
    # What it said may change, and names may lead elsewhere, after the address was taken down.
    settings.PROVIDER_ALLOW_PRIVATE_URLS = False
    assert refused() == "refused"
    with pytest.raises(ValidationError):
        server_of("http://10.0.0.2/v1", name="Another", active=False)
    server_of("https://8.8.8.8/v1", name="Far", active=False)


def test_words_go_encrypted_unless_they_stay_in_our_network() -> None:
    encryption_check("https://chat.example/v1")
    encryption_check("http://chat.example/v1", resolve=lambda _host: ["10.0.0.1"])
    for leads in (["8.8.8.8"], ["10.0.0.1", "8.8.8.8"], []):
        with pytest.raises(ValidationError, match="encrypted"):
            encryption_check("http://chat.example/v1", resolve={"chat.example": leads}.__getitem__)


# --- The admin ------------------------------------------------------------------------------------------


def _saved(client: Client, path: str, **fields: Any) -> Any:
    form = {"name": "Ours", "base_url": "http://127.0.0.1:9/v1", "model": "ours-8b", "characters": 5000}
    form |= {"price_in": "0", "price_out": "0", "most_at_once": "0", "per_minute": "0"}
    answer = client.post(f"/admin/providers/chatserver/{path}", form | {"active": "on"} | fields, follow=True)
    return answer.content.decode() if answer.redirect_chain else ""


def test_the_tick_is_noted_and_holds_for_its_address(company: Company) -> None:
    client, admin = company.client("admin"), company.people["admin"]
    assert _saved(client, "add/", secret=SECRET)
    server = ChatServer.objects.get()
    assert account_secret(server) == SECRET and not server.inside
    path = f"{server.pk}/change/"
    assert _saved(client, path, inside="on")
    server.refresh_from_db()
    assert (server.inside, server.inside_by) == (True, admin)
    event = AuditEvent.objects.get(action="chatserver.inside")
    assert (event.actor, event.address, event.object_id) == (admin, "127.0.0.1", str(server.pk))
    page = client.get(f"/admin/providers/chatserver/{path}").content.decode()
    assert SECRET not in page and 'type="password"' in page

    # Saved again as it is, nothing changes; who said it stays.
    first = server.inside_at
    assert _saved(client, path, inside="on", model="ours-70b")
    server.refresh_from_db()
    assert (server.inside_at, server.model) == (first, "ours-70b")

    # Another server: it wants the key anew, and the tick that was there says nothing of it.
    other = "http://127.0.0.1:8/v1"
    assert not _saved(client, path, inside="on", base_url=other)
    assert "another server than before" in _saved(client, path, inside="on", base_url=other, secret="new")
    server.refresh_from_db()
    assert (server.inside, server.inside_at, server.base_url) == (False, None, other)
    assert _saved(client, path, inside="on", base_url=other)
    server.refresh_from_db()
    assert server.inside
    assert _saved(client, path, base_url=other)
    server.refresh_from_db()
    assert not server.inside
    noted = AuditEvent.objects.filter(action__contains="side").order_by("pk")
    assert [one.action.split(".")[1] for one in noted] == ["inside", "outside", "inside", "outside"]
    assert not {SECRET, "new"} & set(str(list(AuditEvent.objects.values())).split("'"))


def test_the_form_refuses_what_cannot_be(company: Company) -> None:
    client = company.client("admin")
    assert _saved(client, "add/")
    for wrong in (
        {"base_url": ""},
        {"base_url": "http://8.8.8.8/v1"},
        {"model": ""},
        {"characters": 10},
        {},  # a second active one
    ):
        assert not _saved(client, "add/", **{"name": "Another"} | wrong)
    assert ChatServer.objects.count() == 1


def test_trying_it_out(company: Company) -> None:
    with chat_server({"marigold thistlewood": "NAME"}) as peer:
        server = server_of(peer.url, inside=False)
        assert chat_try(server).good
        peer.script = [found(), "400", "401"]
        assert "did not find" in chat_try(server).words
        assert "JSON schema" in chat_try(server).words
        assert "check the key" in chat_try(server).words
        chosen = {"action": "try_it", "_selected_action": [str(server.pk)]}
        client = company.client("admin")
        page = client.post("/admin/providers/chatserver/", chosen, follow=True).content.decode()
        assert "Ours: It answered within" in page and "found the name" in page
        ChatServer.objects.update(secret_version=99)
        assert (
            "does not open"
            in client.post("/admin/providers/chatserver/", chosen, follow=True).content.decode()
        )
    assert AuditEvent.objects.filter(action="chatserver.try").count() == 2
    server.refresh_from_db()
    server.base_url = "http://169.254.169.254/v1"
    assert "cannot be used" in chat_try(server).words


def test_an_address_whose_name_leads_to_us_by_now_is_not_asked(
    company: Company, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = False
    leads = {"chat.example": ["8.8.8.8"]}
    for check in (addresses.address_check, addresses.encryption_check):
        monkeypatch.setitem(check.__kwdefaults__ or {}, "resolve", leads.__getitem__)
    server_of("https://chat.example/v1")
    assert chat_reader() is not None
    leads["chat.example"] = ["10.0.0.1"]
    assert refused() == "refused"


def test_nothing_goes_where_the_name_leads_a_moment_later(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked once, when it is judged. No resolver of this machine knows it."""
    leads = {"chat.example": iter([["::1", "127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]])}
    with chat_server({"saoirse mcglone": "NAME"}) as peer:
        port = peer.url.split(":")[2]
        server = server_of(peer.url)
        for check in (addresses.address_check, addresses.encryption_check):
            monkeypatch.setitem(check.__kwdefaults__ or {}, "resolve", lambda host: next(leads[host]))
        ChatServer.objects.update(base_url=f"http://chat.example:{port}")
        server.refresh_from_db()
        chat_server_vouch(server=server, inside=True, actor=None)
        reader = chat_reader()
        assert reader is not None
        # Nobody listens at the first of its addresses.
        assert len(reader.read(SAID, RedactionConfig())) == 1
        assert len(reader.read(SAID, RedactionConfig())) == 1
        peer.script = [found(), 'say:{"replies": ["Let me look."]}']
        assert "did not find" in chat_try(server).words
        outcome = task_run(CHAT_REPLY, variables([("customer", RedactedText("hello"))], 1))
        assert outcome.value is not None and outcome.value.replies == ["Let me look."]
    assert {one["headers"]["host"] for one in peer.requests} == {f"chat.example:{port.split('/')[0]}"}
    assert not list(leads["chat.example"])


def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    certificate, private = certificate_made(tmp_path, "chat.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    trusting = ssl.create_default_context(cafile=str(certificate))
    listener = Listener(context)

    async def status(host: str) -> int:
        transport = PinnedTransport(["127.0.0.1"], verify=trusting)
        async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
            return (await client.get(f"https://{host}:{listener.port}/")).status_code

    try:
        assert asyncio.run(status("chat.example")) == 204
        assert listener.names == ["chat.example"] and b"host: chat.example:" in listener.heard.lower()
        with pytest.raises(httpx2.ConnectError):
            asyncio.run(status("other.example"))
    finally:
        listener.close()


def test_a_name_that_nobody_judged_is_not_asked() -> None:
    with pytest.raises(ValueError, match="nobody judged"):
        addresses_of("https://chat.example/v1", [])
    with pytest.raises(ValueError, match="no address"):
        PinnedTransport([], verify=ssl.create_default_context())
