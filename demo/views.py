"""The sample call's button and its sound. Only in companies that are there to try things."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from demo.playback import play_request
from demo.provision import is_demo
from demo.scripts import sample_calls
from desk.answering import answers_json, body, words
from tenants.scope import current_schema


def _only_in_demo() -> None:
    if not is_demo(current_schema()):
        raise Http404("no sample calls in this company")


@answers_json(Permission.DEMO_PLAY, "POST")
def play(request: HttpRequest) -> HttpResponse:
    """`{"key"}`: play this call to who asks. Answers `{"call", "begins_in_ms"}`."""
    _only_in_demo()
    assert isinstance(request.user, User)
    return JsonResponse(play_request(user=request.user, key=words(body(request), "key", maximum=40)))


@needs(Permission.DEMO_PLAY)
@require_GET
def sound(request: HttpRequest, key: str) -> HttpResponse:
    """A sample call's sound, the agent on the left and the customer on the right."""
    _only_in_demo()
    call = sample_calls().get(key)
    if call is None:
        raise Http404("no such sample call")
    headers = {"Cache-Control": "private, max-age=3600"}
    return HttpResponse(call.sound.read_bytes(), content_type="audio/flac", headers=headers)
