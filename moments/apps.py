from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MomentsConfig(AppConfig):
    name = "moments"
    verbose_name = _("Moments")

    def ready(self) -> None:
        from conversations.hiding import follow
        from moments.events import register_own
        from moments.hidden import marks_move

        register_own()
        follow(marks_move)
