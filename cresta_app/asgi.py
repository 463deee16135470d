"""Pages, API, admin and browser sockets, under Daphne. Audio comes in by another door: `cresta_app.ingest`."""

import os

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cresta_app.settings")
django.setup(set_prefix=False)
if settings.SECRET_KEY == settings.NO_SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY: sessions are signed with it.")

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from accounts.socket_auth import SocketAuth  # noqa: E402
from cresta_app import sealed_bodies  # noqa: E402
from cresta_app.upload_door import UploadDoor  # noqa: E402
from desk.chat_socket import ChatSystemDoor  # noqa: E402
from desk.panel_tokens import panel_reader  # noqa: E402
from desk.routing import websocket_urlpatterns  # noqa: E402
from tenants.middleware import TenantWebSocket  # noqa: E402
from tenants.scope import TenantThreads  # noqa: E402

threads = TenantThreads(4, "sockets")
sealed_bodies.install(UploadDoor(TenantThreads(2, "uploads")))

application = ProtocolTypeRouter(
    {
        "http": sealed_bodies.SealedHandler(),
        "websocket": TenantWebSocket(
            ChatSystemDoor(
                SocketAuth(URLRouter(websocket_urlpatterns), threads, tokens=panel_reader), threads
            ),
            threads,
        ),
    }
)
