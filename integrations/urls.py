"""Where vendors call in by HTTP."""

from django.urls import path

from integrations.telephony.connect import views as connect

urlpatterns = [
    path("hooks/connect/<str:connection_id>/lambda/", connect.contact_hook, name="connect-lambda"),
    path("hooks/connect/<str:connection_id>/events/", connect.events_hook, name="connect-events"),
]
