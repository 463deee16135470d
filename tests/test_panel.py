"""The side panel's door: who may frame it, how its token is had, what the token opens, and what ends it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import AuditEvent
from conversations.correlation import identifiers_add
from desk.models import PanelSession, PanelSettings, origin_clean
from desk.panel_tokens import BEFORE_LASTS, challenge_of, panel_of_token, user_of_panel
from tests import live_events as live
from tests.conftest import PASSWORD, Company, World
from tests.permission_tables.panel import ELSEWHERE

VERIFIER = "a-secret-that-only-the-panel-has"


@pytest.fixture
def northwind(world: World) -> Any:
    with world.northwind.scope():
        yield world.northwind


def post(client: Any, path: str, content: Any = None, token: str = "", **headers: str) -> Any:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return client.post(path, json.dumps(content or {}), content_type="application/json", headers=headers)


def code_of(client: Any, verifier: str = VERIFIER) -> str:
    answer = post(client, "/panel/code/", {"challenge": challenge_of(verifier)})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["code"])


def token_of(company: Company, client: Any = None) -> str:
    code = code_of(client or company.client("agent"))
    answer = post(company.client(), "/panel/token/", {"code": code, "verifier": VERIFIER})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["token"])


def get(company: Company, path: str, token: str) -> Any:
    return company.client().get(path, headers={"Authorization": f"Bearer {token}"})


# --- Who may frame it -----------------------------------------------------------------------------------


def test_no_page_may_frame_it_until_an_admin_names_one(northwind: Company) -> None:
    answer = northwind.client().get("/panel/")
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    PanelSettings.objects.create(frame_ancestors="https://apps.mypurecloud.de\nhttps://*.my.connect.aws")
    answer = northwind.client().get("/panel/")
    policy = answer["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://apps.mypurecloud.de https://*.my.connect.aws")
    assert "X-Frame-Options" not in answer
    assert northwind.client("agent").get("/desk/")["X-Frame-Options"] == "SAMEORIGIN", (
        "the panel alone is framed"
    )


def test_the_page_is_the_same_for_everybody_and_sets_no_cookie(northwind: Company) -> None:
    live.call_begin(northwind.people["agent"], customer=live.customer_make())
    pages = [northwind.client(persona).get("/panel/") for persona in (None, "agent")]
    assert pages[0].content == pages[1].content
    assert not any(page.cookies for page in pages)
    assert pages[0]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "wrong",
    [
        "*",
        "https://*",
        "https://*.com",
        "http://crm.example.com",
        "https://crm.example.com/panel",
        "https://crm.example.com; script-src *",
        "https://user@crm.example.com",
        "'self'",
        "https://crm.example.com:99999",
        "https://crm .example.com",
        "crm.example.com",
    ],
)
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        origin_clean(wrong)


def test_addresses_are_kept_as_browsers_take_them() -> None:
    settings = PanelSettings(frame_ancestors="  https://CRM.example.com/ \n\nhttps://*.example.com:8443")
    settings.clean()
    assert settings.origins == ["https://crm.example.com", "https://*.example.com:8443"]


# --- How a token is had ---------------------------------------------------------------------------------


def test_a_pop_up_s_pages_keep_their_opener_and_no_others_do(northwind: Company) -> None:
    client = northwind.client()
    way = client.get("/panel/hand-over/?challenge=c")
    assert way.status_code == 302
    assert way["Cross-Origin-Opener-Policy"] == "unsafe-none"
    sign_in = client.get(way["Location"])
    assert sign_in["Cross-Origin-Opener-Policy"] == "unsafe-none"
    done = client.post(way["Location"], {"username": "agent@northwind.test", "password": PASSWORD})
    assert done["Location"] == "/panel/hand-over/?challenge=c"
    assert done["Cross-Origin-Opener-Policy"] == "unsafe-none"
    over = client.get(done["Location"])
    assert over["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert "frame-ancestors 'none'" in over["Content-Security-Policy"]
    assert northwind.client().get("/sign-in/")["Cross-Origin-Opener-Policy"] == "same-origin"
    assert northwind.client().get("/sign-in/?next=/desk/")["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_code_works_once(northwind: Company) -> None:
    code = code_of(northwind.client("agent"))
    granted = post(northwind.client(), "/panel/token/", {"code": code, "verifier": VERIFIER})
    assert granted["Cache-Control"] == "no-store"
    assert 0 < granted.json()["expires_in_ms"] <= 15 * 60 * 1000
    assert post(northwind.client(), "/panel/token/", {"code": code, "verifier": VERIFIER}).status_code == 403
    row = PanelSession.objects.get()
    assert granted.json()["token"] not in json.dumps(PanelSession.objects.values().get(), default=str)
    assert AuditEvent.objects.filter(action="panel.sign_in", actor=row.user).count() == 1


def test_a_code_in_other_hands_is_worth_nothing(northwind: Company) -> None:
    code = code_of(northwind.client("agent"))
    assert post(northwind.client(), "/panel/token/", {"code": code, "verifier": "guessed"}).status_code == 403
    # Nor is it good for its own panel any more: that panel asks again.
    assert post(northwind.client(), "/panel/token/", {"code": code, "verifier": VERIFIER}).status_code == 403


def test_a_code_is_good_for_a_minute(northwind: Company) -> None:
    code = code_of(northwind.client("agent"))
    PanelSession.objects.update(code_until=timezone.now())
    assert post(northwind.client(), "/panel/token/", {"code": code, "verifier": VERIFIER}).status_code == 403


def test_another_site_cannot_have_a_code_made(world: World) -> None:
    """The code is made by the pop-up's cookie, so that request alone needs its CSRF token."""
    client = world.northwind.client("agent", enforce_csrf_checks=True)
    assert post(client, "/panel/code/", {"challenge": "c" * 43}).status_code == 403


# --- What it opens --------------------------------------------------------------------------------------


def test_a_cookie_is_no_way_in(northwind: Company) -> None:
    """Under `/panel/` a cookie of anybody is as none, also where a token's path is asked with a wrong token."""
    client = northwind.client("agent")
    anything = "019a0000-0000-7000-8000-000000000000"
    for route in ELSEWHERE:
        path = "/" + re.sub(r"<[^>]+>", anything, route)
        for method in (client.get, client.post):
            assert method(path).status_code == 401, path
        for wrong in ("crp_wrong", "crk_of_an_api_key", ""):
            answer = client.get(path, headers={"Authorization": f"Bearer {wrong}"})
            assert answer.status_code == 401, path
    known = {str(pattern.pattern) for pattern in get_resolver("desk.urls").url_patterns}
    assert set(ELSEWHERE) <= known


def test_a_token_opens_the_desk_and_nothing_else(world: World, northwind: Company) -> None:
    call = live.call_begin(northwind.people["agent"], customer=live.customer_make())
    others = live.call_begin(northwind.people["teammate"])
    token = token_of(northwind)
    begin = get(northwind, "/panel/start/", token)
    assert begin.json()["call"]["id"] == str(call.pk)
    assert begin.json()["me"]["name"] == "Agent"
    assert begin["Cache-Control"] == "no-store"
    assert get(northwind, f"/panel/desk/calls/{call.pk}/", token).status_code == 200
    assert get(northwind, f"/panel/desk/calls/{others.pk}/", token).status_code == 404
    hint = live.hint(call, "Offer")
    answer = {"id": str(hint.pk), "action": "accept"}
    assert (
        post(northwind.client(), f"/panel/desk/calls/{call.pk}/guidance/", answer, token).status_code == 200
    )
    assert get(northwind, "/panel/knowledge/?q=refund", token).status_code == 200
    # The same token elsewhere: the API, the desk's own page, another company.
    assert get(northwind, "/api/v1/guidance/", token).status_code == 401
    assert get(northwind, "/desk/state/", token).status_code == 401
    assert get(world.acme, "/panel/start/", token).status_code == 401


def test_it_finds_the_call_that_the_frame_s_address_names(northwind: Company) -> None:
    token = token_of(northwind)
    path = "/panel/find/?conversation=4f2c-gen-1&provider=genesys"
    assert get(northwind, path, token).json() == {"conversation": None}, "not known yet"
    call = live.call_begin(northwind.people["agent"], provider="genesys")
    identifiers_add(conversation_id=call.pk, provider="genesys", identifiers={"conversation": "4f2c-gen-1"})
    assert get(northwind, path, token).json() == {"conversation": str(call.pk)}
    assert get(northwind, path.replace("genesys", "connect"), token).json() == {"conversation": None}
    assert get(northwind, "/panel/find/?conversation=4f2c-gen-1", token).json()["conversation"] == str(
        call.pk
    )
    call.agent = northwind.people["teammate"]
    call.save()
    assert get(northwind, path, token).json() == {"conversation": None}, "somebody else's is not known here"


# --- What ends it ---------------------------------------------------------------------------------------


def test_it_is_renewed_and_the_old_one_lasts_a_minute_more(northwind: Company) -> None:
    token = token_of(northwind)
    renewed = post(northwind.client(), "/panel/token/renew/", token=token).json()["token"]
    assert get(northwind, "/panel/start/", renewed).status_code == 200
    assert get(northwind, "/panel/start/", token).status_code == 200, "a request that was under way"
    PanelSession.objects.update(before_until=timezone.now() - BEFORE_LASTS)
    assert get(northwind, "/panel/start/", token).status_code == 401


def test_it_runs_out_and_is_not_renewed_beyond_a_shift(northwind: Company) -> None:
    token = token_of(northwind)
    PanelSession.objects.update(ends_at=timezone.now())
    assert post(northwind.client(), "/panel/token/renew/", token=token).status_code == 401
    PanelSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert get(northwind, "/panel/start/", token).status_code == 401


@pytest.mark.parametrize("how", ["sign_out", "panel", "password", "inactive", "role", "revoked"])
def test_what_ends_a_person_s_sign_in_ends_the_panel(northwind: Company, how: str) -> None:
    client = northwind.client("agent")
    agent = northwind.people["agent"]
    token = token_of(northwind, client)
    panel = panel_of_token(token)
    assert panel is not None
    if how == "sign_out":
        client.post("/sign-out/")
    elif how == "panel":
        assert post(northwind.client(), "/panel/sign-out/", token=token).status_code == 200
        assert client.get("/desk/").status_code == 302, "the browser is signed out, too"
    elif how == "password":
        agent.set_password("another long secret")
        agent.save()
    elif how == "inactive":
        type(agent).objects.filter(pk=agent.pk).update(is_active=False)
    elif how == "role":
        type(agent).objects.filter(pk=agent.pk).update(role="analyst")
    else:
        PanelSession.objects.update(revoked_at=timezone.now())
    assert get(northwind, "/panel/start/", token).status_code == 401
    assert user_of_panel(panel.pk) is None, "an open socket is closed at its next check"
