"""Where vendors call in by HTTP."""

from django.urls import path

from integrations.telephony.connect import views as connect
from integrations.telephony.genesys import views as genesys
from integrations.telephony.jambonz import views as jambonz
from integrations.telephony.twilio import views as twilio

urlpatterns = [
    path("hooks/connect/<str:connection_id>/lambda/", connect.contact_hook, name="connect-lambda"),
    path("hooks/connect/<str:connection_id>/events/", connect.events_hook, name="connect-events"),
    path("hooks/twilio/<str:connection_id>/status/", twilio.status_hook, name="twilio-status"),
    path("hooks/jambonz/<str:connection_id>/status/", jambonz.status_hook, name="jambonz-status"),
    path("hooks/genesys/<str:connection_id>/events/", genesys.events_hook, name="genesys-events"),
]
