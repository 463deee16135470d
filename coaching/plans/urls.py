"""A coach's home, plans, sessions, targets."""

from django.urls import path

from coaching.plans import plan_views, session_views, target_views

urlpatterns = [
    path("", plan_views.coaching_page, name="coaching"),
    path("plans/new/", plan_views.plan_new_page, name="coaching-plan-new"),
    path("plans/<uuid:plan_id>/", plan_views.plan_page, name="coaching-plan"),
    path("plans/<uuid:plan_id>/edit/", plan_views.plan_edit_page, name="coaching-plan-edit"),
    path("plans/<uuid:plan_id>/progress.<slug:form>", plan_views.plan_file_page, name="coaching-plan-file"),
    path("plans/<uuid:plan_id>/do/", plan_views.plan_do_page, name="coaching-plan-do"),
    path("sessions/new/", session_views.session_new_page, name="coaching-session-new"),
    path("sessions/<uuid:session_id>/", session_views.session_page, name="coaching-session"),
    path("sessions/<uuid:session_id>/do/", session_views.session_do_page, name="coaching-session-do"),
    path("targets/", target_views.targets_page, name="coaching-targets"),
]
