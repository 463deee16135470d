"""Reports."""

from django.urls import path

from analytics import views

urlpatterns = [
    path("reports/", views.reports_page, name="reports"),
    path("reports/<slug:table>.csv", views.report_file, name="report-file"),
]
