from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from conversations import consent, outbox
        from conversations.consent_enforcement import consent_enforce
        from conversations.events import register_own
        from conversations.recordings import HIDE, recording_seal, stretches_apply
        from conversations.summaries import summary_write_job

        register_own()
        outbox.subscribe(outbox.ENDED, "recording.seal", recording_seal)
        outbox.subscribe(HIDE, "recording.hide", stretches_apply)
        outbox.subscribe(outbox.ENDED, "summary.write", summary_write_job)
        outbox.subscribe(outbox.ENDED, "consent.enforce", consent_enforce)
        outbox.subscribe(consent.CHANGED, "consent.enforce_changed", consent_enforce)
