from django.apps import AppConfig


class CrestaAppConfig(AppConfig):
    name = "cresta_app"
    verbose_name = "Platform"

    def ready(self) -> None:
        from cresta_app.live import ears, stages
        from integrations.uploads.hearing import equip

        equip(ears=ears, stages=stages)
