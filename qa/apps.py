from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QaConfig(AppConfig):
    name = "qa"
    verbose_name = _("Quality")

    def ready(self) -> None:
        from conversations import outbox
        from conversations.hiding import follow
        from conversations.live.anew import stays_where
        from conversations.redaction.second_pass import CHECKED
        from qa.events import register_own
        from qa.hidden import evidence_move
        from qa.selectors import judged_by_people
        from qa.services import conversation_score_job

        register_own()
        follow(evidence_move)
        stays_where(judged_by_people)
        outbox.subscribe(CHECKED, "qa.score", conversation_score_job)
