"""Signatures of Genesys Cloud's AudioHook requests: making them, and checking them. No I/O.

They follow a draft of HTTP Message Signatures (it has `@request-target`, which RFC 9421 has not), HMAC with SHA-256.
Source: the facts that Genesys publishes with its reference implementation, and their example, which is a test here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

# A signature may be this old, and our clocks may differ by so much, in seconds.
MAX_AGE_SECONDS = 10
MAX_SKEW_SECONDS = 3
# How long a nonce must be remembered so that no request can come twice.
NONCE_SECONDS = 2 * (MAX_AGE_SECONDS + MAX_SKEW_SECONDS)
MIN_NONCE, MAX_NONCE = 22, 256

REQUEST_TARGET = "@request-target"
AUTHORITY = "@authority"
REQUIRED = (
    REQUEST_TARGET,
    AUTHORITY,
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)

_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
# One member of Signature-Input: a list of quoted names, and parameters that are texts or whole numbers.
_INPUT = re.compile(
    rf"(?P<label>{_KEY})=(?P<params>\((?P<names>{_STRING}(?: {_STRING})*)\)"
    rf"(?P<rest>(?:;{_KEY}=(?:{_STRING}|\d{{1,15}}))*))"
)
_PARAMETER = re.compile(rf";({_KEY})=({_STRING}|\d{{1,15}})")
_SIGNATURE = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*={{0,2}}):")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_NUMBERS = frozenset({"created", "expires"})
_TEXTS = frozenset({"keyid", "nonce", "alg"})


class SignatureError(Exception):
    """A request is not signed as it should be. The message names the rule and quotes nothing of the request."""


class Unsigned(SignatureError):
    """A request carries no signature at all."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it was read: what it covers, in order, its parameters, and `params` as they were written."""

    names: tuple[str, ...]
    params: str
    key_id: str
    nonce: str
    created: int
    expires: int | None
    value: bytes


def read(headers: Mapping[str, str]) -> Signature:
    """Read the first signature in the headers (lower-case names). Raises `SignatureError`."""
    given, signed = headers.get("signature-input", "").strip(), headers.get("signature", "").strip()
    if not given and not signed:
        raise Unsigned("the request is not signed")
    values = {member[1]: member[2] for member in _members(_SIGNATURE, signed)}
    first = _members(_INPUT, given)[0]
    if first["label"] not in values:
        raise SignatureError("signature and signature-input do not belong together")
    parameters = _parameters(first["rest"])
    if "created" not in parameters:
        raise SignatureError("the signature does not say when it was made")
    if parameters.get("alg", "hmac-sha256") != "hmac-sha256":
        raise SignatureError("the signature must be hmac-sha256")
    try:
        value = base64.b64decode(values[first["label"]], validate=True)
    except binascii.Error:
        raise SignatureError("the signature is not base64") from None
    return Signature(
        names=tuple(_unquoted(name) for name in re.findall(_STRING, first["names"])),
        params=first["params"],
        key_id=str(parameters.get("keyid", "")),
        nonce=str(parameters.get("nonce", "")),
        created=int(parameters["created"]),
        expires=int(parameters["expires"]) if "expires" in parameters else None,
        value=value,
    )


def check(
    headers: Mapping[str, str],
    *,
    request_target: str,
    authorities: Collection[str],
    api_key: str,
    secret: bytes,
    now: float,
) -> Signature:
    """Check who signed a request, and when. Raises `SignatureError`; returns what was read, for its nonce.

    `headers`: by lower-case name. `request_target`: path and query as they were sent. `authorities`: the names (with
    port where it is not the usual one) that the other side may know this server by. `secret`: the client secret,
    decoded. `now`: seconds since 1970. Whether a nonce was used before is for the caller to know.
    """
    signature = read(headers)
    _check_time(signature, now)
    missing = [name for name in REQUIRED if name not in signature.names]
    if missing or len(set(signature.names)) != len(signature.names):
        raise SignatureError("the signature must cover all that AudioHook requires, once")
    if not MIN_NONCE <= len(signature.nonce) <= MAX_NONCE:
        raise SignatureError(f"the nonce must have {MIN_NONCE} to {MAX_NONCE} characters")
    if not _same(signature.key_id, headers.get("x-api-key", "")):
        raise SignatureError("the signature is of another API key than the request")
    known = _same(signature.key_id, api_key)
    # Computed for a wrong key, too, so that the answer takes as long.
    fits = False
    for authority in authorities:
        base = _base(signature, headers, request_target, authority.lower())
        fits |= hmac.compare_digest(hmac.digest(secret, base, hashlib.sha256), signature.value)
    if not (known and fits and secret):
        raise SignatureError("the signature does not fit")
    return signature


def sign(
    headers: Mapping[str, str],
    *,
    request_target: str,
    authority: str,
    secret: bytes,
    created: int,
    expires: int | None = None,
    nonce: str = "",
) -> dict[str, str]:
    """Make `Signature-Input` and `Signature` for the headers (lower-case names, `x-api-key` among them)."""
    nonce = nonce or base64.b64encode(os.urandom(18)).decode()
    names = " ".join(f'"{name}"' for name in REQUIRED)
    params = (
        f'({names});keyid="{headers["x-api-key"]}";nonce="{nonce}";alg="hmac-sha256"'
        f";created={created};expires={expires if expires is not None else created + 30}"
    )
    unsigned = Signature(REQUIRED, params, headers["x-api-key"], nonce, created, expires, b"")
    value = hmac.digest(secret, _base(unsigned, headers, request_target, authority), hashlib.sha256)
    return {"Signature-Input": f"sig1={params}", "Signature": f"sig1=:{base64.b64encode(value).decode()}:"}


def secret_bytes(text: str) -> bytes:
    """Decode a client secret as Genesys Cloud shows it (base64). Raises `ValueError`."""
    plain = text.strip().rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise ValueError("a client secret is base64") from None


def _check_time(signature: Signature, now: float) -> None:
    if signature.created > now + MAX_SKEW_SECONDS:
        raise SignatureError("the signature is from the future")
    if signature.created < now - MAX_AGE_SECONDS:
        raise SignatureError("the signature is too old")
    if signature.expires is not None and signature.expires < now:
        raise SignatureError("the signature has expired")


def _base(signature: Signature, headers: Mapping[str, str], request_target: str, authority: str) -> bytes:
    lines = []
    for name in signature.names:
        if name == REQUEST_TARGET:
            value = request_target
        elif name == AUTHORITY:
            value = authority
        elif name.startswith("@") or name == "signature" or not headers.get(name):
            raise SignatureError("the signature covers what is not there")
        else:
            value = headers[name].strip()
        lines.append(f'"{name}": {value}')
    lines.append(f'"@signature-params": {signature.params}')
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _members(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """The members of a header that is a list of them. Strict: what is written otherwise is refused."""
    found, at = [], 0
    while True:
        member = pattern.match(text, at)
        if member is None:
            raise SignatureError("the signature headers are not well formed")
        found.append(member)
        if member.end() == len(text):
            return found
        comma = _COMMA.match(text, member.end())
        if comma is None:
            raise SignatureError("the signature headers are not well formed")
        at = comma.end()


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(text):
        kind = _TEXTS if value.startswith('"') else _NUMBERS
        if name not in kind or name in found:
            raise SignatureError("the signature has a parameter that is not understood")
        found[name] = _unquoted(value)
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(
        one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape")
    )
