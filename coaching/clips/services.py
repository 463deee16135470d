"""Writes to clips: cutting, naming, sharing, commenting, and that somebody opened one."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from coaching.clips.access import (
    Whom,
    clip_for,
    judges_blind,
    may_edit,
    may_share,
    recipients_for,
    shares_naming,
)
from coaching.clips.stretch import utterances_in
from coaching.models import Clip, ClipComment, ClipSeen, ClipShare
from coaching.models.clips import COMMENT_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from coaching.skills.skills import skill_of
from conversations.models import Conversation
from conversations.redacted import redacted
from conversations.retention import held
from conversations.services import conversation_lock

Kind = ClipShare.Kind

# What is longer is no clip but the call.
LENGTH_MAX_MS = 10 * 60_000
COMMENTS_MAX = 200


def clip_create(
    *,
    conversation: Conversation,
    start_ms: int,
    end_ms: int,
    user: User,
    title: str = "",
    note: str = "",
    skill: str = "",
    comment: str = "",
    address: str | None = None,
) -> Clip:
    """Cut out what was said from `start_ms` to `end_ms` of a conversation that this person may read.

    It becomes as long as the utterances that lie wholly within. What is written is redacted. Raises `ValidationError`,
    and `Conflict` for a conversation that goes on, that is no longer kept, or that they judge blind.
    """
    fields = {
        "title": _written("title", title, TITLE_LENGTH),
        "note": _written("note", note, NOTE_LENGTH),
        "skill": _skill(skill),
    }
    said = _written("comment", comment, COMMENT_LENGTH)
    if judges_blind(user, conversation):
        raise Conflict(_("You judge this conversation blind. Make clips of it when you are done."))
    with transaction.atomic():
        row = conversation_lock(conversation.pk)
        if row.is_live:
            raise Conflict(_("Clips can be made when the conversation has ended."))
        if row.words_erased_at is not None:
            raise Conflict(_("What was said in this conversation is no longer kept."))
        lines = utterances_in(row, start_ms, end_ms)
        if not lines:
            raise ValidationError({"start_ms": _("No whole utterance lies between these times.")})
        start_ms, end_ms = lines[0].start_ms, max(line.end_ms for line in lines)
        if end_ms - start_ms > LENGTH_MAX_MS:
            raise ValidationError({"end_ms": _("A clip has at most ten minutes.")})
        clip = Clip(conversation=row, start_ms=start_ms, end_ms=end_ms, made_by=user, **fields)
        clip.save()
        if said:
            ClipComment.objects.create(clip=clip, author=user, text=said)
        audit(actor=user, action="clip.create", thing=clip, changes=_place(clip), address=address)
    return clip


def clip_update(
    *,
    clip: Clip,
    user: User,
    title: str | None = None,
    note: str | None = None,
    skill: str | None = None,
    address: str | None = None,
) -> Clip:
    """Change what is given. Raises `ValidationError`, and `Conflict` for who may not, or where it is gone."""
    given: dict[str, str] = {}
    if title is not None:
        given["title"] = _written("title", title, TITLE_LENGTH)
    if note is not None:
        given["note"] = _written("note", note, NOTE_LENGTH)
    if skill is not None:
        # What it was called by before may be asked for no more: it stays so.
        given["skill"] = skill if skill == clip.skill else _skill(skill)
    with transaction.atomic():
        row = _locked(clip, user)
        if not may_edit(user, row):
            raise Conflict(_("Only who made a clip, or coaches its agent, changes it."))
        changed = [name for name, value in given.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, given[name])
        if changed:
            row.save(update_fields=changed)
            audit(actor=user, action="clip.update", thing=row, changes={"fields": changed}, address=address)
    return row


def clip_delete(*, clip: Clip, user: User, address: str | None = None) -> None:
    """Take a clip away, from everybody it was shared with, too.

    Raises `Conflict` for who may not, and where a legal hold keeps the conversation with all that belongs to it.
    """
    with transaction.atomic():
        row = _locked(clip, user)
        if not may_edit(user, row):
            raise Conflict(_("Only who made a clip, or coaches its agent, takes it away."))
        assert row.conversation is not None
        if Conversation.objects.filter(held(), pk=row.conversation.pk).exists():
            raise Conflict(_("A legal hold keeps this conversation, and its clips with it."))
        audit(actor=user, action="clip.delete", thing=row, changes=_place(row), address=address)
        row.delete()


# --- Sharing --------------------------------------------------------------------------------------------


def clip_share(*, clip: Clip, whom: Whom, user: User, address: str | None = None) -> ClipShare:
    """Let others read and hear this stretch. Shared already, it stays as it is.

    Raises `Conflict` for who may not share it, `ValidationError` for whom they may not share it with.
    """
    offered = recipients_for(user)
    allowed = {
        Kind.PERSON: whom.team is None and whom.user in offered.agents,
        Kind.TEAM: whom.user is None and whom.team in offered.teams,
        Kind.LIBRARY: whom.user is None
        and (whom.team in offered.teams if whom.team is not None else offered.company),
    }
    with transaction.atomic():
        row = _locked(clip, user)
        if not may_share(user, row):
            raise Conflict(_("Only who coaches the agent of this clip shares it."))
        if not allowed.get(Kind(whom.kind), False):
            raise ValidationError({"kind": _("You cannot share clips with them.")})
        share, made = ClipShare.objects.get_or_create(
            clip=row, kind=whom.kind, user=whom.user, team=whom.team, defaults={"shared_by": user}
        )
        if made:
            audit(actor=user, action="clip.share", thing=row, changes=_whom(share), address=address)
    return share


def clip_unshare(*, clip: Clip, share_id: UUID, user: User, address: str | None = None) -> None:
    """Share a clip no more. Raises `Conflict` for who may not; what is not shared so is not."""
    with transaction.atomic():
        row = _locked(clip, user)
        if not may_share(user, row):
            raise Conflict(_("Only who coaches the agent of this clip shares it."))
        share = ClipShare.objects.filter(clip=row, pk=share_id).first()
        if share is not None:
            audit(actor=user, action="clip.unshare", thing=row, changes=_whom(share), address=address)
            share.delete()


def clip_opened(*, clip: Clip, user: User) -> None:
    """Remember that somebody with whom others shared it has opened it: it is not new to them any more."""
    if shares_naming(user).filter(clip=clip).exclude(shared_by=user).exists():
        ClipSeen.objects.get_or_create(clip=clip, user=user)


# --- Comments -------------------------------------------------------------------------------------------


def comment_add(*, clip: Clip, user: User, text: str) -> ClipComment:
    """Write below a clip that one may read; redacted first. Raises `ValidationError`, `Conflict` where it is gone."""
    said = _comment(text)
    with transaction.atomic():
        row = _locked(clip, user)
        if row.comments.count() >= COMMENTS_MAX:
            raise Conflict(_("A clip has at most %(count)d comments.") % {"count": COMMENTS_MAX})
        return ClipComment.objects.create(clip=row, author=user, text=said)


def comment_edit(*, comment: ClipComment, user: User, text: str) -> ClipComment:
    """Change one's own comment. Raises as `comment_add` does."""
    said = _comment(text)
    with transaction.atomic():
        row = _own(comment, user)
        if row.text != said:
            row.text, row.edited_at = said, timezone.now()
            row.save(update_fields=["text", "edited_at"])
    return row


def comment_delete(*, comment: ClipComment, user: User) -> None:
    """Take one's own comment away."""
    with transaction.atomic():
        _own(comment, user).delete()


def _own(comment: ClipComment, user: User) -> ClipComment:
    _locked(comment.clip, user)
    row = ClipComment.objects.select_for_update().filter(pk=comment.pk, author=user).first()
    if row is None:
        raise Conflict(_("This comment is not yours, or not there any more."))
    return row


def _comment(text: str) -> str:
    said = _written("comment", text, COMMENT_LENGTH)
    if not said:
        raise ValidationError({"comment": _("Write something.")})
    return said


# --- What all share -------------------------------------------------------------------------------------


def _locked(clip: Clip, user: User) -> Clip:
    """The clip as it is now and as they may read it, taken for this transaction. Raises `Conflict` if it is gone."""
    taken = Clip.objects.select_for_update().filter(pk=clip.pk).exists()
    row = clip_for(user, clip.pk) if taken else clip
    if not taken or row.is_gone:
        raise Conflict(_("This clip is gone: what was said is no longer kept."))
    return row


def _written(name: str, text: str, length: int) -> str:
    words = redacted(text)
    if len(words) > length:
        raise ValidationError({name: _("At most %(count)d characters.") % {"count": length}})
    return words


def _skill(ref: str) -> str:
    if ref and skill_of(ref) is None:
        raise ValidationError({"skill": _("There is no such skill.")})
    return ref


def _place(clip: Clip) -> dict[str, object]:
    """Where it was cut from, for the audit log."""
    return {"conversation": str(clip.conversation_id), "start_ms": clip.start_ms, "end_ms": clip.end_ms}


def _whom(share: ClipShare) -> dict[str, str]:
    """With whom, for the audit log."""
    found = {"kind": str(share.kind)}
    if share.user_id:
        found["user"] = str(share.user_id)
    if share.team_id:
        found["team"] = str(share.team_id)
    return found
