"""A website as documents: which pages there are (sitemap or links), what its robots.txt allows, one page fetched."""

from __future__ import annotations

import posixpath
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from lxml import etree
from protego import Protego

from engines.documents.html import says_no_index
from integrations.documents.fetching import AGENT, Fetched, FetchError, fetch, host_of, url_clean

ROBOTS_BYTES = 512 * 1024
SITEMAP_BYTES = 10 * 1024 * 1024
SITEMAPS = 50
MOST_PAGES = 5_000
PAGES = 500
LINKS = 1_000
# However slowly a robots.txt wants to be asked; and how slowly we ask where it says nothing.
MOST_DELAY, DELAY = 5.0, 0.2
_NOT_READ = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".png",
        ".gif",
        ".svg",
        ".webp",
        ".ico",
        ".css",
        ".js",
        ".json",
        ".xml",
        ".zip",
        ".gz",
        ".mp3",
        ".mp4",
        ".webm",
        ".avi",
        ".mov",
        ".woff",
        ".woff2",
        ".exe",
        ".dmg",
        ".xls",
        ".xlsx",
        ".ppt",
        ".pptx",
    ]
)
_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/plain": ".txt",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a source of kind website is set to. `paths`: beginnings of the paths that count; empty: all."""

    url: str
    mode: str
    hosts: frozenset[str]
    paths: tuple[str, ...]
    most: int

    def takes(self, url: str) -> bool:
        """Whether an address is one of this site's pages."""
        path = urlsplit(url).path
        return (
            host_of(url) in self.hosts
            and len(url) <= 500
            and (not self.paths or path.startswith(self.paths))
            and posixpath.splitext(path.lower())[1] not in _NOT_READ
        )


def site_of(settings_: dict[str, Any]) -> Site:
    """Read a source's settings."""
    url = url_clean(str(settings_.get("url", "")))
    hosts = {str(one).strip().lower() for one in settings_.get("hosts", []) if str(one).strip()}
    return Site(
        url=url,
        mode="sitemap" if settings_.get("mode") == "sitemap" else "crawl",
        hosts=frozenset(hosts | {host_of(url)}),
        paths=tuple(str(one) for one in settings_.get("paths", []) if str(one).startswith("/")),
        most=max(1, min(int(settings_.get("max_pages") or PAGES), MOST_PAGES)),
    )


@dataclass(frozen=True, slots=True)
class Robots:
    """What a host's robots.txt says to us."""

    rules: Protego | None
    sitemaps: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        return self.rules is None or bool(self.rules.can_fetch(url, AGENT))

    @property
    def delay(self) -> float:
        asked = self.rules.crawl_delay(AGENT) if self.rules is not None else None
        return min(MOST_DELAY, max(DELAY, float(asked or 0.0)))


def robots_of(site: Site, url: str) -> Robots:
    """Fetch the robots.txt for an address' host (RFC 9309). Raises `FetchError`: then nothing may be fetched there."""
    parts = urlsplit(url)
    try:
        found = fetch(f"{parts.scheme}://{parts.netloc}/robots.txt", hosts=site.hosts, limit=ROBOTS_BYTES)
    except FetchError as error:
        if 400 <= error.status < 500 and error.status != 429:
            return Robots(None)
        raise FetchError(_("Its robots.txt cannot be had, so nothing is fetched: %s") % error) from None
    rules = Protego.parse(found.body.decode("utf-8", errors="replace"))
    return Robots(rules, tuple(rules.sitemaps))


def first_pages(site: Site, robots: Robots) -> list[str]:
    """The addresses to begin with. Raises `FetchError` where a sitemap is wanted and there is none."""
    if site.mode == "crawl":
        return [site.url]
    wanted = [site.url] if site.url.endswith((".xml", ".xml.gz")) else list(robots.sitemaps)
    wanted = wanted or [url_clean("/sitemap.xml", site.url)]
    found: dict[str, None] = {}
    read = 0
    while wanted and read < SITEMAPS and len(found) < site.most:
        url = url_clean(wanted.pop(0), site.url)
        if not url:
            continue
        read += 1
        pages, more = _sitemap(fetch(url, hosts=site.hosts, limit=SITEMAP_BYTES).body)
        found |= dict.fromkeys(clean for page in pages if (clean := url_clean(page)) and site.takes(clean))
        wanted += more
    return list(found)[: site.most]


def _sitemap(data: bytes) -> tuple[list[str], list[str]]:
    """The pages and the further sitemaps that a sitemap names (sitemaps.org). Raises `FetchError`."""
    if data[:2] == b"\x1f\x8b":
        try:
            unpack = zlib.decompressobj(wbits=31)
            data = unpack.decompress(data, SITEMAP_BYTES)
        except zlib.error:
            raise FetchError(_("The sitemap is damaged.")) from None
        if unpack.unconsumed_tail:
            raise FetchError(_("The sitemap is larger than %d MB.") % (SITEMAP_BYTES // (1024 * 1024)))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError):
        root = None
    if root is None or etree.QName(root).localname not in {"urlset", "sitemapindex"}:
        raise FetchError(_("The sitemap is no sitemap."))
    places = [
        (element.text or "").strip()
        for element in root.iter("{*}loc")
        if etree.QName(element.getparent()).localname in {"url", "sitemap"}
    ]
    return ([], places) if etree.QName(root).localname == "sitemapindex" else (places, [])


def page_fetch(site: Site, url: str, *, etag: str, modified: str) -> Fetched:
    """Fetch one page, or learn that it has not changed. Raises `FetchError`."""
    found = fetch(url, hosts=site.hosts, limit=settings.KNOWLEDGE_MAX_BYTES, etag=etag, modified=modified)
    if found.no_index or (not found.unchanged and says_no_index(found.body)):
        raise FetchError(_("The page asks not to be kept."), gone=True)
    return found


def file_name(found: Fetched) -> str:
    """What a page is called as a file, for those who read it: its last part with the ending of its type."""
    stem, ending = posixpath.splitext(posixpath.basename(urlsplit(found.url).path) or "index")
    return f"{stem}{_ENDINGS.get(found.type, ending)}"


def links_of(site: Site, base: str, links: tuple[str, ...]) -> Iterator[str]:
    """Where a page leads to within the site, in one spelling."""
    seen: set[str] = set()
    for link in links[:LINKS]:
        clean = url_clean(link, base)
        if clean and clean not in seen and site.takes(clean):
            seen.add(clean)
            yield clean
