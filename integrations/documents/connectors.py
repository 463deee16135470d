"""Knowledge bases of other services, an answer of theirs at a time: Zendesk Guide, Salesforce Knowledge, a JSON feed.

Each hands over whole articles as the service's list gives them; what has changed, their text says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from integrations.documents.fetching import FetchError, ask_json, host_of, url_clean
from integrations.documents.models import KnowledgeSource

Kind = KnowledgeSource.Kind
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_LOCALE = re.compile(r"[A-Za-z0-9_-]{2,12}")


@dataclass(frozen=True, slots=True)
class Article:
    """`format`: html, md or txt, what `body` is written in. `gone`: it is not to be found any more."""

    id: str
    title: str
    body: str
    url: str = ""
    format: str = "html"
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some articles, and where the list goes on; "" at its end."""

    articles: list[Article]
    cursor: str


# The settings, the secret ("" for none), where the list goes on ("" at first).
Listing = Callable[[Mapping[str, Any], str, str], Page]


def articles_list(kind: str, settings: Mapping[str, Any], secret: str, cursor: str) -> Page:
    """The next articles of a service. Raises `FetchError`."""
    listing: Listing = {
        Kind.ZENDESK.value: zendesk,
        Kind.SALESFORCE.value: salesforce,
        Kind.FEED.value: feed,
    }[kind]
    try:
        return listing(settings, secret, cursor)
    except (KeyError, TypeError, AttributeError):
        raise FetchError(_("The service's answer is not what was expected.")) from None


def _base(settings: Mapping[str, Any]) -> str:
    return url_clean(str(settings.get("url", ""))).rstrip("/")


def _token(base: str, path: str, settings: Mapping[str, Any], secret: str, more: Mapping[str, str]) -> str:
    """An access token by client credentials (RFC 6749 4.4); the secret itself where no client is named."""
    client = str(settings.get("client_id", ""))
    if not client:
        return secret
    body = urlencode(
        {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, **more}
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask_json("POST", f"{base}{path}", host=host_of(base), headers=headers, body=body.encode())
    return str(answer["access_token"])


def zendesk(settings: Mapping[str, Any], secret: str, cursor: str) -> Page:
    """Zendesk Guide: `GET /api/v2/help_center/{locale}/articles`, by cursor. Drafts are left out."""
    base = _base(settings)
    token = _token(base, "/oauth/tokens", settings, secret, {"scope": "hc:read"})
    locale = str(settings.get("locale") or "en-us").lower()
    if not _LOCALE.fullmatch(locale):
        raise FetchError(_("The locale must be like en-us."))
    url = cursor or f"{base}/api/v2/help_center/{quote(locale)}/articles.json?page%5Bsize%5D=100"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = ask_json("GET", url, host=host_of(base), headers=headers)
    articles = [
        Article(str(row["id"]), str(row["title"]), str(row.get("body") or ""), str(row.get("html_url") or ""))
        for row in answer["articles"]
        if not row.get("draft")
    ]
    more = bool((answer.get("meta") or {}).get("has_more"))
    following = (answer.get("links") or {}).get("next") if more else answer.get("next_page")
    return Page(articles, url_clean(str(following)) if following else "")


def salesforce(settings: Mapping[str, Any], secret: str, cursor: str) -> Page:
    """Salesforce Knowledge: published articles by SOQL, with the fields of text that the company has given them."""
    base = _base(settings)
    token = _token(base, "/services/oauth2/token", settings, secret, {})
    fields = [str(one) for one in settings.get("fields") or ["Summary"]]
    language = str(settings.get("locale") or "en_US")
    version = str(settings.get("version") or "62.0")
    if not all(_FIELD.fullmatch(one) for one in fields) or not _LOCALE.fullmatch(language):
        raise FetchError(_("The fields and the language must be names as Salesforce has them."))
    if not re.fullmatch(r"\d{2}\.\d", version):
        raise FetchError(_("The version must be like 62.0."))
    query = (
        f"SELECT Id, KnowledgeArticleId, Title, UrlName, {', '.join(dict.fromkeys(fields))} FROM Knowledge__kav "  # noqa: S608 names that were checked
        f"WHERE PublishStatus = 'Online' AND Language = '{language}'"
    )
    url = cursor or f"{base}/services/data/v{version}/query/?{urlencode({'q': query})}"
    answer = ask_json("GET", url, host=host_of(base), headers={"Authorization": f"Bearer {token}"})
    articles = [
        Article(
            str(row["KnowledgeArticleId"]),
            str(row["Title"]),
            "\n".join(f"<div>{row[one]}</div>" for one in fields if row.get(one)),
            f"{base}/articles/{quote(str(row.get('UrlName') or ''))}",
        )
        for row in answer["records"]
    ]
    following = answer.get("nextRecordsUrl")
    return Page(articles, url_clean(str(following), base) if following else "")


def feed(settings: Mapping[str, Any], secret: str, cursor: str) -> Page:
    """A list of articles in JSON: JSON Feed 1.1 (jsonfeed.org), or any other by the names of its fields."""
    base = url_clean(str(settings.get("url", "")))
    names = {**_JSON_FEED, **{key: value for key, value in (settings.get("names") or {}).items() if value}}
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    answer = ask_json("GET", cursor or base, host=host_of(base), headers=headers)
    rows = _at(answer, names["items"])
    if not isinstance(rows, list):
        raise FetchError(_("There is no list of articles at “%s”.") % str(names["items"])[:60])
    articles = [article for row in rows if isinstance(row, dict) and (article := _article(row, names))]
    following = _at(answer, names["next"]) if isinstance(answer, dict) else None
    return Page(articles, url_clean(str(following), base) if following else "")


_JSON_FEED = {
    "items": "items", "id": "id", "title": "title", "html": "content_html", "text": "content_text",
    "markdown": "content_markdown", "url": "url", "next": "next_url",
}  # fmt: skip


def _article(row: dict[str, Any], names: Mapping[str, str]) -> Article | None:
    ident = _at(row, names["id"])
    if ident is None:
        return None
    for field, form in (("html", "html"), ("markdown", "md"), ("text", "txt")):
        body = _at(row, names[field])
        if isinstance(body, str) and body.strip():
            title, url = _at(row, names["title"]), _at(row, names["url"])
            return Article(str(ident), str(title or ""), body, str(url or ""), form)
    return None


def _at(value: Any, path: str) -> Any:
    """What lies at `a.b.c` in JSON; "" is the whole; None where there is nothing."""
    for part in str(path).split(".") if path else []:
        value = value.get(part) if isinstance(value, dict) else None
    return value
