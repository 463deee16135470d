"""Past conversations."""

from django.urls import path

from conversations import views
from conversations.completeness_views import completeness_page
from conversations.redaction.urls import urlpatterns as privacy_urls
from conversations.summary_views import case_make, figures_page

urlpatterns = [
    *privacy_urls,
    path("conversations/", views.conversations_page, name="conversations"),
    path("conversations/<uuid:conversation_id>/", views.conversation_page, name="conversation"),
    path("conversations/<uuid:conversation_id>/recording", views.recording, name="recording"),
    path(
        "conversations/<uuid:conversation_id>/recording/download",
        views.recording_download,
        name="recording-download",
    ),
    path("summaries/", figures_page, name="summary-figures"),
    path("conversations/<uuid:conversation_id>/summary-case", case_make, name="summary-case"),
    path("completeness/", completeness_page, name="completeness"),
    path("recordings/<str:token>", views.recording_sound, name="recording-sound"),
    path("conversations/<uuid:conversation_id>/transcript.txt", views.transcript, name="transcript"),
]
