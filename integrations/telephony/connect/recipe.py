"""What a company enters in Amazon Connect and AWS for a connection; the whole recipe is in docs/telephony.md."""

from __future__ import annotations

from django.utils.translation import gettext as _

from integrations.models import TelephonyConnection


def setup_text(connection: TelephonyConnection, base: str) -> str:
    """The addresses to enter, and what with. `base`: where this connection's hooks are, without a slash at the end."""
    instance = connection.setting("instance_arn") or _("(setting instance_arn of this connection)")
    return "\n".join(
        (
            _("Environment of the Lambda function in docs/telephony.md, called by the contact flow:"),
            f"HOOK_URL={base}/lambda/",
            "HOOK_SECRET=" + _("(this connection's secret, or its hook part)"),
            "",
            _("EventBridge: source aws.connect, detail type Amazon Connect Contact Event; API destination:"),
            f"{base}/events/",
            _("Authorisation: API key, key name X-Api-Key, value the same secret."),
            "",
            _("Connect instance:") + f" {instance}",
        )
    )
