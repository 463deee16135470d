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
        from conversations.redaction import second_pass
        from conversations.redaction.on_call import on_call_tell
        from conversations.summaries import EDITED, summary_model_job, summary_write_job
        from conversations.summary_cases import summary_case_feed
        from conversations.summary_writing import WRITTEN

        register_own()
        outbox.subscribe(outbox.ENDED, "recording.seal", recording_seal)
        outbox.subscribe(HIDE, "recording.hide", stretches_apply)
        # Nothing is made of a conversation's words before they were read a second time.
        outbox.subscribe(outbox.ENDED, second_pass.TASK, second_pass.redaction_check)
        outbox.subscribe(second_pass.CHECKED, "summary.write", summary_write_job)
        outbox.subscribe(WRITTEN, "summary.model", summary_model_job)
        outbox.subscribe(EDITED, "summary.case", summary_case_feed)
        outbox.subscribe(second_pass.UNCHECKED, "redaction.on_call", on_call_tell)
        outbox.subscribe(outbox.ENDED, "consent.enforce", consent_enforce)
        outbox.subscribe(lifecycle.UNTOLD, "marks.retell", marks_retell)
        outbox.subscribe(consent.CHANGED, "consent.enforce_changed", consent_enforce)
