"""Pages of privacy."""

from django.urls import path

from conversations.redaction import views

urlpatterns = [
    path("privacy/", views.privacy, name="privacy"),
    path("privacy/review/", views.review_page, name="privacy-review"),
    path("privacy/review/<uuid:review_id>/", views.review_page, name="privacy-review-one"),
    path("privacy/review/<uuid:review_id>/decide", views.review_decide, name="privacy-review-decide"),
    path("privacy/report/", views.report_page, name="privacy-report"),
    path("privacy/report.csv", views.report_csv, name="privacy-report-csv"),
    path("privacy/again/", views.again_page, name="privacy-again"),
    path("privacy/again/start", views.again_start, name="privacy-again-start"),
    path("privacy/again/<uuid:run_id>/resume", views.again_resume, name="privacy-again-resume"),
    path("privacy/again/<uuid:run_id>/cancel", views.again_cancel, name="privacy-again-cancel"),
]
