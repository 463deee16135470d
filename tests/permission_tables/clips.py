"""Clips: of conversations that one may read, and of those that were shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Company
from tests.past_calls import past_call, recording_make

ALL = {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
# Shared with the team-mate: theirs to read, hear and write below.
READ = ALL | {"teammate": 200, "outsider": 404, "other_supervisor": 404}
# Who coaches the agent, and who made it.
EDIT = ALL | {"agent": 409, "teammate": 409, "outsider": 404, "other_supervisor": 404}
SHARE = READ | {"agent": 403, "teammate": 403, "outsider": 403}
LED = {
    "nobody": 302,
    "agent": 302,
    "teammate": 302,
    "outsider": 404,
    "supervisor": 302,
    "other_supervisor": 404,
    "analyst": 302,
    "admin": 302,
}


def made(company: Company, *, sound: bool = False) -> Any:
    """A clip of the agent's call that the supervisor made and shared with the team-mate, who wrote below it."""
    from coaching.clips.access import Whom, clip_for
    from coaching.clips.services import clip_create, clip_share, comment_add

    people = company.people
    call = past_call(agent=people["agent"], queue=company.queue).conversation
    if sound:
        recording_make(call, seconds=14)
    clip = clip_create(conversation=call, start_ms=5_000, end_ms=13_000, user=people["supervisor"])
    clip = clip_for(people["supervisor"], clip.pk)
    clip_share(clip=clip, whom=Whom("person", user=people["teammate"]), user=people["supervisor"])
    comment_add(clip=clip, user=people["teammate"], text="Good.")
    return clip


def clip(tail: str = "", prefix: str = "/api/v1/coaching/clips") -> Callable[[Company], str]:
    def path(company: Company) -> str:
        found = made(company, sound="sound" in tail or "audio" in tail)
        return f"{prefix}/{found.pk}/{tail.replace('COMMENT', str(found.comments.get().pk))}"

    path.__name__ = f"clip {prefix} {tail}"
    return path


PAGES = "/coaching/clips"
NOT_MINE = READ | dict.fromkeys(("agent", "supervisor", "analyst", "admin"), 409)
ROWS: list[Any] = [
    ("GET", "/coaching/clips/", ALL | {"nobody": 302}),
    ("GET", clip(prefix=PAGES), READ | {"nobody": 302}),
    ("GET", clip("sound", PAGES), READ | {"nobody": 302}),
    ("POST", clip("do/", PAGES), LED, {"do": "comment", "text": "Better still."}),
    ("GET", "/api/v1/coaching/clips/", ALL),
    ("POST", "/api/v1/coaching/clips/", {**dict.fromkeys(ALL, 400), "nobody": 401}, {}),
    ("GET", clip(), READ),
    ("PATCH", clip(), EDIT, {"title": "Better"}),
    ("DELETE", clip(), EDIT | dict.fromkeys(("supervisor", "analyst", "admin"), 204)),
    ("POST", clip("share/"), SHARE | dict.fromkeys(("supervisor",), 400), {"kind": "library"}),
    ("POST", clip("unshare/"), SHARE, {"share": "01890000-0000-7000-8000-000000000009"}),
    ("GET", clip("audio/"), READ),
    (
        "POST",
        clip("comments/"),
        READ | {name: 201 for name, code in READ.items() if code == 200},
        {"text": "Better still."},
    ),
    ("PATCH", clip("comments/COMMENT/"), NOT_MINE, {"text": "Better still."}),
    ("DELETE", clip("comments/COMMENT/"), NOT_MINE | {"teammate": 204}),
]
