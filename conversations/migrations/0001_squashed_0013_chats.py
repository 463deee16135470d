"""All migrations up to this one in one step: what a new installation runs. Older ones run those it replaces."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    replaces = [
        ("conversations", "0001_initial"),
        ("conversations", "0002_hidden_stretches"),
        ("conversations", "0003_call_phases_and_identifiers"),
        ("conversations", "0004_consent"),
        ("conversations", "0005_retention"),
        ("conversations", "0006_changes"),
        ("conversations", "0007_waiting_unmet"),
        ("conversations", "0008_redaction_policy"),
        ("conversations", "0009_redaction_checks"),
        ("conversations", "0010_kept_values"),
        ("conversations", "0011_hidden_reach"),
        ("conversations", "0012_fixed_state"),
        ("conversations", "0013_chats"),
    ]

    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=120, unique=True, verbose_name="reference")),
                ("name", models.CharField(blank=True, default="", max_length=120, verbose_name="name")),
                ("segment", models.CharField(blank=True, default="", max_length=40, verbose_name="segment")),
                ("fields", models.JSONField(blank=True, default=dict, verbose_name="fields")),
            ],
            options={
                "verbose_name": "customer",
                "verbose_name_plural": "customers",
            },
        ),
        migrations.CreateModel(
            name="Disposition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.SlugField(max_length=60, unique=True, verbose_name="key")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "disposition",
                "verbose_name_plural": "dispositions",
                "ordering": ["position", "name"],
            },
        ),
        migrations.CreateModel(
            name="VoiceSettings",
            fields=[
                (
                    "only",
                    models.BooleanField(default=True, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "transcribe_ivr",
                    models.BooleanField(default=False, verbose_name="transcribe menus and queues"),
                ),
                (
                    "transcribe_hold",
                    models.BooleanField(default=False, verbose_name="transcribe what is said on hold"),
                ),
            ],
            options={
                "verbose_name": "voice settings",
                "verbose_name_plural": "voice settings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("only", True)), name="voice_settings_only_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "region",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="As calls name it in metadata.region, e.g. DE or US-CA. Empty: all others.",
                        max_length=20,
                        verbose_name="region",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("record", "recording"),
                            ("assist", "transcription and guidance"),
                            ("train", "training of models"),
                        ],
                        max_length=8,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("none", "nothing to ask"),
                            ("announce", "callers are told"),
                            ("opt_in", "callers agree"),
                            ("opt_out", "callers may refuse"),
                        ],
                        max_length=8,
                        verbose_name="what is needed",
                    ),
                ),
                (
                    "unknown_allows",
                    models.BooleanField(
                        default=False,
                        help_text="Whether the purpose is allowed while nothing is known of the caller's consent.",
                        verbose_name="allowed while unknown",
                    ),
                ),
                (
                    "on_withdrawal",
                    models.CharField(
                        choices=[("stop", "stop from then on"), ("erase", "stop, and erase what there is")],
                        default="stop",
                        max_length=5,
                        verbose_name="on withdrawal",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent rule",
                "verbose_name_plural": "consent rules",
                "ordering": ["region", "purpose"],
                "constraints": [
                    models.UniqueConstraint(fields=("region", "purpose"), name="consent_rule_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField(auto_now_add=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("removed", models.JSONField(default=dict, verbose_name="removed")),
                ("held", models.JSONField(default=dict, verbose_name="held")),
                ("failed", models.JSONField(default=dict, verbose_name="failed")),
            ],
            options={
                "verbose_name": "retention report",
                "verbose_name_plural": "retention reports",
                "ordering": ["-started_at"],
            },
        ),
        migrations.CreateModel(
            name="RetentionRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("audio", "recordings"),
                            ("transcript", "what was said: transcripts, summaries, notes"),
                            ("events", "events and metadata that met no call"),
                            ("metadata", "the conversation itself, with all that is left of it"),
                        ],
                        max_length=10,
                        verbose_name="what",
                    ),
                ),
                (
                    "days",
                    models.PositiveIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)], verbose_name="days"
                    ),
                ),
                (
                    "queue",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: all queues without a rule of their own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="accounts.queue",
                        verbose_name="queue",
                    ),
                ),
            ],
            options={
                "verbose_name": "retention rule",
                "verbose_name_plural": "retention rules",
                "ordering": ["kind", "queue"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "queue"), name="retention_rule_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(condition=models.Q(("days__gte", 1)), name="retention_rule_days"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RedactionPolicy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("revision", models.PositiveIntegerField(unique=True, verbose_name="revision")),
                (
                    "profile",
                    models.CharField(
                        choices=[
                            ("cards_and_secrets", "cards and secrets"),
                            ("standard", "standard"),
                            ("strict", "strict"),
                        ],
                        default="standard",
                        max_length=20,
                        verbose_name="starts from",
                    ),
                ),
                (
                    "regions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=2),
                        size=None,
                        verbose_name="countries of phone numbers",
                    ),
                ),
                (
                    "may_see",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=12),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="who sees what is kept",
                    ),
                ),
                (
                    "pci_hears",
                    models.BooleanField(default=False, verbose_name="transcribe during a card pause"),
                ),
                (
                    "pci_auto",
                    models.BooleanField(default=False, verbose_name="pause by itself while a card is given"),
                ),
                (
                    "pci_minutes",
                    models.PositiveSmallIntegerField(
                        default=10,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(60),
                        ],
                        verbose_name="longest card pause (minutes)",
                    ),
                ),
                ("tightens", models.BooleanField(default=False, verbose_name="hides more than before")),
                (
                    "history_done_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="history gone through"),
                ),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="changed")),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="changed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction policy",
                "verbose_name_plural": "redaction policy",
                "ordering": ["-revision"],
            },
        ),
        migrations.CreateModel(
            name="RedactionRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("cancelled", "cancelled"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("since", models.DateTimeField(blank=True, null=True, verbose_name="calls since")),
                ("until", models.DateTimeField(verbose_name="calls until")),
                ("policy", models.CharField(blank=True, default="", max_length=32, verbose_name="policy")),
                ("total", models.PositiveIntegerField(default=0, verbose_name="conversations")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="read")),
                ("found", models.PositiveIntegerField(default=0, verbose_name="found")),
                ("failed", models.PositiveIntegerField(default=0, verbose_name="not read")),
                ("cursor", models.UUIDField(blank=True, null=True)),
                ("is_open", models.BooleanField(default=True, editable=False)),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("seen_at", models.DateTimeField(blank=True, null=True, verbose_name="last step")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "re-redaction",
                "verbose_name_plural": "re-redactions",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_open", True)),
                        fields=("is_open",),
                        name="redaction_run_one_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[("voice", "voice"), ("chat", "chat"), ("email", "e-mail")],
                        default="voice",
                        max_length=8,
                        verbose_name="channel",
                    ),
                ),
                (
                    "direction",
                    models.CharField(
                        choices=[("inbound", "inbound"), ("outbound", "outbound")],
                        default="inbound",
                        max_length=8,
                        verbose_name="direction",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("announced", "announced"),
                            ("live", "live"),
                            ("wrap_up", "wrap-up"),
                            ("completed", "completed"),
                            ("incomplete", "incomplete"),
                        ],
                        default="announced",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "end_reason",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="end reason"),
                ),
                ("language", models.CharField(default="en", max_length=12, verbose_name="language")),
                ("provider", models.CharField(default="native", max_length=40, verbose_name="provider")),
                (
                    "provider_call_id",
                    models.CharField(max_length=120, verbose_name="call id at the provider"),
                ),
                (
                    "provider_agent_id",
                    models.CharField(
                        blank=True, default="", max_length=120, verbose_name="agent id at the provider"
                    ),
                ),
                ("announced_at", models.DateTimeField(verbose_name="announced")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="wrap-up done")),
                ("metadata", models.JSONField(blank=True, default=dict, verbose_name="metadata")),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="conversations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "queue",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="accounts.queue",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="conversations",
                        to="conversations.customer",
                    ),
                ),
                (
                    "disposition",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="conversations.disposition",
                    ),
                ),
                ("words_erased_at", models.DateTimeField(blank=True, null=True, verbose_name="words erased")),
            ],
            options={
                "verbose_name": "conversation",
                "verbose_name_plural": "conversations",
                "ordering": ["-announced_at"],
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["announced_at"], name="conversation_time"
                    ),
                    models.Index(fields=["-announced_at", "-id"], name="conversation_newest"),
                    models.Index(fields=["agent", "-announced_at"], name="conversation_agent"),
                    models.Index(
                        condition=models.Q(("state__in", ["announced", "live", "wrap_up"])),
                        fields=["state"],
                        name="conversation_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "provider_call_id"), name="conversation_call_id_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomInformation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=32, verbose_name="name")),
                ("label", models.CharField(max_length=60, verbose_name="words for people")),
                ("patterns", models.JSONField(blank=True, default=list, verbose_name="patterns")),
                ("words", models.JSONField(blank=True, default=list, verbose_name="words")),
                ("examples", models.JSONField(blank=True, default=list, verbose_name="examples")),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="custom",
                        to="conversations.redactionpolicy",
                    ),
                ),
            ],
            options={
                "verbose_name": "own type of information",
                "verbose_name_plural": "own types of information",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("policy", "name"), name="custom_information_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RedactionRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=32, verbose_name="type")),
                ("enabled", models.BooleanField(default=True, verbose_name="on")),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("mask", "hide"),
                            ("last_four", "keep the last four"),
                            ("hash", "code that only says whether two are the same"),
                            ("keep", "keep for those who may see it"),
                        ],
                        default="mask",
                        max_length=10,
                        verbose_name="action",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="conversations.redactionpolicy",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction rule",
                "verbose_name_plural": "redaction rules",
                "ordering": ["type"],
                "constraints": [
                    models.UniqueConstraint(fields=("policy", "type"), name="redaction_rule_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="CallOwner",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="owner",
                        serialize=False,
                        to="conversations.conversation",
                    ),
                ),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("worker", models.CharField(blank=True, default="", max_length=80)),
                ("head", models.PositiveIntegerField(default=0)),
                ("utterances", models.PositiveIntegerField(default=0)),
                ("coverage", models.JSONField(default=list)),
                ("engine_state", models.JSONField(default=dict)),
                ("recorded_ms", models.PositiveIntegerField(default=0)),
                ("audio_format", models.JSONField(default=dict)),
                ("wrapped_key", models.BinaryField(null=True)),
                ("key_version", models.PositiveIntegerField(default=0)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("fixed_state", models.JSONField(null=True)),
            ],
            options={
                "verbose_name": "call owner",
                "verbose_name_plural": "call owners",
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("text", models.TextField(max_length=4000)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="note",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
            },
        ),
        migrations.CreateModel(
            name="OutboxJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("task", models.CharField(max_length=120, verbose_name="task")),
                ("event", models.CharField(max_length=60, verbose_name="because of")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="done")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "outbox job",
                "verbose_name_plural": "outbox",
                "ordering": ["due_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at__isnull", True)), fields=["due_at"], name="outbox_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("task", "event", "conversation"), name="outbox_once_per_conversation"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("agent", "agent"),
                            ("customer", "customer"),
                            ("supervisor", "supervisor"),
                            ("bot", "bot"),
                        ],
                        max_length=12,
                    ),
                ),
                ("display_name", models.CharField(blank=True, default="", max_length=120)),
                ("channel_index", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("joined_at", models.DateTimeField()),
                ("left_at", models.DateTimeField(blank=True, null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participants",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "participant",
                "verbose_name_plural": "participants",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("channel_index__isnull", False), ("left_at__isnull", True)),
                        fields=("conversation", "channel_index"),
                        name="participant_channel_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Recording",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("storage_key", models.CharField(max_length=200)),
                ("codec", models.CharField(default="flac", max_length=12)),
                ("sample_rate", models.PositiveIntegerField()),
                ("channels", models.PositiveSmallIntegerField()),
                ("duration_ms", models.PositiveIntegerField()),
                ("size_bytes", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("wrapped_key", models.BinaryField()),
                ("key_version", models.PositiveIntegerField()),
                ("redacted_intervals", models.JSONField(default=list)),
                ("peaks", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recording",
                        to="conversations.conversation",
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=1)),
                ("stale_key", models.CharField(blank=True, default="", max_length=200)),
            ],
            options={
                "verbose_name": "recording",
                "verbose_name_plural": "recordings",
            },
        ),
        migrations.CreateModel(
            name="Summary",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("extractive", "taken from the transcript"),
                            ("model", "written by a model"),
                        ],
                        max_length=12,
                        verbose_name="origin",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "to confirm"),
                            ("confirmed", "confirmed"),
                            ("unconfirmed", "unconfirmed"),
                        ],
                        default="draft",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="written")),
                ("confirm_by", models.DateTimeField(verbose_name="to confirm by")),
                ("confirmed_at", models.DateTimeField(blank=True, null=True, verbose_name="confirmed")),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="summary",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "summary",
                "verbose_name_plural": "summaries",
            },
        ),
        migrations.CreateModel(
            name="Utterance",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                (
                    "speaker",
                    models.CharField(
                        choices=[
                            ("agent", "agent"),
                            ("customer", "customer"),
                            ("supervisor", "supervisor"),
                            ("bot", "bot"),
                        ],
                        max_length=12,
                    ),
                ),
                ("channel_index", models.PositiveSmallIntegerField()),
                ("start_ms", models.PositiveIntegerField()),
                ("end_ms", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("words", models.JSONField(default=list)),
                ("confidence", models.FloatField(null=True)),
                ("provider", models.CharField(max_length=40)),
                ("sentiment", models.FloatField(null=True)),
                ("revision", models.PositiveSmallIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.SearchVector("text", config="english"),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="utterances",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "utterance",
                "verbose_name_plural": "utterances",
                "ordering": ["conversation", "sequence"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["search"], name="utterance_search"),
                    django.contrib.postgres.indexes.BrinIndex(fields=["created_at"], name="utterance_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "sequence"), name="utterance_sequence_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("end_ms__gte", models.F("start_ms"))),
                        name="utterance_times_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CallLedger",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("source", models.CharField(max_length=40, verbose_name="source")),
                (
                    "provider_call_id",
                    models.CharField(
                        blank=True, default="", max_length=120, verbose_name="call id at the provider"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("completed", "completed"),
                            ("incomplete", "incomplete"),
                            ("refused", "refused"),
                        ],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=40, verbose_name="reason")),
                (
                    "close_code",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="close code"),
                ),
                ("announced_at", models.DateTimeField(verbose_name="announced")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                ("received_ms", models.JSONField(default=list)),
                ("transcribed_ms", models.JSONField(default=list)),
                ("recorded_ms", models.JSONField(default=list)),
                ("gaps", models.JSONField(default=list)),
                (
                    "conversation",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ledger",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "call ledger entry",
                "verbose_name_plural": "call ledger",
                "ordering": ["-announced_at"],
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(fields=["announced_at"], name="ledger_time")
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversationEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sequence", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("ref", models.UUIDField(null=True)),
                ("data", models.JSONField(default=dict)),
                ("occurred_at", models.DateTimeField()),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "xid",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        ),
                        editable=False,
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ["conversation", "sequence"],
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(fields=["occurred_at"], name="event_time"),
                    models.Index(fields=["xid", "id"], name="event_commit_order"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "sequence"), name="event_sequence_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="HiddenStretch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("channel", models.PositiveSmallIntegerField(verbose_name="channel")),
                ("start_ms", models.PositiveIntegerField(verbose_name="from")),
                ("end_ms", models.PositiveIntegerField(verbose_name="to")),
                (
                    "found_in",
                    models.CharField(
                        choices=[
                            ("live", "live"),
                            ("second", "second"),
                            ("manual", "manual"),
                            ("again", "history read again"),
                        ],
                        max_length=8,
                        verbose_name="found",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("applied_at", models.DateTimeField(blank=True, null=True, verbose_name="applied")),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hidden_stretches",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "earliest_ms",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="from, at the earliest"),
                ),
                (
                    "latest_ms",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="to, at the latest"),
                ),
            ],
            options={
                "verbose_name": "hidden stretch",
                "verbose_name_plural": "hidden stretches",
                "ordering": ["conversation", "start_ms"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "channel", "start_ms", "end_ms"), name="hidden_stretch_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("end_ms__gt", models.F("start_ms"))),
                        name="hidden_stretch_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Handover",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "transfer"),
                            ("blind", "blind transfer"),
                            ("consult", "transfer after consultation"),
                        ],
                        default="",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("at_ms", models.PositiveIntegerField(verbose_name="at (ms)")),
                ("brief", models.JSONField(default=list)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="handovers",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "from_agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "to_agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "hand-over",
                "verbose_name_plural": "hand-overs",
                "ordering": ["conversation", "at_ms", "id"],
            },
        ),
        migrations.CreateModel(
            name="CallPhase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("ringing", "ringing"),
                            ("ivr", "in a menu"),
                            ("queue", "waiting in a queue"),
                            ("connected", "connected"),
                            ("hold", "on hold"),
                            ("consult", "agents consult"),
                            ("conference", "conference"),
                            ("ended", "ended"),
                        ],
                        max_length=12,
                        verbose_name="phase",
                    ),
                ),
                (
                    "provider_agent_id",
                    models.CharField(
                        blank=True, default="", max_length=120, verbose_name="agent id at the provider"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "from_ms",
                    models.PositiveIntegerField(
                        help_text="Milliseconds of the call's audio.", verbose_name="from"
                    ),
                ),
                ("refused", models.BooleanField(default=False, verbose_name="refused")),
                ("key", models.CharField(max_length=160)),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="phases",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "phase of a call",
                "verbose_name_plural": "phases of calls",
                "ordering": ["conversation", "at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "key"), name="call_phase_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversationIdentifier",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=40, verbose_name="provider")),
                ("kind", models.CharField(max_length=40, verbose_name="kind")),
                ("value", models.CharField(max_length=120, verbose_name="value")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="known since")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="identifiers",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "identifier",
                "verbose_name_plural": "identifiers",
                "indexes": [models.Index(fields=["value", "provider"], name="identifier_value")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "provider", "kind", "value"), name="identifier_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="WaitingMetadata",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("provider", models.CharField(max_length=40, verbose_name="provider")),
                (
                    "keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=170), size=None, verbose_name="ids"
                    ),
                ),
                ("identifiers", models.JSONField(default=dict)),
                ("fields", models.JSONField(default=dict)),
                ("events", models.JSONField(default=list)),
                ("received_at", models.DateTimeField(auto_now_add=True, verbose_name="received")),
                ("joined_at", models.DateTimeField(blank=True, null=True, verbose_name="joined")),
                (
                    "conversation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="metadata_joined",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "waiting metadata",
                "verbose_name_plural": "waiting metadata",
                "ordering": ["received_at", "id"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        condition=models.Q(("joined_at__isnull", True)), fields=["keys"], name="waiting_keys"
                    ),
                    models.Index(fields=["received_at"], name="waiting_time"),
                    models.Index(
                        condition=models.Q(("joined_at__isnull", True)),
                        fields=["received_at"],
                        name="waiting_unmet",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentRecord",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("record", "recording"),
                            ("assist", "transcription and guidance"),
                            ("train", "training of models"),
                        ],
                        max_length=8,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("announced", "announced"),
                            ("given", "given"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                        ],
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("at_ms", models.PositiveIntegerField(verbose_name="at (ms)")),
                ("source", models.CharField(max_length=40, verbose_name="how we know")),
                (
                    "evidence",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="evidence"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent",
                "verbose_name_plural": "consents",
                "ordering": ["conversation", "at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "purpose", "state", "source", "at"),
                        name="consent_record_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("placed_at", models.DateTimeField(auto_now_add=True, verbose_name="placed")),
                ("lifted_at", models.DateTimeField(blank=True, null=True, verbose_name="lifted")),
                (
                    "conversation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="conversations.customer",
                    ),
                ),
                (
                    "placed_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "legal hold",
                "verbose_name_plural": "legal holds",
                "ordering": ["-placed_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("conversation__isnull", False), ("customer__isnull", True)),
                            models.Q(("conversation__isnull", True), ("customer__isnull", False)),
                            _connector="OR",
                        ),
                        name="legal_hold_of_one_thing",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PciPause",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_ms", models.PositiveIntegerField(verbose_name="from")),
                ("to_ms", models.PositiveIntegerField(blank=True, null=True, verbose_name="to")),
                ("until_ms", models.PositiveIntegerField(verbose_name="at the longest to")),
                ("hears", models.BooleanField(default=False, verbose_name="transcribed")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("agent", "the agent"),
                            ("supervisor", "a supervisor"),
                            ("api", "another system"),
                            ("telephony", "the telephony"),
                            ("auto", "by itself"),
                            ("limit", "by itself, after the longest time"),
                            ("end", "the end of the call"),
                        ],
                        max_length=12,
                        verbose_name="paused by",
                    ),
                ),
                (
                    "ended_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("agent", "the agent"),
                            ("supervisor", "a supervisor"),
                            ("api", "another system"),
                            ("telephony", "the telephony"),
                            ("auto", "by itself"),
                            ("limit", "by itself, after the longest time"),
                            ("end", "the end of the call"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="resumed by",
                    ),
                ),
                ("paused_at", models.DateTimeField(verbose_name="paused")),
                ("resumed_at", models.DateTimeField(blank=True, null=True, verbose_name="resumed")),
                ("due_at", models.DateTimeField(verbose_name="at the longest until")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pci_pauses",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "paused_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "resumed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "card pause",
                "verbose_name_plural": "card pauses",
                "ordering": ["conversation", "from_ms"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("to_ms__isnull", True)), fields=["due_at"], name="pci_pause_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("to_ms__isnull", True), models.Q(("source", "auto"), _negated=True)
                        ),
                        fields=("conversation",),
                        name="pci_pause_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("to_ms__isnull", True), ("to_ms__gte", models.F("from_ms")), _connector="OR"
                        ),
                        name="pci_pause_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RedactionCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "under way"), ("done", "done"), ("failed", "failed")],
                        default="running",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("utterances", models.PositiveIntegerField(default=0, verbose_name="utterances")),
                ("found", models.PositiveIntegerField(default=0, verbose_name="found")),
                ("took_ms", models.PositiveIntegerField(default=0, verbose_name="took (ms)")),
                ("policy", models.CharField(blank=True, default="", max_length=32, verbose_name="policy")),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                ("begun_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="done")),
                ("alerted_at", models.DateTimeField(blank=True, null=True, verbose_name="alert raised")),
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="redaction_check",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction check",
                "verbose_name_plural": "redaction checks",
                "ordering": ["-begun_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["begun_at"],
                        name="redaction_check_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Chat",
            fields=[
                (
                    "conversation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="chat",
                        serialize=False,
                        to="conversations.conversation",
                    ),
                ),
                ("messages", models.PositiveIntegerField(default=0)),
                ("last_ms", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                ("redaction", models.JSONField(null=True)),
                ("memory", models.BinaryField(null=True)),
                ("over_at", models.DateTimeField(null=True)),
                ("over_reason", models.CharField(blank=True, default="", max_length=40)),
            ],
            options={
                "verbose_name": "chat",
                "verbose_name_plural": "chats",
                "indexes": [
                    models.Index(
                        condition=models.Q(("over_at__isnull", True)), fields=["last_at"], name="chat_quiet"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SummaryLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "section",
                    models.CharField(
                        choices=[
                            ("reason", "Reason"),
                            ("done", "What was done"),
                            ("outcome", "Outcome"),
                            ("next_steps", "Next steps"),
                        ],
                        max_length=12,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("text", models.CharField(max_length=400)),
                ("original", models.CharField(blank=True, default="", max_length=400)),
                ("evidence", models.JSONField(default=list)),
                ("removed", models.BooleanField(default=False)),
                ("edited_at", models.DateTimeField(blank=True, null=True)),
                (
                    "summary",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="conversations.summary",
                    ),
                ),
            ],
            options={
                "verbose_name": "summary line",
                "verbose_name_plural": "summary lines",
                "ordering": ["summary", "position"],
            },
        ),
        migrations.CreateModel(
            name="Redaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40)),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
                ("score", models.FloatField()),
                ("detector", models.CharField(max_length=40)),
                ("reason", models.CharField(max_length=200)),
                (
                    "found_in",
                    models.CharField(
                        choices=[
                            ("live", "live"),
                            ("second", "second"),
                            ("manual", "manual"),
                            ("again", "history read again"),
                        ],
                        default="live",
                        max_length=8,
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="redactions",
                        to="conversations.utterance",
                    ),
                ),
                ("action", models.CharField(default="mask", max_length=10)),
            ],
            options={
                "verbose_name": "redaction",
                "verbose_name_plural": "redactions",
            },
        ),
        migrations.CreateModel(
            name="ChatMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("message_id", models.CharField(max_length=120)),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("system", "the chat system"),
                            ("desk", "the agent's desk"),
                            ("supervisor", "a supervisor"),
                        ],
                        default="system",
                        max_length=10,
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chat_messages",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "utterance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chat_message",
                        to="conversations.utterance",
                    ),
                ),
            ],
            options={
                "verbose_name": "chat message",
                "verbose_name_plural": "chat messages",
                "ordering": ["received_at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "message_id"), name="chat_message_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RedactionReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                ("score", models.FloatField(verbose_name="score")),
                ("detector", models.CharField(max_length=40, verbose_name="detector")),
                (
                    "found_in",
                    models.CharField(
                        choices=[
                            ("live", "live"),
                            ("second", "second"),
                            ("manual", "manual"),
                            ("again", "history read again"),
                        ],
                        max_length=8,
                        verbose_name="found",
                    ),
                ),
                (
                    "because",
                    models.CharField(
                        choices=[
                            ("uncertain", "uncertain"),
                            ("second", "found only afterwards"),
                            ("disputed", "detectors disagree"),
                        ],
                        max_length=10,
                        verbose_name="why",
                    ),
                ),
                ("shape", models.CharField(blank=True, default="", max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "to look at"),
                            ("confirmed", "confirmed"),
                            ("false_alarm", "false alarm"),
                        ],
                        default="open",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="noted")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="redaction_reviews",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "redaction",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="review",
                        to="conversations.redaction",
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction to review",
                "verbose_name_plural": "redactions to review",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["-id"], name="redaction_review_open"
                    ),
                    models.Index(fields=["decided_at"], name="redaction_review_decided"),
                ],
            },
        ),
        migrations.CreateModel(
            name="KeptValue",
            fields=[
                (
                    "redaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="kept",
                        serialize=False,
                        to="conversations.redaction",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("key_version", models.PositiveIntegerField()),
            ],
            options={
                "verbose_name": "kept value",
                "verbose_name_plural": "kept values",
            },
        ),
        migrations.CreateModel(
            name="LabelledSpan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40, verbose_name="type")),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("confirmed", "confirmed"),
                            ("false_alarm", "false alarm"),
                            ("missed", "missed, hidden by hand"),
                        ],
                        max_length=12,
                        verbose_name="verdict",
                    ),
                ),
                ("speaker", models.CharField(max_length=12, verbose_name="speaker")),
                ("context", models.TextField(verbose_name="words around it")),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
                ("shape", models.CharField(blank=True, default="", max_length=80, verbose_name="shape")),
                (
                    "surrogate",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="surrogate"),
                ),
                (
                    "detector",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="detector"),
                ),
                ("score", models.FloatField(null=True, verbose_name="score")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="decided")),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelled_spans",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "review",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="example",
                        to="conversations.redactionreview",
                    ),
                ),
            ],
            options={
                "verbose_name": "labelled span",
                "verbose_name_plural": "labelled spans",
                "ordering": ["id"],
            },
        ),
    ]
