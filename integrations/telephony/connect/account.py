"""A connection to an Amazon Connect instance: what its settings and its secret say.

Settings: `region`; `instance_arn` (calls of another instance are refused); `role_arn` and `external_id` (a role to be
assumed); `endpoint_url` (a private link, or a test); `quiet_is_end` (true: a stream that goes quiet has ended well,
for companies that send no contact events); `language` (of calls that do not say).

The secret is either the one that hooks are signed with, or a JSON object: `hook` for that one, and `access_key_id`
and `secret_access_key` where AWS is not reached by the machine's own role.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from integrations.models import TelephonyConnection
from integrations.selectors import connection_secrets
from integrations.telephony.connect.kvs import KvsAccess

SOURCE = "connect"


@dataclass(frozen=True, slots=True)
class ConnectSecret:
    """What a connection's secret holds."""

    hook: str = field(default="", repr=False)
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


def secret_read(text: str) -> ConnectSecret:
    """Read a secret: a JSON object, or the hook's secret itself."""
    try:
        fields: Any = json.loads(text)
    except ValueError:
        return ConnectSecret(hook=text)
    if not isinstance(fields, dict):
        return ConnectSecret(hook=text)
    known = {name: str(fields.get(name, "")) for name in ("hook", "access_key_id", "secret_access_key")}
    return ConnectSecret(**known)


def hook_secrets(connection: TelephonyConnection) -> tuple[str, ...]:
    """The secrets that hooks of this connection may be signed with now."""
    found = (secret_read(each).hook for each in connection_secrets(connection))
    return tuple(each for each in found if each)


def access_of(connection: TelephonyConnection) -> KvsAccess:
    """Where and as whom this connection's streams are read."""
    secrets = connection_secrets(connection)
    keys = secret_read(secrets[0]) if secrets else ConnectSecret()
    return KvsAccess(
        region=connection.setting("region") or "us-east-1",
        access_key_id=keys.access_key_id,
        secret_access_key=keys.secret_access_key,
        role_arn=connection.setting("role_arn"),
        external_id=connection.setting("external_id"),
        endpoint_url=connection.setting("endpoint_url"),
    )


def quiet_is_end(connection: TelephonyConnection) -> bool:
    return isinstance(connection.settings, dict) and connection.settings.get("quiet_is_end") is True
