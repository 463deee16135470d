from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = _("Analytics")

    def ready(self) -> None:
        from analytics.services import fact_write_job
        from conversations import outbox
        from conversations.summaries import CLOSED
        from qa.services import SCORED

        # The names are for good: rows of the outbox hold them.
        outbox.subscribe(outbox.ENDED, "analytics.fact", fact_write_job)
        outbox.subscribe(SCORED, "analytics.fact_scored", fact_write_job)
        outbox.subscribe(CLOSED, "analytics.fact_closed", fact_write_job)
