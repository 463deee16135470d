"""The browser sockets."""

from django.urls import path

from desk.consumers import ConversationConsumer, DeskConsumer, FloorConsumer

websocket_urlpatterns = [
    path("ws/desk/", DeskConsumer.as_asgi()),
    path("ws/conversations/<uuid:conversation_id>/", ConversationConsumer.as_asgi()),
    path("ws/floor/", FloorConsumer.as_asgi()),
]
