"""What a company enters at Five9 for a connection; the whole recipe is in docs/telephony.md."""

from __future__ import annotations

from django.utils.translation import gettext as _

from integrations.models import TelephonyConnection


def setup_text(connection: TelephonyConnection, host: str) -> str:
    """Where Five9's streams go, and what they must say. `host`: the company's."""
    domain = connection.setting("domain_id") or _("(setting domain_id of this connection)")
    return "\n".join(
        (
            _("gRPC address of the MediaStream subscription (where five9_gateway listens, with TLS):"),
            f"{host}:8002",
            "domain_id: " + domain,
            "trust_token: " + _("this connection's secret"),
        )
    )
