"""Rules leave their table: a policy is one draft document, a revision the document that was published.

What is published goes on working: revisions keep their ids and numbers, rules their ids, and the state that calls
under way have kept of the former engine is written in the new one's form.
"""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.ids
import coaching.models.policies

COMBINE = [
    ("also", "beside policies for more people"),
    ("instead", "instead of policies for more people"),
]
KINDS = [
    ("hint", "hint"),
    ("line", "script line"),
    ("check", "checklist item"),
    ("checklist", "checklist item"),
    ("step", "step of a playbook"),
    ("praise", "praise"),
    ("knowledge", "knowledge"),
    ("prefill", "value for a form"),
]


# The longest time that the language has.
DAY = 24 * 3_600_000


def rule_document(spec):
    """A rule as it was kept (the fields of the former RuleSpec) in the policy language."""
    when = {"heard": spec["when"]}
    if spec.get("unless"):
        when = {"missing": {"heard": spec["unless"]}, "after": when, "within_ms": min(spec["wait_ms"], DAY)}
    if spec["kind"] == "hint":
        action = {"do": "hint", "label": spec["label"], "title": spec["title"]}
        if spec.get("say"):
            action["say"] = spec["say"]
    elif spec["kind"] == "checklist":
        action = {"do": "check", "title": spec["title"]}
    else:
        action = {"do": "alert", "severity": spec["severity"], "title": spec["title"]}
    withdraw = {"heard": spec["withdraw_on"]} if spec.get("withdraw_on") else None
    return {
        "id": spec["id"],
        "name": spec["title"],
        "when": when,
        "then": [action],
        "priority": min(spec["priority"], 100),
        "cooldown_ms": min(spec["cooldown_ms"], DAY),
        "once": spec["once"],
        "expires_ms": min(spec["expires_ms"], DAY) if spec["kind"] == "hint" else 0,
        "withdraw_when": withdraw,
        "position": spec["position"],
    }


def document_of(rules):
    return {
        "format": 1,
        "rules": [rule_document(rule) for rule in rules],
        "behaviours": [],
        "playbooks": [],
    }


def scope_of(kind, team):
    return {"teams": [str(team)]} if kind == "team" and team else {}


def drafts_and_revisions(apps, schema_editor):
    policies = apps.get_model("coaching", "Policy")
    revisions = apps.get_model("coaching", "PolicyRevision")
    rules = apps.get_model("coaching", "Rule")
    for revision in revisions.objects.all():
        spec = revision.spec
        revision.document = document_of(spec["rules"])
        revision.names = spec.get("names", {})
        revision.scope = scope_of(spec.get("scope"), spec.get("team"))
        revision.save(update_fields=["document", "names", "scope"])
    for policy in policies.objects.all():
        rows = rules.objects.filter(policy=policy).select_related("when", "unless", "withdraw_on")
        policy.draft = document_of([_spec(rule) for rule in rows.order_by("position", "id")])
        policy.scope = scope_of(policy.scope_kind, policy.team_id)
        if policy.state == "published":
            numbers = revisions.objects.filter(policy=policy).order_by("-number")
            policy.in_use_from = numbers.values_list("number", flat=True).first()
        policy.save(update_fields=["draft", "scope", "in_use_from"])
    # What was changed above may have checks pending, which the changes of the tables below do not wait for.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


def calls_under_way(apps, schema_editor):
    """What calls that go on while this runs have shown, ticked and done goes on; what they waited for is forgotten."""
    revisions = {str(row.pk): row for row in apps.get_model("coaching", "PolicyRevision").objects.all()}
    owners = apps.get_model("conversations", "CallOwner").objects.select_related("conversation")
    for owner in owners.filter(conversation__state__in=["announced", "live"]):
        kept = (owner.engine_state or {}).get("stages", {}).get("guidance")
        if kept and "v" not in kept:
            owner.engine_state["stages"]["guidance"] = call_state(
                kept,
                {one: revisions[one].document for one in kept["revisions"] if one in revisions},
                agent=str(owner.conversation.agent_id or ""),
                now_ms=owner.engine_state.get("clock_ms", 0),
            )
            owner.save(update_fields=["engine_state"])


def call_state(kept, documents, *, agent, now_ms):
    """The former stage's state in the present form. `documents`: of its revisions, by their ids."""
    rules = {rule["id"]: (one, rule) for one, document in documents.items() for rule in document["rules"]}
    former = kept["engine"]
    known = {key: rules[key] for key in {*former["fired"], *former["open"], *kept["open"]} if key in rules}

    def on_board(key):
        one, rule = known[key]
        action = rule["then"][0]
        return f"check|{action['title']}" if action["do"] == "check" else f"{one}|rule|{key}|0"

    ticked = [known[key][1]["then"][0] for key in former["fired"] if key in known]
    return {
        "v": 2,
        "agent": agent,
        "team": kept["team"],
        "revisions": kept["revisions"],
        "begun": kept["begun"],
        "now_ms": now_ms,
        "open": {on_board(key): row for key, row in kept["open"].items() if key in known},
        "engine": {
            "v": 2,
            "sequence": None,
            "customer": None,
            "facts": {
                **{name: {} for name in ("true", "counts", "waits", "last", "chains", "times")},
                "measures": {
                    "turn": 0,
                    "end": now_ms,
                    "speaker": "",
                    "level": None,
                    "whole": [[0, 0, 0], [0, 0, 0], 0, 0, 0],
                    "entries": [],
                    "recent": [],
                },
                "silent": now_ms,
                "hold": None,
            },
            "behaviours": {"waits": {}, "last": {}},
            "playbooks": {},
            "acts": {
                "screen": {
                    f"{known[key][0]}/{key}": [at, [0], known[key][1]["expires_ms"], ""]
                    for key, at in former["open"].items()
                    if key in known
                },
                "fired": {
                    f"{known[key][0]}/{key}": [at, 1] for key, at in former["fired"].items() if key in known
                },
                "held": {},
                "set": [],
                "items": {action["title"]: "ticked" for action in ticked if action["do"] == "check"},
            },
            "counts": {},
            "failures": {},
        },
    }


def _spec(rule):
    hint = rule.kind == "hint"
    return {
        "id": str(rule.pk),
        "kind": rule.kind,
        "when": rule.when.key,
        "title": rule.title,
        "say": rule.say,
        "label": rule.label,
        "unless": rule.unless.key if rule.unless else None,
        "wait_ms": rule.wait_seconds * 1000,
        "severity": rule.severity,
        "priority": rule.priority,
        "cooldown_ms": rule.cooldown_seconds * 1000,
        "once": rule.once,
        "expires_ms": rule.expires_seconds * 1000 if hint else 0,
        "withdraw_on": rule.withdraw_on.key if rule.withdraw_on else None,
        "position": rule.position,
    }


SCOPED_FIELDS = [
    ("scope", models.JSONField(blank=True, default=dict, verbose_name="for")),
    (
        "combine",
        models.CharField(choices=COMBINE, default="also", max_length=8, verbose_name="is in effect"),
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
        "holdout_percent",
        models.PositiveSmallIntegerField(
            default=0,
            help_text="For comparison: these agents get nothing of the policy. Always the same ones.",
            validators=[django.core.validators.MaxValueValidator(90)],
            verbose_name="share of agents without it (%)",
        ),
    ),
]


def _key():
    return (
        "id",
        models.UUIDField(default=accounts.ids.new_id, editable=False, primary_key=True, serialize=False),
    )


def _rule_id(**more):
    return models.CharField(max_length=80, **more)


def _utterance():
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to="conversations.utterance",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("coaching", "0003_alerts"),
        ("conversations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="policy", name="policy_team_iff_scope_team"),
        migrations.RenameField(model_name="policy", old_name="scope", new_name="scope_kind"),
        *(
            migrations.AddField(model_name=model, name=name, field=field.clone())
            for model in ("policy", "policyrevision")
            for name, field in SCOPED_FIELDS
        ),
        migrations.AddField(
            model_name="policy",
            name="draft",
            field=models.JSONField(default=coaching.models.policies.empty_document, verbose_name="draft"),
        ),
        migrations.AddField(
            model_name="policy",
            name="in_use_from",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="policy",
            name="writers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, default=list, editable=False, size=None
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="submitted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="handed in"),
        ),
        migrations.AddField(
            model_name="policy",
            name="submitted_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="handed in by",
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="state",
            field=models.CharField(
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
        migrations.AddField(
            model_name="policyrevision", name="document", field=models.JSONField(default=dict)
        ),
        migrations.AddField(model_name="policyrevision", name="names", field=models.JSONField(default=dict)),
        migrations.AddField(
            model_name="policyrevision", name="restores", field=models.PositiveIntegerField(null=True)
        ),
        migrations.AlterField(
            model_name="policyrevision",
            name="published_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="published by",
            ),
        ),
        migrations.RunPython(drafts_and_revisions, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(calls_under_way, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(model_name="policyrevision", name="document", field=models.JSONField()),
        migrations.RemoveField(model_name="policyrevision", name="spec"),
        migrations.RemoveField(model_name="policy", name="scope_kind"),
        migrations.RemoveField(model_name="policy", name="team"),
        migrations.DeleteModel(name="Rule"),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__isnull", True),
                    ("starts_at__isnull", True),
                    ("ends_at__gt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="policy_ends_after_it_starts",
            ),
        ),
        migrations.AddField(
            model_name="guidancesettings",
            name="four_eyes",
            field=models.BooleanField(
                default=False,
                help_text="A draft is then handed in for review, and somebody else publishes it.",
                verbose_name="who wrote a policy may not publish it",
            ),
        ),
        migrations.AlterField(
            model_name="guidance", name="kind", field=models.CharField(choices=KINDS, max_length=10)
        ),
        *(
            migrations.AlterField(model_name=model, name=name, field=_rule_id(**more))
            for model, name, more in (
                ("guidance", "rule_key", {}),
                ("guidance", "playbook", {"blank": True, "default": ""}),
                ("guidance", "step", {"blank": True, "default": ""}),
                ("guidancemute", "rule_key", {"blank": True, "default": ""}),
                ("alert", "rule_key", {"verbose_name": "kind"}),
            )
        ),
        migrations.AddField(
            model_name="guidance", name="action", field=models.PositiveSmallIntegerField(default=0)
        ),
        migrations.AddField(model_name="guidance", name="payload", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="guidance", name="used_in", field=_utterance()),
        migrations.AlterField(
            model_name="guidance",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AlterField(
            model_name="alert",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.CreateModel(
            name="RuleFault",
            fields=[
                _key(),
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
                _key(),
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
                ("cause", _utterance()),
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
                _key(),
                ("behaviour_key", models.CharField(max_length=80)),
                ("name", models.CharField(max_length=120)),
                ("weight", models.FloatField(default=1)),
                (
                    "result",
                    models.CharField(choices=[("done", "done"), ("missed", "missed")], max_length=6),
                ),
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
    ]
