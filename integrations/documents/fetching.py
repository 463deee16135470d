"""Fetching from addresses that companies name: never into a network of ours, never on to a host that was not allowed.

Each hop of a redirect is judged like the first address (`integrations.egress`), and there are five at most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from django.utils.translation import gettext as _

from integrations.egress import EgressError, Trouble, request, url_check

HOPS = 5
SECONDS = 20.0
JSON_BYTES = 20 * 1024 * 1024
AGENT = "cresta-app"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)


class FetchError(Exception):
    """Nothing came, or nothing that can be used. The message is for people; `gone`: there is no such page any more."""

    def __init__(self, message: str, *, gone: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.gone = gone
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """`url`: where it was found in the end. `unchanged`: the server says that it is what we have. No body then."""

    url: str
    unchanged: bool
    body: bytes
    type: str
    charset: str
    etag: str
    modified: str
    no_index: bool


def url_clean(url: str, base: str = "") -> str:
    """An address in one spelling, without its fragment; "" for one that cannot be asked."""
    try:
        parts = urlsplit(urljoin(base, url.strip()) if base else url.strip())
        host, port = (parts.hostname or "").encode("idna").decode() if parts.hostname else "", parts.port
    except (ValueError, UnicodeError):
        return ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password:
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    place = host.lower() if port in {None, usual} else f"{host.lower()}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urlunsplit((parts.scheme, place, path, query, ""))


def host_of(url: str) -> str:
    """The host of an address with its port where it is not the usual one."""
    return urlsplit(url).netloc


def fetch(
    url: str,
    *,
    hosts: frozenset[str],
    limit: int,
    etag: str = "",
    modified: str = "",
    seconds: float = SECONDS,
) -> Fetched:
    """Fetch a page or a file of at most `limit` bytes, on these hosts only. Raises `FetchError`."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if etag:
        headers["If-None-Match"] = etag
    if modified:
        headers["If-Modified-Since"] = modified
    for _hop in range(HOPS + 1):
        if host_of(url) not in hosts:
            raise FetchError(_("It leads to a host that is not allowed."))
        try:
            answer = request("GET", url, headers=headers, timeout=seconds, limit=limit)
        except EgressError as error:
            raise FetchError(trouble_words(error)) from None
        if answer.status in _REDIRECTS:
            url = url_clean(answer.headers.get("location", ""), url)
            if not url:
                raise FetchError(_("It leads to an address that cannot be asked."))
            continue
        if answer.status == 304:
            return Fetched(url, True, b"", "", "", etag, modified, False)
        if answer.status != 200:
            gone = answer.status in {404, 410}
            words = (
                _("There is no such page any more.") if gone else _("The server answers %d.") % answer.status
            )
            raise FetchError(words, gone=gone, status=answer.status)
        if answer.cut:
            raise FetchError(_("It is larger than %d MB.") % (limit // (1024 * 1024)))
        kind = answer.headers.get("content-type", "")
        charset = _CHARSET.search(kind)
        return Fetched(
            url=url,
            unchanged=False,
            body=answer.body,
            type=kind.partition(";")[0].strip().lower(),
            charset=charset[1] if charset else "",
            etag=answer.headers.get("etag", "")[:200],
            modified=answer.headers.get("last-modified", "")[:80],
            no_index="noindex" in answer.headers.get("x-robots-tag", "").lower(),
        )
    raise FetchError(_("It leads from one address to the next without end."))


def ask_json(
    method: str, url: str, *, host: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Any:
    """Ask a service for JSON. `host`: the one that the secret in `headers` is for. Raises `FetchError`."""
    if host_of(url) != host:
        raise FetchError(_("The service names an address of another host; the secret is not sent there."))
    sent = {
        "User-Agent": AGENT,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        **(headers or {}),
    }
    try:
        answer = request(method, url, headers=sent, body=body, timeout=SECONDS, limit=JSON_BYTES)
    except EgressError as error:
        raise FetchError(trouble_words(error)) from None
    if answer.status in {401, 403}:
        raise FetchError(
            _("The service does not accept the secret (%d).") % answer.status, status=answer.status
        )
    if answer.status == 429:
        raise FetchError(_("The service asks to come less often (429)."), status=429)
    if answer.status != 200:
        raise FetchError(_("The service answers %d.") % answer.status, status=answer.status)
    if answer.cut:
        raise FetchError(_("The service's answer is larger than %d MB.") % (JSON_BYTES // (1024 * 1024)))
    try:
        return json.loads(answer.body)
    except ValueError:
        raise FetchError(_("The service's answer is no JSON.")) from None


def address_check(url: str) -> str:
    """Why an address cannot be followed, for who gave it; "" if it can, as far as its text tells."""
    try:
        url_check(url)
    except EgressError as error:
        return trouble_words(error)
    return ""


def trouble_words(error: EgressError) -> str:
    """Why no answer came, for people."""
    words = {
        Trouble.ADDRESS: _("This is no address that can be asked."),
        Trouble.SCHEME: _("The address must begin with https://."),
        Trouble.CREDENTIALS: _("An address holds no name and password."),
        Trouble.PRIVATE: _(
            "The address lies in a private network. Whoever runs the installation may allow it."
        ),
        Trouble.NO_HOST: _("There is no host of this name."),
        Trouble.CONNECTION: _("The server could not be reached."),
        Trouble.TLS: _("The server's certificate is not valid."),
        Trouble.TIMEOUT: _("The server takes too long."),
        Trouble.PROTOCOL: _("The server's answer cannot be read."),
    }
    return words[error.trouble]
