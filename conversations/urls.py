"""Past conversations."""

from django.urls import path

from conversations import views

urlpatterns = [
    path("conversations/", views.conversations_page, name="conversations"),
    path("conversations/<uuid:conversation_id>/", views.conversation_page, name="conversation"),
    path("conversations/<uuid:conversation_id>/recording", views.recording, name="recording"),
    path("conversations/<uuid:conversation_id>/transcript.txt", views.transcript, name="transcript"),
]
