"""API v1: each room's view sets, and the OpenAPI pages."""

urlpatterns: list = []
