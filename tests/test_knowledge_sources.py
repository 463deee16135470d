"""Websites and services on loopback: only what changed is read, robots and hosts are kept to, everything ends."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from accounts.errors import Conflict
from engines.documents import apart
from integrations.documents import syncing
from integrations.documents.fetching import url_clean
from integrations.documents.models import KnowledgeSource
from integrations.documents.source_services import source_delete, source_fetch, source_save
from integrations.documents.syncing import source_sync, source_take
from knowledge.models import Collection, Document
from knowledge.search.searching import passages_search
from tests.web_site import Asked, WebSite, web_site

Make = Callable[..., KnowledgeSource]


def page(title: str, text: str, *links: str) -> bytes:
    leads = " ".join(f'<a href="{link}">on</a>' for link in links)
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p>{leads}</body></html>".encode()


@pytest.fixture
def site() -> Iterator[WebSite]:
    with web_site() as found:
        yield found


@pytest.fixture
def make(world: Any, settings: Any, monkeypatch: Any) -> Iterator[Make]:
    settings.EGRESS_ALLOW_HTTP, settings.EGRESS_ALLOW = True, ["127.0.0.1"]
    monkeypatch.setattr(
        syncing,
        "document_read_apart",
        lambda name, data, charset="": apart.document_read(name, data, charset=charset),
    )
    with world.northwind.scope():
        collection = Collection.objects.create(name="Help")

        def made(kind: str = "website", secret: str | None = None, **given: Any) -> KnowledgeSource:
            return source_save(collection=collection, name="Site", kind=kind, settings=given, secret=secret)

        yield made


def fetch(source: KnowledgeSource, *, seconds: float = 60.0) -> KnowledgeSource:
    """Fetch it to the end, whether it is due or not; `seconds`: how long a slice is."""
    if source.state != "due":
        source_fetch(source=source)
    for _slice in range(200):
        if source_take() is None:
            break
        source_sync(source_id=source.pk, seconds=seconds, sleep=lambda _seconds: None)
        source.refresh_from_db()
        if source.state != "running":
            break
    source.refresh_from_db()
    return source


def titles() -> list[str]:
    return list(Document.objects.filter(withdrawn_at=None).order_by("title").values_list("title", flat=True))


def test_a_site_is_followed_and_only_what_changed_is_read_again(site: WebSite, make: Make) -> None:
    site.pages |= {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /private/\n"),
        "/help/": page(
            "Start",
            "Welcome.",
            "fees",
            "/help/old",
            "/private/a",
            "/elsewhere",
            "https://example.com/",
            "x.png",
        ),
        "/help/fees": page("Fees", "Ten days.", "/help/#top", "?a=1#b", "/help/gone"),
        "/help/fees?a=1": (302, {"Location": "/help/fees"}, b""),
        "/help/old": (301, {"Location": "/help/new"}, b""),
        "/help/new": page("New", "Here."),
        "/private/a": page("Private", "Not for robots."),
        "/elsewhere": page("Elsewhere", "Not under /help/."),
    }
    source = fetch(make(url=site.url("/help/"), paths=["/help/", "/private/"]), seconds=0.0)
    assert (source.state, source.error, titles()) == ("idle", "", ["Fees", "New", "Start"])
    assert source.counts["new"] == 3 and source.due_at > timezone.now()
    asked = site.paths()
    assert "/private/a" not in asked and "/elsewhere" not in asked and "/help/x.png" not in asked
    errors = dict(source.pages.exclude(error="").values_list("url", "error"))
    assert errors == {
        site.url("/private/a"): "The site's robots.txt does not allow it.",
        site.url("/help/gone"): "There is no such page any more.",
    }
    assert Document.objects.get(title="Fees").origin_url == site.url("/help/fees")
    out = io.StringIO()
    call_command("fetch_knowledge", company="northwind", source="Site", stdout=out)
    assert out.getvalue().startswith("Site: same 3")
    site.paths()
    # Nothing has changed: everything is asked for, nothing is sent, nothing becomes a version.
    assert fetch(source).counts["same"] == 3
    with_tag = {one.path for one in site.asked if "if-none-match" in one.headers}
    assert with_tag == {"/help/", "/help/fees", "/help/new"}
    site.pages["/help/fees"] = page("Fees", "Twelve days.", "/help/")
    del site.pages["/help/new"], site.pages["/help/old"]
    assert fetch(source).counts["changed"] == 1
    assert titles() == ["Fees", "Start"] and Document.objects.get(title="Fees").version == 2
    assert passages_search(query="twelve days") and not passages_search(query="here")
    site.pages["/help/new"] = page("New", "Here.")
    site.pages["/help/"] = page("Start", "Welcome.", "fees", "new")
    fetch(source)
    assert titles() == ["Fees", "New", "Start"] and Document.objects.get(title="New").version == 1
    # A site that is down takes nothing away.
    for path in ("/help/", "/help/fees", "/help/new"):
        site.pages[path] = (500, {}, b"")
    fetch(source)
    assert titles() == ["Fees", "New", "Start"]
    source_delete(source=source)
    assert titles() == [] and Document.objects.count() == 3


def test_sitemaps_in_sitemaps_packed_or_not(site: WebSite, make: Make) -> None:
    inner = "".join(f"<url><loc>{site.url(f'/{name}')}</loc></url>" for name in "abc")
    packed = f"<sitemap><loc>{site.url('/one.xml.gz')}</loc></sitemap>"
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    image = "<url><loc>https://example.com/x</loc></url><url><loc></loc></url>"
    site.pages |= {
        "/robots.txt": (200, {}, f"Sitemap: {site.url('/index.xml')}\n".encode()),
        "/index.xml": (200, {}, f"<sitemapindex>{packed}</sitemapindex>".encode()),
        "/one.xml.gz": (200, {}, gzip.compress(f"<urlset {space}>{inner}{image}</urlset>".encode())),
        "/a": page("A", "Text.", "/d"),
        "/b": (200, {"Content-Type": "text/html", "X-Robots-Tag": "noindex"}, page("B", "Hidden.")),
        "/c": b'<html><head><meta name="robots" content="noindex,follow"></head><body>Hidden.</body></html>',
        "/d": page("D", "Not in the sitemap."),
    }  # fmt: skip
    source = fetch(make(url=site.url("/"), mode="sitemap"))
    assert (source.state, titles()) == ("idle", ["A"])
    assert source.pages.filter(error="The page asks not to be kept.").count() == 2
    bomb = gzip.compress(b"<urlset>" + b" " * 30_000_000)
    site.pages["/one.xml.gz"] = (200, {}, bomb)
    assert "larger than" in fetch(source).error and titles() == ["A"]
    site.pages["/one.xml.gz"] = b"<html>login</html>"
    assert fetch(source).error == "The sitemap is no sitemap."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((302, {"Location": "/help/?{n}"}, b""), "from one address to the next without end"),
        ((302, {"Location": "http://127.0.0.1:1/x"}, b""), "leads to a host that is not allowed"),
        ((302, {"Location": "http://169.254.169.254/latest"}, b""), "leads to a host that is not allowed"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "leads to an address that cannot be asked"),
        ((500, {}, b""), "The server answers 500."),
        ((200, {"Content-Type": "text/html"}, b"<p>" + b"x" * 3000), "larger than"),
        ((200, {"Content-Type": "application/pdf"}, b"%PDF-1.4 nothing"), "damaged"),
    ],
)
def test_what_is_wrong_with_a_site_is_said(
    site: WebSite, make: Make, settings: Any, answer: tuple[int, dict[str, str], bytes], words: str
) -> None:
    settings.KNOWLEDGE_MAX_BYTES = 2000
    counter = iter(range(10_000))

    def endless(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = answer
        return (
            status,
            {name: value.replace("{n}", str(next(counter))) for name, value in headers.items()},
            body,
        )

    class Every(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return default if key == "/robots.txt" else endless

    site.pages = Every()
    source = fetch(make(url=site.url("/help/")))
    assert source.state == "failed" and words in source.error
    assert len(site.asked) <= 8 and titles() == []


def test_addresses_of_our_own_are_refused(site: WebSite, make: Make, settings: Any) -> None:
    settings.EGRESS_ALLOW = []
    addresses = ("http://169.254.169.254/", "ftp://example.com/", "http://0x7f000001/", "http://[::1]/", "x")
    for url in (site.url(), *addresses):
        with pytest.raises(ValidationError):
            make(url=url)
    source = fetch(make(url=f"http://localhost:{site.port}/"))
    assert source.state == "failed" and "private network" in source.error and not site.asked
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    site.pages["/robots.txt"] = (503, {}, b"")
    source_save(source=source, settings={"url": site.url()})
    assert "robots.txt cannot be had" in fetch(source).error and site.paths() == []


def test_an_endless_site_ends_where_it_should_and_a_run_that_broke_off_goes_on(
    site: WebSite, make: Make, monkeypatch: Any
) -> None:
    class Endless(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            number = int(urlsplit(key).query or 0)
            return (
                None
                if key == "/robots.txt"
                else page(f"Page {number}", "Text.", f"/?{number + 1}", f"/?{number + 2}")
            )

    site.pages = Endless()
    source = make(url=site.url("/"), max_pages=12)
    real = syncing.document_store

    def dies(**given: Any) -> Any:
        if given["read"].title == "Page 5":
            raise ConnectionError("the worker died")
        return real(**given)

    monkeypatch.setattr(syncing, "document_store", dies)
    with pytest.raises(ConnectionError):
        fetch(source)
    source.refresh_from_db()
    assert source.state == "running" and source_take() is None
    with pytest.raises(Conflict):
        source_fetch(source=source)
    site.paths()
    monkeypatch.setattr(syncing, "document_store", real)
    KnowledgeSource.objects.update(due_at=timezone.now())
    assert source_take() == source.pk
    assert source_sync(source_id=source.pk, sleep=lambda _seconds: None) is False
    source.refresh_from_db()
    assert (source.state, source.counts, len(titles())) == ("idle", {"new": 12}, 12)
    assert "/?1" not in site.paths()
    assert source_sync(source_id=source.pk) is False


def test_zendesk_guide_by_cursor_with_a_token_of_its_own(site: WebSite, make: Make) -> None:
    def token(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        given = parse_qs(asked.body.decode())
        right = given == {
            "grant_type": ["client_credentials"], "client_id": ["cresta"],
            "client_secret": ["s3cret"], "scope": ["hc:read"],
        }  # fmt: skip
        return (200, {}, json.dumps({"access_token": "t0ken"}).encode()) if right else (401, {}, b"{}")

    def articles(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.headers.get("authorization") != "Bearer t0ken":
            return 401, {}, b"{}"
        second = "after" in asked.path
        rows = [
            {"id": 3, "title": "Third", "body": "<p>Three.</p>", "draft": False, "html_url": "https://x/3"}
        ]
        if not second:
            rows = [
                {"id": 1, "title": "First", "body": "<h2>Part</h2><p>One.</p>", "html_url": "https://x/1"},
                {"id": 2, "title": "Draft", "body": "<p>Two.</p>", "draft": True},
            ]
        following = site.url("/api/v2/help_center/en-us/articles.json?page%5Bafter%5D=abc")
        answer = {"articles": rows, "meta": {"has_more": not second}, "links": {"next": following}}
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    site.pages |= {
        "/oauth/tokens": token,
        "/api/v2/help_center/en-us/articles.json?page%5Bsize%5D=100": articles,
        "/api/v2/help_center/en-us/articles.json?page%5Bafter%5D=abc": articles,
    }
    source = make("zendesk", secret="s3cret", url=site.url("/"), client_id="cresta")
    assert b"s3cret" not in bytes(source.secret_sealed)
    source = fetch(source, seconds=0.0)
    assert (source.state, source.error, titles()) == ("idle", "", ["First", "Third"])
    assert passages_search(query="one")[0].path == "First › Part"
    assert fetch(source).counts == {"same": 2}
    source_save(source=source, secret="wrong")
    source.refresh_from_db()
    assert "does not accept the secret" in fetch(source).error and titles() == ["First", "Third"]


def test_salesforce_knowledge_by_soql(site: WebSite, make: Make) -> None:
    rows = [
        {"Id": "ka1", "KnowledgeArticleId": "kA1", "Title": "Fees", "UrlName": "Fees", "Summary": "Short.",
         "Answer__c": "<p>Ten.</p>"},
    ]  # fmt: skip

    def query(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.headers.get("authorization") != "Bearer session":
            return 401, {}, b'[{"errorCode":"INVALID_SESSION_ID","message":"x"}]'
        more = {} if "next" in asked.path else {"nextRecordsUrl": "/services/data/v62.0/query/next-2000"}
        return 200, {}, json.dumps({"records": rows if more else [], "done": not more, **more}).encode()

    class Service(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return query if key.startswith("/services/data/v62.0/query/") else None

    site.pages = Service()
    source = fetch(make("salesforce", secret="session", url=site.url("/"), fields=["Summary", "Answer__c"]))
    assert (source.error, titles()) == ("", ["Fees"])
    asked = parse_qs(urlsplit(site.asked[0].path).query)["q"][0]
    assert (
        "Summary, Answer__c FROM Knowledge__kav WHERE PublishStatus = 'Online' AND Language = 'en_US'"
        in asked
    )
    body = Document.objects.get().body
    assert "Short." in body and "Ten." in body
    source_save(source=source, settings={"url": site.url("/"), "fields": ["Id FROM User --"]})
    source.refresh_from_db()
    assert "must be names as Salesforce has them" in fetch(source).error


def test_any_feed_by_the_names_of_its_fields(site: WebSite, make: Make) -> None:
    first = {
        "data": {
            "rows": [{"key": 1, "name": "One", "md": "# One\n\nFirst."}, {"key": 2, "name": "Two", "md": ""}]
        },
        "page": {"next": "/feed?2"},
    }
    second = {
        "data": {"rows": [{"key": 3, "name": "Three", "md": "Third."}]},
        "page": {"next": "https://evil.example/feed"},
    }
    site.pages |= {
        "/feed": (200, {}, json.dumps(first).encode()),
        "/feed?2": (200, {}, json.dumps(second).encode()),
    }
    named = {"items": "data.rows", "id": "key", "title": "name", "markdown": "md", "next": "page.next"}
    source = fetch(make("feed", secret="t", url=site.url("/feed"), names=named))
    # The secret is for the host that was named, and goes to no other.
    assert source.state == "failed" and "another host" in source.error and titles() == ["One", "Three"]
    second["page"] = {}
    site.pages["/feed?2"] = (200, {}, json.dumps(second).encode())
    assert fetch(source).counts == {"same": 2}
    jsonfeed = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "a", "content_text": "Plain."}],
    }
    site.pages["/feed"] = (200, {}, json.dumps(jsonfeed).encode())
    source_save(source=source, settings={"url": site.url("/feed")})
    source.refresh_from_db()
    assert fetch(source).counts["new"] == 1 and Document.objects.filter(withdrawn_at=None).count() == 1
    for wrong in (b"[]", b"{}", b"nothing"):
        site.pages["/feed"] = (200, {}, wrong)
        assert fetch(source).state == "failed"
    assert Document.objects.filter(withdrawn_at=None).count() == 1


def test_settings_are_checked_and_admins_make_sources(world: Any, site: WebSite, make: Make) -> None:
    for wrong in (
        {"url": "x"},
        {"url": site.url(), "token": "t"},
        {"url": site.url(), "hosts": "a"},
        {"url": site.url(), "max_pages": "9"},
    ):
        with pytest.raises(ValidationError):
            make(**wrong)
    assert url_clean("HTTPS://Exämple.com:443/a b?q=ü#x") == "https://xn--exmple-cua.com/a%20b?q=%C3%BC"
    client = world.northwind.client("admin")
    collection = str(Collection.objects.get().pk)
    form = {
        "name": "Help", "collection": collection, "kind": "feed", "url": site.url("/feed"), "every_hours": "24",
        "active": "on", "secret": "s3cret", "names": "items=data", "hosts": "",
        "paths": "", "fields_read": "", "mode": "crawl",
    }  # fmt: skip
    made = client.post("/admin/integrations/knowledgesource/add/", form)
    assert made.status_code == 302, made.context["errors"]
    source = KnowledgeSource.objects.get()
    assert source.settings == {"url": site.url("/feed"), "names": {"items": "data"}} and source.secret_sealed
    site.pages["/feed"] = (
        200,
        {},
        json.dumps({"data": [{"id": 1, "title": "A", "content_text": "Text."}]}).encode(),
    )
    assert fetch(source).counts == {"new": 1}
    shown = client.get(f"/admin/integrations/knowledgesource/{source.pk}/change/").content.decode()
    assert "items=data" in shown and "s3cret" not in shown
    inline = {
        f"pages-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    changed = client.post(
        f"/admin/integrations/knowledgesource/{source.pk}/change/",
        {**form, **inline, "secret": "", "every_hours": "1"},
    )
    assert changed.status_code == 302, changed.context["errors"]
    refused = client.post(
        "/admin/integrations/knowledgesource/add/", {**form, "name": "B", "url": "http://10.0.0.1/"}
    )
    assert refused.status_code == 200 and "private network" in refused.content.decode()
    assert client.post(f"/admin/integrations/knowledgesource/{source.pk}/fetch-now/").status_code in {
        302,
        405,
    }
    sent = {
        "collection": collection,
        "name": "C",
        "kind": "website",
        "settings": {"url": site.url("/")},
        "secret": "x",
    }
    answer = client.post("/api/v1/knowledge-sources/", json.dumps(sent), content_type="application/json")
    assert answer.status_code == 201 and answer.json()["has_secret"] and "secret" not in answer.json()
    url = f"/api/v1/knowledge-sources/{source.pk}/"
    assert client.get(f"{url}pages/").json()[0]["outcome"] == "new"
    page_of = (
        world.northwind.client("supervisor").get(f"/knowledge/collections/{collection}/").content.decode()
    )
    assert "Help" in page_of and "JSON feed" in page_of
