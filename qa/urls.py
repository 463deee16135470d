"""Quality: scores on the page of a conversation, lists of work, the evaluation form."""

from django.urls import path

from qa import views, work_views

urlpatterns = [
    path("answers/<uuid:answer_id>/", views.answer_override_page, name="answer-override"),
    path("scores/<uuid:evaluation_id>/release/", views.evaluation_release_page, name="evaluation-release"),
    path("scores/<uuid:evaluation_id>/answer/", work_views.score_answer_page, name="score-answer"),
    path("quality/", work_views.quality_page, name="quality"),
    path("quality/agreement/", work_views.agreement_page, name="agreement"),
    path("quality/start/", work_views.evaluation_start_page, name="evaluation-start"),
    path("quality/evaluations/<uuid:evaluation_id>/", work_views.evaluate_page, name="evaluate"),
    path(
        "quality/evaluations/<uuid:evaluation_id>/discard/",
        work_views.evaluation_discard_page,
        name="evaluation-discard",
    ),
    path(
        "quality/assignments/<uuid:assignment_id>/drop/",
        work_views.assignment_drop_page,
        name="assignment-drop",
    ),
    path("quality/disputes/<uuid:dispute_id>/", work_views.dispute_resolve_page, name="dispute-resolve"),
]
