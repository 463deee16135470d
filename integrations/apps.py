from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from conversations import erasure, hiding, news, redacted, retention, spoken
        from integrations.documents.private import private_in
        from integrations.documents.stale import stale_documents
        from integrations.models import Provider
        from integrations.uploads.services import upload_forget
        from integrations.webhooks.services import news_take
        from knowledge import private, quality
        from knowledge.gaps import gaps_forget, gaps_unsay
        from knowledge.usage import questions_forget, questions_unsay

        private.find_with(private_in)
        quality.stale_with(stale_documents)
        private.hide_with(redacted.redacted)
        news.follow(news_take)
        erasure.follow(upload_forget)
        # What was asked in a conversation repeats its words.
        erasure.follow(questions_unsay)
        hiding.follow(lambda change: questions_unsay(change.conversation_id))
        retention.also(questions_forget)
        # Gaps are called by what was asked: after the questions.
        erasure.follow(gaps_unsay)
        hiding.follow(lambda change: gaps_unsay(change.conversation_id))
        retention.also(gaps_forget)
        spoken.vendor_names_add(dict(Provider.choices))
