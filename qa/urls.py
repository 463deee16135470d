"""Quality: scores on the page of a conversation, lists of work, the evaluation form, reports."""

from django.urls import path

from qa import report_views, views, work_views

urlpatterns = [
    path("answers/<uuid:answer_id>/", views.answer_override_page, name="answer-override"),
    path("scores/<uuid:evaluation_id>/release/", views.evaluation_release_page, name="evaluation-release"),
    path("scores/<uuid:evaluation_id>/answer/", work_views.score_answer_page, name="score-answer"),
    path("quality/", work_views.quality_page, name="quality"),
    path("quality/agreement/", work_views.agreement_page, name="agreement"),
    path("quality/reports/", report_views.reports_page, name="quality-reports"),
    path(
        "quality/reports/evaluations/",
        report_views.report_evaluations_page,
        name="quality-report-evaluations",
    ),
    path(
        "quality/reports/<slug:name>.<slug:form>",
        report_views.report_file_page,
        name="quality-report-file",
    ),
    path("quality/agents/<uuid:agent_id>/", report_views.agent_page, name="quality-agent"),
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
