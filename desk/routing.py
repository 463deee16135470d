"""The browser sockets."""

websocket_urlpatterns: list = []
