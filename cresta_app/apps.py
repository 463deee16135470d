from django.apps import AppConfig


class CrestaAppConfig(AppConfig):
    name = "cresta_app"
    verbose_name = "Platform"
