"""The agent's desk, the same in a side panel, and the supervisor's floor."""

from django.urls import path

from desk import changes, chat_changes, floor, floor_changes, install, panel, views

# What the agent's desk asks for: by the page's cookie under its own address, by the panel's token under `/panel/`.
agent = [
    ("desk/state/", views.state, "desk-state"),
    ("desk/keys/", changes.keys, "desk-keys"),
    ("desk/mutes/<uuid:mute_id>/end/", changes.mute_over, "desk-mute-end"),
    ("desk/calls/<uuid:conversation_id>/", views.call, "desk-call"),
    ("desk/calls/<uuid:conversation_id>/guidance/", changes.guidance, "desk-guidance"),
    ("desk/calls/<uuid:conversation_id>/mute/", changes.mute, "desk-mute"),
    ("desk/calls/<uuid:conversation_id>/step/", changes.step, "desk-step"),
    ("desk/calls/<uuid:conversation_id>/hand/", changes.hand, "desk-hand"),
    ("desk/calls/<uuid:conversation_id>/note/", changes.note, "desk-note"),
    ("desk/calls/<uuid:conversation_id>/consent/", changes.consent, "desk-consent"),
    ("desk/calls/<uuid:conversation_id>/card-pause/", changes.card_pause, "desk-card-pause"),
    ("desk/calls/<uuid:conversation_id>/message/", chat_changes.message, "desk-message"),
    ("desk/calls/<uuid:conversation_id>/reply/", chat_changes.reply, "desk-reply"),
    ("desk/calls/<uuid:conversation_id>/lines/", changes.line_add, "desk-line-add"),
    ("desk/calls/<uuid:conversation_id>/confirm/", changes.confirm, "desk-confirm"),
    ("desk/calls/<uuid:conversation_id>/summary.txt", changes.text, "desk-summary-text"),
    ("desk/lines/<uuid:line_id>/", changes.line_edit, "desk-line"),
    ("desk/lines/<uuid:line_id>/remove/", changes.line_remove, "desk-line-remove"),
    ("desk/lines/<uuid:line_id>/restore/", changes.line_restore, "desk-line-restore"),
    ("desk/whispers/<uuid:whisper_id>/", floor_changes.whisper_answered, "desk-whisper"),
]

urlpatterns = [
    path("desk/", views.desk, name="desk"),
    *(path(route, view, name=name) for route, view, name in agent),
    path("panel/", panel.panel, name="panel"),
    path("panel/hand-over/", panel.hand_over, name="panel-hand-over"),
    path("panel/code/", panel.code, name="panel-code"),
    path("panel/token/", panel.token, name="panel-token"),
    path("panel/token/renew/", panel.renew, name="panel-renew"),
    path("panel/sign-out/", panel.sign_out, name="panel-sign-out"),
    path("panel/start/", panel.start, name="panel-start"),
    path("panel/find/", panel.find, name="panel-find"),
    path("panel/knowledge/", panel.knowledge, name="panel-knowledge"),
    path("panel/knowledge/answer/", panel.answer, name="panel-answer"),
    path("panel/knowledge/feedback/", panel.feedback, name="panel-knowledge-feedback"),
    *(path(f"panel/{route}", panel.by_token(view), name=f"panel-{name}") for route, view, name in agent),
    path("floor/", floor.floor, name="floor"),
    path("floor/rules/", floor.rules, name="floor-rules"),
    path("floor/shift/", floor_changes.shift, name="floor-shift"),
    path("floor/calls/<uuid:conversation_id>/attach/", floor_changes.attach, name="floor-attach"),
    path("floor/calls/<uuid:conversation_id>/whisper/", floor_changes.whisper, name="floor-whisper"),
    path("floor/calls/<uuid:conversation_id>/message/", chat_changes.join, name="floor-message"),
    path("floor/alerts/<uuid:alert_id>/claim/", floor_changes.claim, name="floor-claim"),
    path("floor/alerts/<uuid:alert_id>/release/", floor_changes.release, name="floor-release"),
    path("floor/alerts/<uuid:alert_id>/resolve/", floor_changes.resolve, name="floor-resolve"),
    path("manifest.webmanifest", install.manifest, name="manifest"),
    path("offline/", install.offline, name="offline"),
    path("offline-worker.js", install.offline_worker, name="offline-worker"),
]
