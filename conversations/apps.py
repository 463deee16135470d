from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from conversations import consent, lifecycle, outbox
        from conversations.consent_enforcement import consent_enforce
        from conversations.events import register_own
        from conversations.marks_again import marks_retell
        from conversations.recordings import HIDE, recording_seal, stretches_apply
        from conversations.summaries import summary_write_job

        register_own()
        outbox.subscribe(outbox.ENDED, "recording.seal", recording_seal)
        outbox.subscribe(HIDE, "recording.hide", stretches_apply)
        outbox.subscribe(outbox.ENDED, "summary.write", summary_write_job)
        outbox.subscribe(outbox.ENDED, "consent.enforce", consent_enforce)
        outbox.subscribe(lifecycle.UNTOLD, "marks.retell", marks_retell)
        outbox.subscribe(consent.CHANGED, "consent.enforce_changed", consent_enforce)
