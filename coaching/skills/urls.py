"""Skills: the gap view with its files, effects, the agent's own page."""

from django.urls import path

from coaching.skills import views

urlpatterns = [
    path("me/", views.me_page, name="coaching-me"),
    path("skills/", views.skills_page, name="coaching-skills"),
    path("skills/effect/", views.effect_page, name="coaching-effect"),
    path("skills/<slug:name>.<slug:form>", views.skills_file_page, name="coaching-skills-file"),
]
