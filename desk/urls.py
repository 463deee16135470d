"""The agent's desk and the supervisor's floor."""

from django.urls import path

from desk import changes, views

urlpatterns = [
    path("desk/", views.desk, name="desk"),
    path("desk/state/", views.state, name="desk-state"),
    path("desk/calls/<uuid:conversation_id>/", views.call, name="desk-call"),
    path("desk/calls/<uuid:conversation_id>/guidance/", changes.guidance, name="desk-guidance"),
    path("desk/calls/<uuid:conversation_id>/note/", changes.note, name="desk-note"),
    path("desk/calls/<uuid:conversation_id>/consent/", changes.consent, name="desk-consent"),
    path("desk/calls/<uuid:conversation_id>/card-pause/", changes.card_pause, name="desk-card-pause"),
    path("desk/calls/<uuid:conversation_id>/lines/", changes.line_add, name="desk-line-add"),
    path("desk/calls/<uuid:conversation_id>/confirm/", changes.confirm, name="desk-confirm"),
    path("desk/calls/<uuid:conversation_id>/summary.txt", changes.text, name="desk-summary-text"),
    path("desk/lines/<uuid:line_id>/", changes.line_edit, name="desk-line"),
    path("desk/lines/<uuid:line_id>/remove/", changes.line_remove, name="desk-line-remove"),
    path("desk/lines/<uuid:line_id>/restore/", changes.line_restore, name="desk-line-restore"),
    path("floor/", views.floor, name="floor"),
    path("floor/calls/<uuid:conversation_id>/attach/", changes.attach, name="floor-attach"),
    path("floor/alerts/<uuid:alert_id>/resolve/", changes.resolve, name="floor-resolve"),
    path("floor/alerts/<uuid:alert_id>/assign/", changes.assign, name="floor-assign"),
]
