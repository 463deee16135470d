"""Pages of clips: the lists, and one clip with its sound, its words and its thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from coaching.clips.access import clip_for, is_guest, may_edit, may_share, recipients_for, whom_of
from coaching.clips.selectors import (
    ALL,
    LIBRARY,
    MADE,
    SHARED,
    clips_listed,
    clips_new,
    comments_of,
    shares_shown,
    skills_listed,
)
from coaching.clips.services import (
    clip_delete,
    clip_opened,
    clip_share,
    clip_unshare,
    clip_update,
    comment_add,
    comment_delete,
    comment_edit,
)
from coaching.clips.sound import clip_sound, recording_of
from coaching.clips.stretch import Shown, clip_read, hidden_in, names_for, written_html
from coaching.models import Clip, ClipComment, ClipShare
from coaching.models.clips import COMMENT_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from coaching.skills.skills import Skill, skill_of, skills_of
from conversations.models import Conversation, Recording
from conversations.recording_files import PEAKS_PER_SECOND
from conversations.redaction.labels import Labels
from conversations.review import sides_named
from conversations.views import player_words
from engines.language.marking import plain_words
from qa.work_views import PAGE, key_of, said, user_of


def _lists(user: User) -> list[tuple[str, str]]:
    """The lists that this person has, by key and name."""
    lists = [(SHARED, _("Shared with me")), (LIBRARY, _("Good examples")), (MADE, _("Made by me"))]
    if user.may(Permission.COACHING_MANAGE):
        return [lists[2], lists[0], lists[1], (ALL, _("All"))]
    return [*lists, (ALL, _("All"))]


@needs(Permission.COACHING_READ)
@require_safe
def clips_page(request: HttpRequest) -> HttpResponse:
    """One of the lists, fifty rows; the next fifty follow the last one's key."""
    user = user_of(request)
    lists = _lists(user)
    conversation = key_of(request.GET.get("conversation", ""))
    chosen = request.GET.get("list", ALL if conversation else "")
    if chosen not in dict(lists):
        chosen = lists[0][0]
    skills = skills_listed(user)
    skill = request.GET.get("skill", "")
    skill = skill if skill in skills else ""
    rows = clips_listed(user, chosen, skill=skill, conversation=conversation)
    if after := key_of(request.GET.get("after", "")):
        rows = rows.filter(pk__lt=after)
    found = list(rows[: PAGE + 1])
    label = Labels()
    context = {
        "lists": lists,
        "chosen": chosen,
        "new": clips_new(user),
        "skills": skills,
        "skill": skill,
        "conversation": conversation,
        "rows": [
            {
                "clip": clip,
                "guest": is_guest(clip),
                "title": plain_words(names_for(clip, guest=is_guest(clip)).hide(clip.title), label=label),
                "skill": skills.get(clip.skill),
            }
            for clip in found[:PAGE]
        ],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
    }
    return render(request, "coaching/clips.html", context)


@needs(Permission.COACHING_READ)
@require_safe
def clip_page(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """The stretch with its player; whom it is shared with; what is said of it."""
    user = user_of(request)
    clip = clip_for(user, clip_id)
    guest = is_guest(clip)
    shown = clip_read(clip, guest=guest)
    if clip.is_gone:
        return render(request, "coaching/clip_gone.html", {"clip": clip})
    clip_opened(clip=clip, user=user)
    recording, names, label = recording_of(user, clip), names_for(clip, guest=guest), Labels()
    shares_it = may_share(user, clip)
    edits = may_edit(user, clip)
    context = {
        "clip": clip,
        "shown": shown,
        "title": plain_words(shown.title, label=label),
        "guest": guest,
        "player": player_data(shown, recording) if recording else None,
        "no_sound": "" if recording else _no_sound(user, clip),
        "comments": [
            {"row": one, "html": written_html(one.text, names, label), "mine": one.author_id == user.pk}
            for one in comments_of(clip)
        ],
        "shares": shares_shown(user, clip),
        "shares_it": shares_it,
        "offered": recipients_for(user) if shares_it else None,
        "edits": edits,
        "skills": _skills_offered(user, clip) if edits else [],
        "skill": skill_of(clip.skill) if clip.skill else None,
        "most": {"title": TITLE_LENGTH, "note": NOTE_LENGTH, "comment": COMMENT_LENGTH},
    }
    return render(request, "coaching/clip.html", context)


def _skills_offered(user: User, clip: Clip) -> list[Skill]:
    """What may be chosen, and what is chosen already."""
    offered = skills_of(user)
    if clip.skill and all(one.ref != clip.skill for one in offered) and (own := skill_of(clip.skill)):
        offered = [own, *offered]
    return offered


def player_data(shown: Shown, recording: Recording) -> dict[str, Any]:
    """What the player draws of the stretch, in ms from its beginning: as the page of a conversation has it."""
    clip = shown.clip
    assert clip.conversation is not None
    end_ms = min(clip.end_ms, recording.duration_ms)
    first, last = clip.start_ms * PEAKS_PER_SECOND // 1000, -(-end_ms * PEAKS_PER_SECOND // 1000)
    return {
        "duration_ms": end_ms - clip.start_ms,
        "peaks": [side[first:last] for side in recording.peaks],
        "redacted": [
            [channel, max(0, begin - clip.start_ms), min(end_ms, stop) - clip.start_ms]
            for channel, begin, stop in hidden_in(shown, recording)
        ],
        "sides": sides_named(clip.conversation, recording.channels, shown.sides),
        "moments": [],
        "words": player_words(),
    }


def _no_sound(user: User, clip: Clip) -> str:
    """Why there is nothing to play, in words."""
    assert clip.conversation is not None
    if clip.conversation.channel != Conversation.Channel.VOICE:
        return _("A written conversation has no recording.")
    if not user.may(Permission.RECORDING_PLAY):
        return _("This call is recorded, but your role does not listen to recordings.")
    return _("There is no recording of this stretch. The words are all that is kept.")


@needs(Permission.COACHING_READ)
@require_safe
def clip_sound_page(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """The sound of the stretch, in parts."""
    user = user_of(request)
    return clip_sound(request, user, clip_for(user, clip_id))  # type: ignore[return-value]


# --- What is done on the page of a clip -----------------------------------------------------------------


@needs(Permission.COACHING_READ)
@require_POST
def clip_do_page(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """One thing done with a clip: `do` says which of `_DOING`."""
    user = user_of(request)
    clip = clip_for(user, clip_id)
    do = _DOING.get(request.POST.get("do", ""))
    if do is None:
        raise Http404("no such thing to do")
    try:
        told = do(request, user, clip)
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    else:
        if told:
            messages.success(request, told)
    return redirect("clips" if request.POST["do"] == "delete" else clip_url(clip))


def clip_url(clip: Clip) -> str:
    return reverse("clip", args=[clip.pk])


def _comment(request: HttpRequest, user: User, clip: Clip) -> str:
    comment_add(clip=clip, user=user, text=request.POST.get("text", ""))
    return ""


def _comment_edit(request: HttpRequest, user: User, clip: Clip) -> str:
    comment_edit(comment=_comment_of(request, clip), user=user, text=request.POST.get("text", ""))
    return ""


def _comment_delete(request: HttpRequest, user: User, clip: Clip) -> str:
    comment_delete(comment=_comment_of(request, clip), user=user)
    return ""


def _comment_of(request: HttpRequest, clip: Clip) -> ClipComment:
    return get_object_or_404(
        ClipComment.objects.select_related("clip"), clip=clip, pk=key_of(request.POST.get("comment", ""))
    )


def _update(request: HttpRequest, user: User, clip: Clip) -> str:
    given = {name: request.POST[name] for name in ("title", "note", "skill") if name in request.POST}
    clip_update(clip=clip, user=user, address=address_of(request) or None, **given)
    return _("It is saved.")


def _share(request: HttpRequest, user: User, clip: Clip) -> str:
    whom = whom_of(*request.POST.get("whom", "").partition(":")[::2])
    clip_share(clip=clip, whom=whom, user=user, address=address_of(request) or None)
    return _("It is shared. Whoever may not read the conversation gets this stretch and no more.")


def _unshare(request: HttpRequest, user: User, clip: Clip) -> str:
    share = get_object_or_404(ClipShare, clip=clip, pk=key_of(request.POST.get("share", "")))
    clip_unshare(clip=clip, share_id=share.pk, user=user, address=address_of(request) or None)
    return _("It is not shared with them any more.")


def _delete(request: HttpRequest, user: User, clip: Clip) -> str:
    clip_delete(clip=clip, user=user, address=address_of(request) or None)
    return _("The clip is gone. The conversation stays as it is.")


_DOING: dict[str, Callable[[HttpRequest, User, Clip], str]] = {
    "comment": _comment,
    "comment_edit": _comment_edit,
    "comment_delete": _comment_delete,
    "update": _update,
    "share": _share,
    "unshare": _unshare,
    "delete": _delete,
}
