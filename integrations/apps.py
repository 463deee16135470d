from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from conversations import erasure, news, spoken
        from integrations.documents.private import private_in
        from integrations.models import Provider
        from integrations.uploads.services import upload_forget
        from integrations.webhooks.services import news_take
        from knowledge import private

        private.find_with(private_in)
        news.follow(news_take)
        erasure.follow(upload_forget)
        spoken.vendor_names_add(dict(Provider.choices))
