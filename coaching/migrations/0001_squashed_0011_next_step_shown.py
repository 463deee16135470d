"""All migrations up to this one in one step: what a new installation runs. Older ones run those it replaces."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids
import coaching.models.policies


class Migration(migrations.Migration):
    replaces = [
        ("coaching", "0001_initial"),
        ("coaching", "0002_guidance_answers"),
        ("coaching", "0003_alerts"),
        ("coaching", "0004_policy_documents"),
        ("coaching", "0005_backtests"),
        ("coaching", "0006_alert_policy"),
        ("coaching", "0007_next_steps"),
        ("coaching", "0008_experiments"),
        ("coaching", "0009_kinds"),
        ("coaching", "0010_chats"),
        ("coaching", "0011_next_step_shown"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("conversations", "0013_chats"),
    ]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("review", "waits for review"),
                            ("published", "published"),
                            ("retired", "retired"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                ("scope", models.JSONField(blank=True, default=dict, verbose_name="for")),
                (
                    "combine",
                    models.CharField(
                        choices=[
                            ("also", "beside policies for more people"),
                            ("instead", "instead of policies for more people"),
                        ],
                        default="also",
                        max_length=8,
                        verbose_name="is in effect",
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                (
                    "rollout_percent",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="The others stay with the revision before.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="share of agents (%)",
                    ),
                ),
                (
                    "draft",
                    models.JSONField(default=coaching.models.policies.empty_document, verbose_name="draft"),
                ),
                ("in_use_from", models.PositiveIntegerField(blank=True, editable=False, null=True)),
                (
                    "writers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, editable=False, size=None
                    ),
                ),
                (
                    "submitted_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="handed in"),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="handed in by",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy",
                "verbose_name_plural": "policies",
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__isnull", True),
                            ("starts_at__isnull", True),
                            ("ends_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="policy_ends_after_it_starts",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GuidanceSettings",
            fields=[
                (
                    "only",
                    models.BooleanField(default=True, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "hint_every_seconds",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="0: no limit. Script lines, checklist items and steps are never held back.",
                        validators=[django.core.validators.MaxValueValidator(600)],
                        verbose_name="at most one new hint in seconds",
                    ),
                ),
                (
                    "hints_per_call",
                    models.PositiveSmallIntegerField(
                        default=6,
                        help_text="0: no limit.",
                        validators=[django.core.validators.MaxValueValidator(200)],
                        verbose_name="at most this many hints a call",
                    ),
                ),
                (
                    "shift_hours",
                    models.PositiveSmallIntegerField(
                        default=9,
                        help_text="What an agent mutes comes back after so long.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(24),
                        ],
                        verbose_name="a shift lasts hours",
                    ),
                ),
                (
                    "four_eyes",
                    models.BooleanField(
                        default=False,
                        help_text="A draft is then handed in for review, and somebody else publishes it.",
                        verbose_name="who wrote a policy may not publish it",
                    ),
                ),
            ],
            options={
                "verbose_name": "guidance settings",
                "verbose_name_plural": "guidance settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("only", True)), name="guidance_settings_only_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GuidanceMute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(blank=True, default="", max_length=10)),
                ("rule_key", models.CharField(blank=True, default="", max_length=80)),
                ("title", models.CharField(blank=True, default="", max_length=90)),
                ("until", models.DateTimeField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidance_mutes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "muted guidance",
                "verbose_name_plural": "muted guidance",
                "ordering": ["user", "-until"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "kind", "rule_key"), name="guidance_mute_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", ""), models.Q(("rule_key", ""), _negated=True)),
                            models.Q(models.Q(("kind", ""), _negated=True), ("rule_key", "")),
                            _connector="OR",
                        ),
                        name="guidance_mute_kind_or_rule",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TeamAlerts",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "least",
                    models.CharField(
                        choices=[("warn", "look at it"), ("bad", "act now")],
                        default="warn",
                        help_text="“act now” leaves out alerts that are only to be looked at.",
                        max_length=4,
                        verbose_name="from",
                    ),
                ),
                (
                    "hands",
                    models.BooleanField(
                        default=True, help_text="Agents may ask for somebody.", verbose_name="raised hands"
                    ),
                ),
                (
                    "silenced",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="They still count in the figures.",
                        verbose_name="not these rules",
                    ),
                ),
                (
                    "escalate_seconds",
                    models.PositiveIntegerField(
                        default=60,
                        help_text="Then it goes further; at once where nobody is on shift. 0: it never does.",
                        verbose_name="nobody takes it within seconds",
                    ),
                ),
                (
                    "escalate_to_others",
                    models.BooleanField(
                        default=True,
                        help_text="Those of other teams see it on their floor.",
                        verbose_name="to the other supervisors",
                    ),
                ),
                (
                    "emails",
                    models.TextField(
                        blank=True, default="", help_text="One address a line.", verbose_name="by e-mail to"
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "team",
                    models.OneToOneField(
                        blank=True,
                        help_text="Empty: every team without settings of its own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_settings",
                        to="accounts.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "alerts of a team",
                "verbose_name_plural": "alerts of teams",
                "ordering": ["team__name"],
                "constraints": [
                    models.UniqueConstraint(fields=("team",), name="team_alerts_once", nulls_distinct=False)
                ],
            },
        ),
        migrations.CreateModel(
            name="ShiftMark",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("on", models.BooleanField(verbose_name="on shift")),
                ("since", models.DateTimeField(verbose_name="since")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shift_mark",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "shift",
                "verbose_name_plural": "shifts",
            },
        ),
        migrations.CreateModel(
            name="Whisper",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("text", models.CharField(max_length=240)),
                ("at_ms", models.PositiveIntegerField()),
                ("sent_at", models.DateTimeField()),
                ("shown_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answer",
                    models.CharField(
                        blank=True, choices=[("thanks", "Thanks"), ("ok", "OK")], default="", max_length=6
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
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
                        related_name="whispers",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "whisper",
                "verbose_name_plural": "whispers",
                "ordering": ["sent_at", "id"],
                "indexes": [models.Index(fields=["conversation"], name="whisper_conversation")],
            },
        ),
        migrations.CreateModel(
            name="RuleLabel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule_key", models.CharField(max_length=80)),
                ("sequence", models.PositiveIntegerField()),
                ("right", models.BooleanField(verbose_name="right")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "labelled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "label of a rule",
                "verbose_name_plural": "labels of rules",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("rule_key", "conversation", "sequence"), name="rule_label_once_a_place"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NextStepVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(unique=True, verbose_name="version")),
                (
                    "state",
                    models.CharField(
                        choices=[("candidate", "candidate"), ("live", "live"), ("retired", "retired")],
                        default="candidate",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("source", models.CharField(max_length=120, verbose_name="file")),
                ("sha256", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="note")),
                ("dialogues", models.PositiveIntegerField(verbose_name="dialogues")),
                ("playbooks", models.JSONField(default=dict, verbose_name="playbooks")),
                ("threshold", models.FloatField(verbose_name="shown from a probability of")),
                ("figures", models.JSONField(default=dict, verbose_name="figures")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="trained")),
                ("live_from", models.DateTimeField(null=True, verbose_name="live since")),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "model of the next step",
                "verbose_name_plural": "models of the next step",
                "ordering": ["-version"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "live")), fields=("state",), name="next_step_one_live"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SuggestedReply",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("after", models.PositiveIntegerField()),
                ("position", models.PositiveSmallIntegerField()),
                ("text", models.TextField()),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("guidance", "guidance"),
                            ("knowledge", "knowledge"),
                            ("next_step", "next step"),
                            ("model", "chat model"),
                        ],
                        max_length=10,
                    ),
                ),
                ("source_ref", models.CharField(blank=True, default="", max_length=80)),
                ("made_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "accepted_by",
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
                        related_name="suggested_replies",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "suggested reply",
                "verbose_name_plural": "suggested replies",
                "ordering": ["after", "position"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "after", "position"), name="suggested_reply_place_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyRevision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("published_at", models.DateTimeField(auto_now_add=True, verbose_name="published")),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="coaching.policy",
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="published by",
                    ),
                ),
                ("scope", models.JSONField(blank=True, default=dict, verbose_name="for")),
                (
                    "combine",
                    models.CharField(
                        choices=[
                            ("also", "beside policies for more people"),
                            ("instead", "instead of policies for more people"),
                        ],
                        default="also",
                        max_length=8,
                        verbose_name="is in effect",
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="from")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="until")),
                (
                    "rollout_percent",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="The others stay with the revision before.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="share of agents (%)",
                    ),
                ),
                ("document", models.JSONField()),
                ("names", models.JSONField(default=dict)),
                ("restores", models.PositiveIntegerField(null=True)),
            ],
            options={
                "verbose_name": "policy revision",
                "verbose_name_plural": "policy revisions",
                "ordering": ["policy", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("policy", "number"), name="policy_revision_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="NextStepFile",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="file",
                        serialize=False,
                        to="coaching.nextstepversion",
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("data", models.BinaryField()),
            ],
            options={
                "verbose_name": "file of a next-step model",
                "verbose_name_plural": "files of next-step models",
            },
        ),
        migrations.CreateModel(
            name="Experiment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "draft"), ("running", "running"), ("stopped", "stopped")],
                        db_index=True,
                        default="draft",
                        editable=False,
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        choices=[("agent", "agents"), ("conversation", "conversations")],
                        default="agent",
                        help_text="Agents: nobody's screen changes from call to call. Conversations: known sooner, but each agent has calls with guidance and calls without.",
                        max_length=12,
                        verbose_name="what is drawn",
                    ),
                ),
                (
                    "holdout_percent",
                    models.PositiveSmallIntegerField(
                        default=20,
                        help_text="Script lines, checklists and alerts stay. Half and half is known soonest.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="share without guidance (%)",
                    ),
                ),
                (
                    "primary",
                    models.CharField(
                        choices=[
                            ("handle_time", "handle time"),
                            ("csat", "satisfaction"),
                            ("disposition", "dispositions"),
                            ("conversion", "conversion"),
                        ],
                        default="handle_time",
                        help_text="The verdict rests on this outcome alone. The others are shown beside it.",
                        max_length=12,
                        verbose_name="what decides",
                    ),
                ),
                (
                    "worth",
                    models.FloatField(
                        default=5,
                        help_text="Handle time: percent. Satisfaction: points. Dispositions, conversion: of 100 calls.",
                        validators=[
                            django.core.validators.MinValueValidator(0.01),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="smallest effect worth having",
                    ),
                ),
                (
                    "only_touched",
                    models.BooleanField(
                        default=True,
                        help_text="Leaves out calls in which the policy had nothing to say, in both arms: known sooner.",
                        verbose_name="only where there was something to show",
                    ),
                ),
                (
                    "csat_field",
                    models.CharField(
                        blank=True,
                        default="csat",
                        help_text="A number in the conversation's metadata.",
                        max_length=60,
                        verbose_name="satisfaction is in the field",
                    ),
                ),
                (
                    "dispositions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="dispositions to count",
                    ),
                ),
                (
                    "dispositions_better",
                    models.CharField(
                        choices=[("more", "more of them is better"), ("fewer", "fewer of them is better")],
                        default="more",
                        max_length=8,
                        verbose_name="of these",
                    ),
                ),
                (
                    "conversion_dispositions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="converted: dispositions",
                    ),
                ),
                (
                    "conversion_field",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Yes or no in the conversation's metadata. Goes before the disposition.",
                        max_length=60,
                        verbose_name="converted: field",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="started"),
                ),
                (
                    "ended_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended"),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="experiments",
                        to="coaching.policy",
                        verbose_name="policy",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="started by",
                    ),
                ),
            ],
            options={
                "verbose_name": "experiment",
                "verbose_name_plural": "experiments",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("policy",),
                        name="experiment_one_of_a_policy",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Guidance",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule_key", models.CharField(max_length=80)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("hint", "hint"),
                            ("line", "script line"),
                            ("checklist", "checklist item"),
                            ("step", "step of a playbook"),
                            ("praise", "praise"),
                            ("knowledge", "knowledge"),
                            ("prefill", "value for a form"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "label",
                    models.CharField(choices=[("Say", "Say"), ("Do", "Do"), ("Know", "Know")], max_length=4),
                ),
                ("title", models.CharField(max_length=90)),
                ("say", models.TextField(blank=True, default="", max_length=600)),
                ("priority", models.PositiveSmallIntegerField(default=50)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("evidence", models.JSONField(default=list)),
                ("at_ms", models.PositiveIntegerField()),
                ("expires_ms", models.PositiveIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("accepted", "accepted"),
                            ("used", "used"),
                            ("dismissed", "dismissed"),
                            ("ticked", "done"),
                            ("missed", "missed"),
                            ("withdrawn", "withdrawn"),
                            ("expired", "expired"),
                            ("held", "held back"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("dismiss_reason", models.CharField(blank=True, default="", max_length=80)),
                ("spoken_at", models.DateTimeField(null=True)),
                ("final_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("shown_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_ms", models.PositiveIntegerField(null=True)),
                (
                    "cause",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidance",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="coaching.policyrevision",
                    ),
                ),
                ("optional", models.BooleanField(default=True)),
                ("playbook", models.CharField(blank=True, default="", max_length=80)),
                ("step", models.CharField(blank=True, default="", max_length=80)),
                (
                    "held",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "not held back"),
                            ("soon", "another came just before"),
                            ("enough", "enough for this call"),
                            ("muted", "muted by the agent"),
                            ("trial", "for an experiment"),
                        ],
                        default="",
                        max_length=8,
                        verbose_name="held back",
                    ),
                ),
                ("used_at", models.DateTimeField(null=True, verbose_name="used")),
                ("used_ms", models.PositiveIntegerField(null=True)),
                ("wrong_at", models.DateTimeField(null=True, verbose_name="marked wrong")),
                (
                    "wrong_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("action", models.PositiveSmallIntegerField(default=0)),
                ("payload", models.JSONField(default=dict)),
                (
                    "used_in",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
            ],
            options={
                "verbose_name": "guidance",
                "verbose_name_plural": "guidance shown",
                "ordering": ["conversation", "at_ms", "id"],
                "indexes": [
                    models.Index(fields=["conversation", "state"], name="guidance_state"),
                    models.Index(
                        condition=models.Q(("wrong_at__isnull", False)),
                        fields=["rule_key"],
                        name="guidance_wrong",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule_key", models.CharField(max_length=80, verbose_name="kind")),
                ("title", models.CharField(max_length=90)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("evidence", models.JSONField(default=list)),
                (
                    "severity",
                    models.CharField(choices=[("warn", "look at it"), ("bad", "act now")], max_length=4),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("resolved", "resolved"),
                            ("closed", "closed with the call"),
                            ("quiet", "not for this team"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("at_ms", models.PositiveIntegerField()),
                ("raised_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "cause",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="coaching.policyrevision"
                    ),
                ),
                ("count", models.PositiveIntegerField(default=1, verbose_name="times")),
                ("last_at_ms", models.PositiveIntegerField(default=0)),
                ("waiting_since", models.DateTimeField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("first_claimed_at", models.DateTimeField(blank=True, null=True)),
                ("escalated_at", models.DateTimeField(blank=True, null=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("reaches_others", models.BooleanField(default=False)),
                (
                    "policy",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="coaching.policy",
                    ),
                ),
            ],
            options={
                "verbose_name": "alert",
                "verbose_name_plural": "alerts",
                "ordering": ["-raised_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["-raised_at"], name="alert_open"
                    ),
                    models.Index(fields=["conversation"], name="alert_conversation"),
                    models.Index(
                        condition=models.Q(
                            ("escalated_at__isnull", True),
                            ("state", "open"),
                            ("waiting_since__isnull", False),
                        ),
                        fields=["waiting_since"],
                        name="alert_waiting",
                    ),
                    models.Index(fields=["raised_at"], name="alert_raised"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("conversation", "policy", "rule_key"),
                        name="alert_once_a_call_and_kind",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleFault",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule_key", models.CharField(blank=True, default="", max_length=80, verbose_name="rule")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("error", "failed"),
                            ("late", "came too late"),
                            ("unconfirmed", "taken back: said otherwise in the end"),
                        ],
                        max_length=12,
                        verbose_name="what",
                    ),
                ),
                ("day", models.DateField(verbose_name="day")),
                ("count", models.PositiveIntegerField(default=0, verbose_name="times")),
                ("last", models.CharField(blank=True, default="", max_length=200, verbose_name="last")),
                ("last_at", models.DateTimeField(verbose_name="last at")),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="faults",
                        to="coaching.policyrevision",
                    ),
                ),
            ],
            options={
                "verbose_name": "trouble with a rule",
                "verbose_name_plural": "trouble with rules",
                "ordering": ["-day", "rule_key"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("revision", "rule_key", "kind", "day"), name="rule_fault_once_a_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleEffect",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule_key", models.CharField(max_length=80)),
                ("action", models.PositiveSmallIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("tag", "tag"),
                            ("disposition", "disposition"),
                            ("webhook", "message to other systems"),
                        ],
                        max_length=12,
                        verbose_name="what",
                    ),
                ),
                ("value", models.CharField(blank=True, default="", max_length=300, verbose_name="value")),
                (
                    "refused",
                    models.CharField(blank=True, default="", max_length=80, verbose_name="not done because"),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("evidence", models.JSONField(default=list)),
                ("at_ms", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="when")),
                (
                    "cause",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_effects",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="coaching.policyrevision"
                    ),
                ),
            ],
            options={
                "verbose_name": "act of a rule",
                "verbose_name_plural": "acts of rules",
                "ordering": ["conversation", "at_ms", "id"],
                "indexes": [models.Index(fields=["-created_at"], name="rule_effect_newest")],
            },
        ),
        migrations.CreateModel(
            name="BehaviourOutcome",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("behaviour_key", models.CharField(max_length=80)),
                ("name", models.CharField(max_length=120)),
                ("weight", models.FloatField(default=1)),
                ("result", models.CharField(choices=[("done", "done"), ("missed", "missed")], max_length=6)),
                ("situation", models.JSONField(default=list)),
                ("evidence", models.JSONField(default=list)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("at_ms", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="behaviours",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="coaching.policyrevision"
                    ),
                ),
            ],
            options={
                "verbose_name": "behaviour observed",
                "verbose_name_plural": "behaviours observed",
                "ordering": ["conversation", "at_ms", "id"],
                "indexes": [
                    models.Index(fields=["conversation", "behaviour_key"], name="behaviour_of_conversation"),
                    models.Index(
                        condition=models.Q(("result", "missed")),
                        fields=["behaviour_key", "-created_at"],
                        name="behaviour_missed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Backtest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("document", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("running", "under way"),
                            ("done", "done"),
                            ("cancelled", "cancelled"),
                            ("failed", "failed"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("last", models.PositiveIntegerField(verbose_name="conversations asked for")),
                ("total", models.PositiveIntegerField(default=0, verbose_name="conversations")),
                ("done", models.PositiveIntegerField(default=0, verbose_name="played")),
                ("calls", models.PositiveIntegerField(default=0, verbose_name="within the policy's scope")),
                ("failed", models.PositiveIntegerField(default=0, verbose_name="not played")),
                ("hints", models.JSONField(default=dict)),
                ("seconds", models.FloatField(default=0, verbose_name="seconds")),
                ("from_id", models.UUIDField(editable=False, null=True)),
                ("cursor", models.UUIDField(editable=False, null=True)),
                ("is_open", models.BooleanField(default=True, editable=False)),
                (
                    "last_error",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="last error"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("seen_at", models.DateTimeField(blank=True, null=True, verbose_name="last step")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended")),
                (
                    "against",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="coaching.policyrevision",
                        verbose_name="against",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="backtests",
                        to="coaching.policy",
                        verbose_name="policy",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
            ],
            options={
                "verbose_name": "backtest",
                "verbose_name_plural": "backtests",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_open", True)), fields=("is_open",), name="backtest_one_open"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExperimentArm",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "arm",
                    models.CharField(choices=[("shown", "with guidance"), ("held", "without")], max_length=5),
                ),
                (
                    "agent",
                    models.ForeignKey(
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
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arms",
                        to="coaching.experiment",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="coaching.policyrevision",
                    ),
                ),
            ],
            options={
                "verbose_name": "arm of a conversation",
                "verbose_name_plural": "arms of conversations",
                "constraints": [
                    models.UniqueConstraint(fields=("experiment", "conversation"), name="experiment_arm_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="BacktestHit",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "side",
                    models.CharField(choices=[("draft", "draft"), ("published", "published")], max_length=10),
                ),
                ("rule_key", models.CharField(max_length=80)),
                ("at_ms", models.PositiveIntegerField()),
                ("sequence", models.PositiveIntegerField(null=True)),
                (
                    "backtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hits",
                        to="coaching.backtest",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "verbose_name": "backtest hit",
                "verbose_name_plural": "backtest hits",
                "ordering": ["-conversation_id", "at_ms"],
                "indexes": [models.Index(fields=["backtest", "side", "rule_key"], name="backtest_hit_rule")],
            },
        ),
    ]
