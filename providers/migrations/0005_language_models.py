"""Work of language models: routes, prompts and their evaluation, calls and what they cost, budgets."""

from decimal import Decimal

import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids
import providers.language_models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0004_search_server"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EvaluationCase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "task",
                    models.CharField(
                        max_length=40, validators=[providers.language_models.task_check], verbose_name="task"
                    ),
                ),
                (
                    "variables",
                    models.JSONField(
                        help_text="What stands in the places of the prompt, by name. It is redacted when it is saved.",
                        verbose_name="variables",
                    ),
                ),
                (
                    "expectation",
                    models.JSONField(
                        help_text='Of text: {"contains": [...], "lacks": [...]}. Of a form: {"equals": {"field": value}} as well.',
                        verbose_name="expectation",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
            ],
            options={
                "verbose_name": "evaluation case",
                "verbose_name_plural": "evaluation cases",
                "ordering": ("task", "created_at"),
            },
        ),
        migrations.CreateModel(
            name="ModelBudget",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "task",
                    models.CharField(
                        blank=True,
                        help_text="Empty: all tasks together.",
                        max_length=40,
                        unique=True,
                        verbose_name="task",
                    ),
                ),
                (
                    "monthly_cost",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="In the currency of the prices.",
                        max_digits=12,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="cost in a month",
                    ),
                ),
                (
                    "monthly_tokens",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="For servers that cost nothing a token.",
                        null=True,
                        verbose_name="tokens in a month",
                    ),
                ),
                (
                    "alert_percent",
                    models.PositiveSmallIntegerField(
                        default=80,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="mail at %",
                    ),
                ),
                (
                    "alert_to",
                    models.CharField(
                        blank=True,
                        help_text="Addresses, with commas between. Empty: nobody.",
                        max_length=300,
                        verbose_name="mail to",
                    ),
                ),
                ("alerted_at", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("alerted_month", models.DateField(editable=False, null=True)),
                ("active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "model budget",
                "verbose_name_plural": "model budgets",
                "ordering": ("task",),
            },
        ),
        migrations.AddField(
            model_name="chatserver",
            name="most_at_once",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="0: as many as there are.", verbose_name="requests at once"
            ),
        ),
        migrations.AddField(
            model_name="chatserver",
            name="per_minute",
            field=models.PositiveIntegerField(
                default=0, help_text="0: as many as there are.", verbose_name="requests in a minute"
            ),
        ),
        migrations.AddField(
            model_name="chatserver",
            name="price_in",
            field=providers.language_models.Price(
                decimal_places=4,
                default=0,
                help_text="Of a million tokens that are sent, in your own currency.",
                max_digits=10,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="price in",
            ),
        ),
        migrations.AddField(
            model_name="chatserver",
            name="price_out",
            field=providers.language_models.Price(
                decimal_places=4,
                default=0,
                help_text="Of a million tokens that are answered.",
                max_digits=10,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="price out",
            ),
        ),
        migrations.AlterField(
            model_name="chatserver",
            name="active",
            field=models.BooleanField(
                default=True,
                help_text="Each task that no route names goes to it. One server can.",
                verbose_name="does every task",
            ),
        ),
        migrations.CreateModel(
            name="ModelCall",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("task", models.CharField(max_length=40, verbose_name="task")),
                ("server", models.UUIDField(null=True, verbose_name="server")),
                ("model", models.CharField(max_length=200, verbose_name="model")),
                ("revision", models.PositiveIntegerField(default=0, verbose_name="prompt revision")),
                ("outcome", models.CharField(max_length=20, verbose_name="outcome")),
                ("tokens_in", models.PositiveIntegerField(default=0, verbose_name="tokens in")),
                ("tokens_out", models.PositiveIntegerField(default=0, verbose_name="tokens out")),
                ("estimated", models.BooleanField(default=False, verbose_name="tokens estimated")),
                (
                    "cost",
                    models.DecimalField(
                        decimal_places=8, default=Decimal("0"), max_digits=18, verbose_name="cost"
                    ),
                ),
                ("took_ms", models.PositiveIntegerField(default=0, verbose_name="took ms")),
                ("first_ms", models.PositiveIntegerField(null=True, verbose_name="first token ms")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="requests")),
                ("cut", models.BooleanField(default=False, verbose_name="cut off")),
                ("at", models.DateTimeField(verbose_name="at")),
            ],
            options={
                "verbose_name": "model call",
                "verbose_name_plural": "model calls",
                "ordering": ("-id",),
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(fields=["at"], name="model_call_at_brin"),
                    models.Index(fields=["task", "at"], name="model_call_task_at"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelSpend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(verbose_name="month")),
                ("task", models.CharField(max_length=40, verbose_name="task")),
                ("calls", models.PositiveBigIntegerField(default=0, verbose_name="calls")),
                ("tokens", models.PositiveBigIntegerField(default=0, verbose_name="tokens")),
                (
                    "cost",
                    models.DecimalField(
                        decimal_places=8, default=Decimal("0"), max_digits=20, verbose_name="cost"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("month", "task"), name="model_spend_once")],
            },
        ),
        migrations.CreateModel(
            name="PromptRevision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "task",
                    models.CharField(
                        max_length=40, validators=[providers.language_models.task_check], verbose_name="task"
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False, verbose_name="revision")),
                (
                    "system",
                    models.TextField(
                        help_text="What the model is told. {{name}} is the place of a variable.",
                        max_length=20000,
                        verbose_name="instructions",
                    ),
                ),
                (
                    "user",
                    models.TextField(
                        help_text="What the model is given.", max_length=20000, verbose_name="material"
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="what is new")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("evaluated", "evaluated"),
                            ("published", "published"),
                            ("retired", "retired"),
                            ("rolled_back", "rolled back"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                (
                    "share",
                    models.PositiveSmallIntegerField(
                        default=100,
                        editable=False,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="share in %",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("published_at", models.DateTimeField(editable=False, null=True, verbose_name="published")),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "replaced",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="providers.promptrevision",
                        verbose_name="replaced",
                    ),
                ),
            ],
            options={
                "verbose_name": "prompt revision",
                "verbose_name_plural": "prompt revisions",
                "ordering": ("task", "-number"),
            },
        ),
        migrations.CreateModel(
            name="PromptEvaluation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("task", models.CharField(max_length=40, verbose_name="task")),
                ("prompt_mark", models.CharField(max_length=64)),
                ("set_mark", models.CharField(max_length=64)),
                ("model", models.CharField(max_length=200, verbose_name="model")),
                ("cases", models.PositiveIntegerField(verbose_name="cases")),
                ("failed", models.PositiveIntegerField(verbose_name="without an answer")),
                ("score", models.FloatField(verbose_name="score")),
                ("p50_ms", models.PositiveIntegerField(null=True, verbose_name="time, median, ms")),
                ("tokens", models.PositiveBigIntegerField(verbose_name="tokens")),
                ("cost", models.DecimalField(decimal_places=8, max_digits=18, verbose_name="cost")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
                (
                    "revision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evaluations",
                        to="providers.promptrevision",
                        verbose_name="revision",
                    ),
                ),
            ],
            options={
                "verbose_name": "prompt evaluation",
                "verbose_name_plural": "prompt evaluations",
                "ordering": ("-at",),
            },
        ),
        migrations.CreateModel(
            name="LanguageRoute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "task",
                    models.CharField(
                        max_length=40, validators=[providers.language_models.task_check], verbose_name="task"
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="1 is asked first; the next when it fails.",
                        verbose_name="position",
                    ),
                ),
                (
                    "model",
                    models.CharField(
                        blank=True,
                        help_text="Empty: the server's. A LoRA adapter by the name that the server gives it.",
                        max_length=200,
                        verbose_name="model or adapter",
                    ),
                ),
                (
                    "parameters",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='For example {"temperature": 0.2, "seed": 7}; null leaves one out.',
                        verbose_name="parameters",
                    ),
                ),
                (
                    "deadline_ms",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="For this choice; the next one has the rest of the task's time.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(100),
                            django.core.validators.MaxValueValidator(600000),
                        ],
                        verbose_name="deadline in ms",
                    ),
                ),
                (
                    "price_in",
                    providers.language_models.Price(
                        blank=True,
                        decimal_places=4,
                        help_text="Of a million tokens that are sent. Empty: the server's.",
                        max_digits=10,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="price in",
                    ),
                ),
                (
                    "price_out",
                    providers.language_models.Price(
                        blank=True,
                        decimal_places=4,
                        help_text="Of a million tokens that are answered. Empty: the server's.",
                        max_digits=10,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(Decimal("0"))],
                        verbose_name="price out",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="language_routes",
                        to="providers.chatserver",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "model route",
                "verbose_name_plural": "model routes",
                "ordering": ("task", "position"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("task", "position"),
                        name="language_route_position_once",
                        violation_error_message="Another route for this task has this position.",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="promptrevision",
            constraint=models.UniqueConstraint(fields=("task", "number"), name="prompt_revision_number_once"),
        ),
        migrations.AddConstraint(
            model_name="promptrevision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("share", 100), ("state", "published")),
                fields=("task",),
                name="prompt_revision_whole_once",
            ),
        ),
    ]
