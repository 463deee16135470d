"""Pages of clips."""

from django.urls import path

from coaching.clips import views

urlpatterns = [
    path("clips/", views.clips_page, name="clips"),
    path("clips/<uuid:clip_id>/", views.clip_page, name="clip"),
    path("clips/<uuid:clip_id>/sound", views.clip_sound_page, name="clip-sound"),
    path("clips/<uuid:clip_id>/do/", views.clip_do_page, name="clip-do"),
]
