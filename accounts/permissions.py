"""The permission matrix: who may do what. The only place where a role means anything."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    AGENT = "agent", _("agent")
    SUPERVISOR = "supervisor", _("supervisor")
    ANALYST = "analyst", _("QA analyst")
    ADMIN = "admin", _("admin")
    # On the public schema only: people who run the installation. They see companies, not conversations.
    PLATFORM = "platform", _("platform operator")


class Permission(StrEnum):
    """What can be allowed. "Own": the user's conversations; "team": those of teams that the user supervises."""

    DESK_WORK = "desk.work"
    FLOOR_WATCH = "floor.watch"
    CONVERSATION_READ_OWN = "conversation.read_own"
    CONVERSATION_READ_TEAM = "conversation.read_team"
    CONVERSATION_READ_ALL = "conversation.read_all"
    CONVERSATION_REDACT = "conversation.redact"
    RECORDING_PLAY = "recording.play"
    RECORDING_DOWNLOAD = "recording.download"
    SUMMARY_EDIT_OWN = "summary.edit_own"
    GUIDANCE_ANSWER = "guidance.answer"
    ALERT_RESOLVE = "alert.resolve"
    WHISPER_SEND = "whisper.send"
    EVALUATION_READ = "evaluation.read"
    EVALUATION_OVERRIDE = "evaluation.override"
    EVALUATION_MANAGE = "evaluation.manage"
    EVALUATION_ANSWER = "evaluation.answer"
    COACHING_READ = "coaching.read"
    COACHING_MANAGE = "coaching.manage"
    IDENTITY_ATTACH = "identity.attach"
    METADATA_WRITE = "metadata.write"
    DISPOSITION_SET = "disposition.set"
    CONSENT_RECORD = "consent.record"
    CALL_PAUSE = "call.pause"
    KNOWLEDGE_SEARCH = "knowledge.search"
    KNOWLEDGE_MANAGE = "knowledge.manage"
    REPORT_READ = "report.read"
    DEMO_PLAY = "demo.play"
    PEOPLE_IMPORT = "people.import"
    UPLOAD_MANAGE = "upload.manage"
    CALL_REPORT = "call.report"
    ADMIN_CONFIGURE = "admin.configure"
    PLATFORM_OPERATE = "platform.operate"


_A, _S, _Q, _X, _P = Role.AGENT, Role.SUPERVISOR, Role.ANALYST, Role.ADMIN, Role.PLATFORM

MATRIX: dict[Permission, frozenset[Role]] = {
    Permission.DESK_WORK: frozenset({_A}),
    Permission.FLOOR_WATCH: frozenset({_S, _X}),
    Permission.CONVERSATION_READ_OWN: frozenset({_A, _S, _Q, _X}),
    Permission.CONVERSATION_READ_TEAM: frozenset({_S, _Q, _X}),
    Permission.CONVERSATION_READ_ALL: frozenset({_Q, _X}),
    Permission.CONVERSATION_REDACT: frozenset({_S, _Q, _X}),
    Permission.RECORDING_PLAY: frozenset({_A, _S, _Q, _X}),
    # Out of the house: no longer in our hands.
    Permission.RECORDING_DOWNLOAD: frozenset({_S, _Q, _X}),
    Permission.SUMMARY_EDIT_OWN: frozenset({_A}),
    Permission.GUIDANCE_ANSWER: frozenset({_A}),
    Permission.ALERT_RESOLVE: frozenset({_S, _X}),
    # To the agents of calls that they may read.
    Permission.WHISPER_SEND: frozenset({_S, _X}),
    Permission.EVALUATION_READ: frozenset({_A, _S, _Q, _X}),
    Permission.EVALUATION_OVERRIDE: frozenset({_S, _Q, _X}),
    # Of the whole company: who evaluates what, and history scored anew.
    Permission.EVALUATION_MANAGE: frozenset({_Q, _X}),
    # Acknowledge and dispute: one's own scores.
    Permission.EVALUATION_ANSWER: frozenset({_A}),
    # Agents: what is theirs and shared with them. Supervisors: the agents of their teams.
    Permission.COACHING_READ: frozenset({_A, _S, _Q, _X}),
    Permission.COACHING_MANAGE: frozenset({_S, _Q, _X}),
    Permission.IDENTITY_ATTACH: frozenset({_S, _X}),
    Permission.METADATA_WRITE: frozenset({_S, _X}),
    # Agents: of the conversations that are theirs.
    Permission.DISPOSITION_SET: frozenset({_A, _S, _X}),
    Permission.CONSENT_RECORD: frozenset({_A, _S, _X}),
    # While a card is given. Agents: their own calls.
    Permission.CALL_PAUSE: frozenset({_A, _S, _X}),
    Permission.KNOWLEDGE_SEARCH: frozenset({_A, _S, _Q, _X}),
    # Collections and their documents; which sites and services they come from is configured by admins.
    Permission.KNOWLEDGE_MANAGE: frozenset({_S, _Q, _X}),
    Permission.REPORT_READ: frozenset({_S, _Q, _X}),
    Permission.DEMO_PLAY: frozenset({_A}),
    Permission.PEOPLE_IMPORT: frozenset({_X}),
    Permission.UPLOAD_MANAGE: frozenset({_S, _Q, _X}),
    Permission.CALL_REPORT: frozenset({_X}),
    Permission.ADMIN_CONFIGURE: frozenset({_X}),
    Permission.PLATFORM_OPERATE: frozenset({_P}),
}


class Scope(StrEnum):
    """What an API key can be for. A key acts as its owner, and only within these."""

    READ = "read"
    WRITE = "write"
    INGEST = "ingest"


def allows(role: str, permission: Permission) -> bool:
    return role in MATRIX[permission]


# What the platform's own admin shows: companies and who runs the installation, nothing of any company's.
_PLATFORM_MODELS = frozenset({"tenants.tenant", "tenants.domain", "accounts.user", "accounts.auditevent"})


def administers(role: str, label: str) -> bool:
    """Whether this role has the model (`app.model`, lower case) in its admin."""
    if allows(role, Permission.PLATFORM_OPERATE):
        return label in _PLATFORM_MODELS
    return allows(role, Permission.ADMIN_CONFIGURE) and not label.startswith("tenants.")
