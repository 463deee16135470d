"""Quality: scores on the page of a conversation, lists of work, the evaluation form, reports."""

from django.urls import path

from qa import calibration_views, report_views, views, work_views

urlpatterns = [
    path("answers/<uuid:answer_id>/", views.answer_override_page, name="answer-override"),
    path("scores/<uuid:evaluation_id>/release/", views.evaluation_release_page, name="evaluation-release"),
    path("scores/<uuid:evaluation_id>/answer/", work_views.score_answer_page, name="score-answer"),
    path("quality/", work_views.quality_page, name="quality"),
    path("quality/agreement/", work_views.agreement_page, name="agreement"),
    path(
        "quality/agreement/<uuid:scorecard_id>/decide/",
        work_views.criterion_decide_page,
        name="criterion-decide",
    ),
    path("quality/calibrations/", calibration_views.calibrations_page, name="calibrations"),
    path("quality/calibrations/new/", calibration_views.calibration_new_page, name="calibration-new"),
    path("quality/calibrations/results/", calibration_views.results_page, name="calibration-results"),
    path(
        "quality/calibrations/results.<slug:form>",
        calibration_views.results_file_page,
        name="calibration-results-file",
    ),
    path("quality/calibrations/<uuid:session_id>/", calibration_views.calibration_page, name="calibration"),
    path(
        "quality/calibrations/<uuid:session_id>/do/",
        calibration_views.calibration_do_page,
        name="calibration-do",
    ),
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
