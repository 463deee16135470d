from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoachingConfig(AppConfig):
    name = "coaching"
    verbose_name = _("Guidance")

    def ready(self) -> None:
        from coaching.events import register_own

        register_own()
