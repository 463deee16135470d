"""The agent's desk and the supervisor's floor."""

from django.urls import path

from desk import changes, floor, floor_changes, views

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
    path("desk/whispers/<uuid:whisper_id>/", floor_changes.whisper_answered, name="desk-whisper"),
    path("floor/", floor.floor, name="floor"),
    path("floor/rules/", floor.rules, name="floor-rules"),
    path("floor/shift/", floor_changes.shift, name="floor-shift"),
    path("floor/calls/<uuid:conversation_id>/attach/", floor_changes.attach, name="floor-attach"),
    path("floor/calls/<uuid:conversation_id>/whisper/", floor_changes.whisper, name="floor-whisper"),
    path("floor/alerts/<uuid:alert_id>/claim/", floor_changes.claim, name="floor-claim"),
    path("floor/alerts/<uuid:alert_id>/release/", floor_changes.release, name="floor-release"),
    path("floor/alerts/<uuid:alert_id>/resolve/", floor_changes.resolve, name="floor-resolve"),
]
