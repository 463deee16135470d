from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from conversations import erasure, hiding, news, redacted, retention, spoken
        from integrations.asked_calls import call_asked_in
        from integrations.documents.private import private_in
        from integrations.documents.stale import stale_documents
        from integrations.models import Provider
        from integrations.uploads.services import upload_forget
        from integrations.webhooks.services import news_take
        from knowledge.care import reviews
        from knowledge.care.gaps import gaps_forget, gaps_unsay
        from knowledge.text import private
        from knowledge.usage import calls
        from knowledge.usage.noting import questions_forget, questions_unsay

        private.find_with(private_in)
        reviews.stale_with(stale_documents)
        private.hide_with(redacted.redacted)
        calls.find_with(call_asked_in)
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
