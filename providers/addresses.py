"""Which addresses of servers a company may name: no credentials in them, and none of our own network unless allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from engines.addresses import Address, Reach, address_read, reach

SCHEMES = frozenset({"http", "https", "ws", "wss"})


def _resolved(host: str) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def address_check(url: str, *, resolve: Callable[[str], Iterable[str]] = _resolved) -> tuple[str, ...]:
    """Raise `ValidationError` for an address that a company may not name. "" is the vendor's own and passes.

    Returns where it leads, as judged, IPv4 first: who connects to one of these need not ask the name again, which may
    answer differently a moment later. Empty for "", and for a name of our own network that is not known (yet).

    Whatever the settings say, link-local addresses, where clouds keep their machines' credentials, are refused.
    """
    if not url:
        return ()
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValidationError(_("This is no address of a server.")) from None
    if parts.scheme not in SCHEMES or not host or any(letter.isspace() for letter in url):
        raise ValidationError(
            _("An address begins with https://, http://, wss:// or ws:// and names a host.")
        )
    if parts.username is not None or parts.password is not None:
        raise ValidationError(_("Put the key into its own field, not into the address."))
    if parts.query or parts.fragment:
        raise ValidationError(_("An address ends with its path."))
    private = settings.PROVIDER_ALLOW_PRIVATE_URLS
    try:
        found = [host] if _literal(host) else list(resolve(host))
    except OSError:
        if private:
            return ()  # a name of the installation's own network may not be known here, or not yet
        raise ValidationError(_("There is no host %s.") % host) from None
    addresses = [address_read(text) for text in found]
    for address in addresses:
        how = reach(address)
        if how is Reach.NEVER:
            raise ValidationError(_("This address cannot be used."))
        if not private and how is not Reach.PUBLIC:
            raise ValidationError(
                _(
                    "This address lies in a private network. Whoever runs the installation may allow that: "
                    "PROVIDER_ALLOW_PRIVATE_URLS."
                )
            )
    # Many machines have IPv6 addresses that lead nowhere.
    return tuple(str(one) for one in sorted(addresses, key=lambda one: one.version))


def address_judge(url: str) -> tuple[str, ...]:
    """Where an address leads now. Raises `ValueError` for where a company may not be led: `engines.pinned.Judge`."""
    try:
        return address_check(url)
    except ValidationError:
        raise ValueError("the address may not be used") from None


def encryption_check(url: str, *, resolve: Callable[[str], Iterable[str]] = _resolved) -> None:
    """Raise `ValidationError` unless requests to an address are encrypted or stay in our own network. "" passes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not url or parts.scheme == "https":
        return
    if parts.scheme != "http":
        raise ValidationError(_("An address begins with https:// or http:// here."))
    try:
        found = [host] if _literal(host) else list(resolve(host))
    except OSError:
        found = []
    if not found or any(reach(address_read(text)) is Reach.PUBLIC for text in found):
        raise ValidationError(_("Out of the own network, words go encrypted only: https://."))


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
