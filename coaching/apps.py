from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoachingConfig(AppConfig):
    name = "coaching"
    verbose_name = _("Guidance")

    def ready(self) -> None:
        from coaching.events import register_own
        from coaching.hidden import evidence_move
        from conversations.hiding import follow

        register_own()
        follow(evidence_move)
