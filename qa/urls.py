"""Scores: changing an answer on the page of a conversation."""

from django.urls import path

from qa import views

urlpatterns = [path("answers/<uuid:answer_id>/", views.answer_override_page, name="answer-override")]
