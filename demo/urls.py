"""The sample call."""

from django.urls import path

from demo import views

urlpatterns = [
    path("demo/play/", views.play, name="demo-play"),
    path("demo/calls/<slug:key>/sound.flac", views.sound, name="demo-sound"),
]
