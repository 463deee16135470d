"""All migrations up to this one in one step: what a new installation runs. Older ones run those it replaces."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids


class Migration(migrations.Migration):
    replaces = [
        ("moments", "0001_initial"),
        ("moments", "0002_classifiers"),
        ("moments", "0003_library"),
        ("moments", "0004_kinds"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("conversations", "0013_chats"),
    ]

    operations = [
        migrations.CreateModel(
            name="MomentDefinition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.SlugField(max_length=60, unique=True, verbose_name="key")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("phrase", "phrase"),
                            ("pattern", "pattern"),
                            ("entity", "amount or date"),
                            ("absence", "something missing"),
                            ("intent", "intent"),
                            ("examples", "meaning, by examples"),
                            ("sentiment", "customer’s sentiment"),
                            ("metadata", "field of the call"),
                        ],
                        default="phrase",
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "speaker",
                    models.CharField(
                        choices=[("agent", "agent"), ("customer", "customer"), ("any", "anyone")],
                        default="any",
                        max_length=8,
                        verbose_name="who says it",
                    ),
                ),
                (
                    "phrases",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="One a line. cancel* takes any ending, (a|b) either, ... up to three words between.",
                        verbose_name="phrases",
                    ),
                ),
                ("pattern", models.CharField(blank=True, default="", max_length=400, verbose_name="pattern")),
                ("reject_negated", models.BooleanField(default=True, verbose_name="not when negated")),
                (
                    "within_seconds",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="within seconds"),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "after",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: after the start of the conversation.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="watched_by",
                        to="moments.momentdefinition",
                        verbose_name="after",
                    ),
                ),
                (
                    "expected",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="missing_as",
                        to="moments.momentdefinition",
                        verbose_name="what is missing",
                    ),
                ),
                ("intent", models.CharField(blank=True, default="", max_length=80, verbose_name="intent")),
                (
                    "least_score",
                    models.FloatField(
                        blank=True,
                        help_text="0 to 1. Empty: whatever the classifier does not refuse.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1.0),
                        ],
                        verbose_name="at least this sure",
                    ),
                ),
                (
                    "task",
                    models.SlugField(
                        blank=True,
                        default="",
                        help_text="The task whose live classifier tells the intent.",
                        max_length=60,
                        verbose_name="classifier",
                    ),
                ),
                (
                    "counter_examples",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Near misses, one a line. Saving checks that it is heard in none.",
                        verbose_name="must not be heard in",
                    ),
                ),
                (
                    "entity",
                    models.CharField(
                        blank=True,
                        choices=[("amount", "amount of money"), ("date", "date or day")],
                        default="",
                        max_length=12,
                        verbose_name="found by itself",
                    ),
                ),
                (
                    "examples",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Sentences, one a line. Saving checks that the moment is heard in each.",
                        verbose_name="must be heard in",
                    ),
                ),
                (
                    "field",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="queue, channel, language, product, customer.segment, or metadata.NAME as CRM names it.",
                        max_length=80,
                        verbose_name="field of the call",
                    ),
                ),
                (
                    "field_test",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("is", "is one of"),
                            ("is_not", "is none of"),
                            ("above", "is greater than"),
                            ("below", "is less than"),
                            ("present", "is known"),
                        ],
                        default="",
                        max_length=8,
                        verbose_name="which",
                    ),
                ),
                (
                    "limit",
                    models.FloatField(
                        blank=True,
                        help_text="Of a mood: its level, -1 (furious) to 1 (delighted), or by how much it changes.",
                        null=True,
                        verbose_name="limit",
                    ),
                ),
                (
                    "mood",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("below", "is below a level"),
                            ("above", "is above a level"),
                            ("falling", "falls by so much"),
                            ("rising", "rises by so much"),
                        ],
                        default="",
                        max_length=8,
                        verbose_name="their mood",
                    ),
                ),
                (
                    "turns",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="How many of the customer’s utterances count. A change compares them with as many before.",
                        verbose_name="over their last utterances",
                    ),
                ),
                (
                    "values",
                    models.JSONField(
                        blank=True, default=list, help_text="One a line.", verbose_name="values"
                    ),
                ),
            ],
            options={
                "verbose_name": "moment",
                "verbose_name_plural": "moments",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="TrainingSet",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("task", models.SlugField(max_length=60, verbose_name="task")),
                ("source", models.CharField(max_length=120, verbose_name="file")),
                ("sha256", models.CharField(max_length=64)),
                ("examples", models.PositiveIntegerField(default=0, verbose_name="examples")),
                ("intents", models.PositiveIntegerField(default=0, verbose_name="intents")),
                ("complaints", models.JSONField(default=list, verbose_name="lines left out")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="given")),
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
                "verbose_name": "training set",
                "verbose_name_plural": "training sets",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="MomentRevision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("spec", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "definition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="moments.momentdefinition",
                    ),
                ),
            ],
            options={
                "verbose_name": "moment revision",
                "verbose_name_plural": "moment revisions",
                "ordering": ["definition", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("definition", "number"), name="moment_revision_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Classifier",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("task", models.SlugField(max_length=60, verbose_name="task")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("training", "training"),
                            ("failed", "failed"),
                            ("candidate", "candidate"),
                            ("live", "live"),
                            ("retired", "retired"),
                        ],
                        default="training",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "refuse_cost",
                    models.FloatField(
                        default=0.007,
                        help_text="Share of in-scope texts, told rightly, that may be refused with the out-of-scope ones.",
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(0.2),
                        ],
                        verbose_name="what refusing may cost",
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="note")),
                ("figures", models.JSONField(blank=True, default=dict, verbose_name="figures")),
                ("progress", models.PositiveSmallIntegerField(default=0, verbose_name="progress")),
                ("problem", models.CharField(blank=True, default="", max_length=300, verbose_name="problem")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("seen_at", models.DateTimeField(null=True)),
                ("trained_at", models.DateTimeField(null=True, verbose_name="trained")),
                ("live_from", models.DateTimeField(null=True, verbose_name="live since")),
                ("retired_at", models.DateTimeField(null=True, verbose_name="retired")),
                (
                    "drift",
                    models.CharField(
                        choices=[
                            ("unknown", "too few calls yet"),
                            ("none", "none"),
                            ("some", "some"),
                            ("much", "much"),
                        ],
                        default="unknown",
                        max_length=7,
                        verbose_name="drift",
                    ),
                ),
                ("drift_figures", models.JSONField(blank=True, default=dict)),
                ("drift_told_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "training_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="classifiers",
                        to="moments.trainingset",
                        verbose_name="training set",
                    ),
                ),
            ],
            options={
                "verbose_name": "intent classifier",
                "verbose_name_plural": "intent classifiers",
                "ordering": ["task", "-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("task", "version"), name="classifier_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "live")), fields=("task",), name="classifier_one_live"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IntentExample",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("line", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("intent", models.CharField(max_length=80)),
                (
                    "training_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="moments.trainingset",
                    ),
                ),
            ],
            options={
                "verbose_name": "labelled example",
                "verbose_name_plural": "labelled examples",
                "ordering": ["training_set", "line"],
            },
        ),
        migrations.CreateModel(
            name="MomentOccurrence",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("start", models.PositiveIntegerField(null=True)),
                ("end", models.PositiveIntegerField(null=True)),
                ("searched_from_ms", models.PositiveIntegerField(null=True)),
                ("searched_to_ms", models.PositiveIntegerField(null=True)),
                ("at_ms", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moments",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "definition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="occurrences",
                        to="moments.momentdefinition",
                    ),
                ),
                (
                    "utterance",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="moments",
                        to="conversations.utterance",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="moments.momentrevision"
                    ),
                ),
                ("score", models.FloatField(null=True)),
            ],
            options={
                "verbose_name": "moment heard",
                "verbose_name_plural": "moments heard",
                "ordering": ["conversation", "at_ms"],
            },
        ),
        migrations.CreateModel(
            name="StoredModel",
            fields=[
                (
                    "classifier",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="stored",
                        serialize=False,
                        to="moments.classifier",
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("data", models.BinaryField()),
            ],
            options={
                "verbose_name": "stored model",
                "verbose_name_plural": "stored models",
            },
        ),
        migrations.CreateModel(
            name="ClassifierTally",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("scores", models.JSONField(default=list)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                ("summed", models.BooleanField(default=False)),
                (
                    "classifier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tallies",
                        to="moments.classifier",
                    ),
                ),
            ],
            options={
                "verbose_name": "classifier's tally",
                "verbose_name_plural": "classifiers' tallies",
                "ordering": ["classifier", "day"],
                "indexes": [models.Index(fields=["classifier", "day"], name="classifier_tally_day")],
            },
        ),
        migrations.CreateModel(
            name="StoredMeaning",
            fields=[
                (
                    "revision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="meaning",
                        serialize=False,
                        to="moments.momentrevision",
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("data", models.BinaryField()),
                ("figures", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "learned meaning",
                "verbose_name_plural": "learned meanings",
            },
        ),
    ]
