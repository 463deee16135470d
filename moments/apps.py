from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MomentsConfig(AppConfig):
    name = "moments"
    verbose_name = _("Moments")

    def ready(self) -> None:
        from conversations import field_changes
        from conversations import marks_again as untold
        from conversations.hiding import follow
        from moments.events import register_own
        from moments.hidden import marks_move
        from moments.tidings import fields_tell, marks_again

        register_own()
        follow(marks_move)
        field_changes.follow(fields_tell)
        untold.also(marks_again)
