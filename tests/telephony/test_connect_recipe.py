"""The Lambda function in docs/telephony.md: it tells us of a contact, and lets the contact go on whatever happens."""

from __future__ import annotations

import io
import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from conversations.models import Conversation
from tests.live_calls import ROOT
from tests.telephony.test_connect_hooks import SECRET, Hooks, flow


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "telephony.md").read_text(), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/telephony.md", "exec"), scope)
    monkeypatch.setenv("HOOK_URL", "https://northwind.localhost/hooks")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return scope["lambda_handler"]


def test_it_tells_of_the_contact(world: Any, handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = Hooks(world.northwind)
    monkeypatch.setenv("HOOK_URL", f"https://{world.northwind.host}{hooks.base}/lambda/")

    def send(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        assert timeout == 1.0
        answer = hooks.client.post(
            request.selector,
            request.data,
            content_type="application/json",
            headers=dict(request.header_items()),
        )
        assert answer.status_code == 200
        return io.BytesIO(answer.content)

    monkeypatch.setattr(urllib.request, "urlopen", send)
    told = handler(flow(), None)
    assert told["status"] == "announced"
    with world.northwind.scope():
        assert Conversation.objects.filter(pk=told["conversation"]).exists()


@pytest.mark.parametrize(
    "error", [TimeoutError(), urllib.error.URLError("refused"), json.JSONDecodeError("", "", 0)]
)
def test_it_lets_the_contact_go_on(handler: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    assert handler(flow(), None) == {"status": "away"}
    monkeypatch.delenv("HOOK_SECRET")
    assert handler(flow(), None) == {"status": "away"}
