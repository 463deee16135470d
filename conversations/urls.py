"""Past conversations."""

from django.urls import path

from conversations import views
from conversations.completeness_views import completeness_page
from conversations.redaction.urls import urlpatterns as privacy_urls

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
    path("completeness/", completeness_page, name="completeness"),
    path("recordings/<str:token>", views.recording_sound, name="recording-sound"),
    path("conversations/<uuid:conversation_id>/transcript.txt", views.transcript, name="transcript"),
]
