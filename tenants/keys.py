"""Keys: data keys per company, wrapped by the platform's key; content keys per call, wrapped by the company's.

Everything is AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces, stored as nonce + ciphertext + tag. The
platform's key lives in a local file (mode 0600) that is made on first use; a key service can take its place.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction

from tenants.models import Tenant, TenantKey
from tenants.scope import PUBLIC, schema_scope

KEY_BYTES = 32
NONCE_BYTES = 12


class SealError(Exception):
    """A key is missing, or what it should open was altered or belongs to something else."""


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def seal(key: bytes, data: bytes, *, bound_to: str) -> bytes:
    """Encrypt `data`; it opens only under the same key and the same `bound_to`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to.encode())


def unseal(key: bytes, sealed: bytes, *, bound_to: str) -> bytes:
    """Decrypt what `seal` made. Raises `SealError` when key, data or binding do not fit."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except InvalidTag:
        raise SealError("sealed data does not open: wrong key, wrong place, or altered") from None


def platform_key(path: Path | None = None) -> bytes:
    """Read the platform's key, making the file on first use (two processes at once get the same one)."""
    path = path or settings.KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise SealError(f"{path.name} is not a key of {KEY_BYTES} bytes") from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        key = new_key()
        file.write(key)
    return key


def tenant_key_create(*, tenant: Tenant) -> TenantKey:
    """Give the company a new data key; older ones stay, to read what they sealed."""
    with transaction.atomic():
        last = TenantKey.objects.filter(tenant=tenant).order_by("-version").first()
        version = last.version + 1 if last else 1
        wrapped = seal(platform_key(), new_key(), bound_to=f"tenant:{tenant.schema_name}:{version}")
        return TenantKey.objects.create(tenant=tenant, version=version, wrapped=wrapped)


_cache: dict[tuple[str, int], bytes] = {}


def _tenant_key(schema: str, version: int | None) -> tuple[int, bytes]:
    """The company's data key, in the clear, by version (None: the newest). Kept in this process' memory."""
    if version is not None and (schema, version) in _cache:
        return version, _cache[schema, version]
    with schema_scope(PUBLIC):
        rows = TenantKey.objects.filter(tenant__schema_name=schema)
        row = (rows.filter(version=version) if version is not None else rows.order_by("-version")).first()
    if row is None:
        raise SealError("the company has no such data key")
    key = unseal(platform_key(), bytes(row.wrapped), bound_to=f"tenant:{schema}:{row.version}")
    _cache[schema, row.version] = key
    return row.version, key


def wrap(schema: str, key: bytes, *, bound_to: str) -> tuple[bytes, int]:
    """Seal a content key under the company's newest data key. Returns the sealed key and the version used."""
    version, tenant_key = _tenant_key(schema, None)
    return seal(tenant_key, key, bound_to=f"{schema}:{bound_to}"), version


def unwrap(schema: str, wrapped: bytes, version: int, *, bound_to: str) -> bytes:
    """Open a content key. Raises `SealError` if it is another company's, another object's, or altered."""
    remembered = (schema, version) in _cache
    _, tenant_key = _tenant_key(schema, version)
    try:
        return unseal(tenant_key, bytes(wrapped), bound_to=f"{schema}:{bound_to}")
    except SealError:
        if not remembered:
            raise
    # What we remember may be the key of a company that was removed and whose schema another has now.
    _cache.pop((schema, version), None)
    _, tenant_key = _tenant_key(schema, version)
    return unseal(tenant_key, bytes(wrapped), bound_to=f"{schema}:{bound_to}")


def derive(schema: str, label: str) -> bytes:
    """A key of the company's own for one use, named by `label`: HKDF-SHA256 (RFC 5869) of its first data key.

    Of the first, so that it stays the same when a new data key is made. Raises `SealError` where there is none.
    """
    with schema_scope(PUBLIC):
        row = TenantKey.objects.filter(tenant__schema_name=schema).order_by("version").first()
    if row is None:
        raise SealError("the company has no data key")
    # Not from memory: the schema may be another company's by now, and two must never have one key.
    key = unseal(platform_key(), bytes(row.wrapped), bound_to=f"tenant:{schema}:{row.version}")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"{schema}:{label}".encode()).derive(
        key
    )
