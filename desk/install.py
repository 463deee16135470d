"""The product as an app on somebody's device: its manifest, and a notice for when there is no connection.

The service worker keeps that notice and nothing else: no page with anybody's words is ever kept on a device.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

ICON_SIZES = (192, 512)


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    icons = [
        {"src": static(f"img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in ICON_SIZES
    ]
    maskable = {
        "src": static("img/icon-maskable-512.png"),
        "sizes": "512x512",
        "type": "image/png",
        "purpose": "maskable",
    }
    return JsonResponse(
        {
            "id": "/",
            "name": f"Cresta App · {request.tenant.name}",  # type: ignore[attr-defined]
            "short_name": "Cresta App",
            "description": _("What to say and do while you talk."),
            # The home page leads each person to where they work.
            "start_url": reverse("home"),
            "scope": "/",
            "display": "standalone",
            "background_color": "#f2f4f5",
            "theme_color": "#ffffff",
            "icons": [*icons, maskable],
        },
        content_type="application/manifest+json",
    )


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """The notice, the same for everybody: it is what the device keeps."""
    return render(request, "desk/offline.html")


@require_GET
def offline_worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Served from the root, since it answers for every page."""
    response = render(request, "desk/offline_worker.js", content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
