from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QaConfig(AppConfig):
    name = "qa"
    verbose_name = _("Quality")

    def ready(self) -> None:
        from conversations import outbox
        from qa.events import register_own
        from qa.services import conversation_score_job

        register_own()
        outbox.subscribe(outbox.ENDED, "qa.score", conversation_score_job)
